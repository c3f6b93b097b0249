"""The session in which the house works: it gathers what the engine writes, knows which cases it has locked, and reads cases
in few steps.

It is SQLAlchemy's own session: pages, guards and rules ask it as they would any other. What the engine does thousands of times
a minute goes past the parts of it that cost more than the statements: changes are noted column by column and written with the
rows of history (`writing`), and cases that were read by a plain statement are seated among its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import event
from sqlalchemy.orm import Mapper, Session
from sqlalchemy.orm.attributes import instance_dict, instance_state

from models.writing import Writing, blank, insert_one

T = TypeVar("T")


class Books(Session):
    """A session that writes what was gathered whenever it is flushed. `held` are the cases this transaction has locked, by
    workflow and code."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.writing = Writing()
        self.held: dict[tuple[str, str], Any] = {}
        self.changed: set[Any] = set()

    def flush(self, objects: Sequence[Any] | None = None) -> None:
        super().flush(objects)
        if self.writing:
            self.writing.write(self.connection())

    def seat(self, kind: type[Any], names: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[Any]:
        """The cases of these rows, as they stand in the database now; `names` are their columns, `id` the first. Columns that
        were not read are read when somebody asks for them."""
        mapper, seated = kind.__mapper__, []
        for row in rows:
            key = mapper.identity_key_from_primary_key((row[0],))
            case = self.identity_map.get(key)
            if case is None:
                case = kind()
                state = instance_state(case)
                state.dict.update(zip(names, row, strict=False))
                state.key = key
                state._commit_all(state.dict)
                state.expired_attributes.update(_columns_of(mapper).difference(names))
                self._save_or_update_impl(state)
            else:
                state = instance_state(case)
                state.dict.update(zip(names, row, strict=False))
                state.expired_attributes.difference_update(names)
                state._commit(state.dict, names)
            seated.append(case)
        return seated

    def begin_case(self, case: Any) -> None:
        """Add a new case, which knows its number, now: who comes second is told so at once. What hangs on it (its lists) is
        gathered with the rest. Raises `IntegrityError` where a constraint says no."""
        state = instance_state(case)
        mapper = state.mapper
        lists = {each: state.dict.pop(each.key) for each in mapper.relationships if each.key in state.dict}
        for name, value in blank(case.__table__).items():
            state.dict.setdefault(name, value)
        insert_one(self.connection(), case.__table__, state.dict)
        state.key = mapper.identity_key_from_primary_key((case.id,))
        state._commit_all(state.dict)
        self._save_or_update_impl(state)
        for each, children in lists.items():
            ((_own, theirs),) = each.local_remote_pairs or ()
            for child in children if each.uselist else ():
                self.writing.add(child.__table__, {**instance_dict(child), theirs.name: case.id})

    def note(self, case: Any) -> None:
        """Note what was changed of a case, to be written with everything else. What cannot be told column by column
        (relationships) stays the session's own business."""
        state = instance_state(case)
        columns = _columns_of(state.mapper)
        changed = state.committed_state.keys() & columns
        if not changed or len(changed) != len(state.committed_state):
            return
        values = {name: state.dict[name] for name in changed}
        self.writing.change(case, case.__table__, {"id": case.id, **values})
        state._commit_all(state.dict, self.identity_map)
        self.changed.add(case)

    def _forget(self) -> None:
        """What was gathered or locked since the last savepoint is gone: look at the cases anew."""
        self.writing.forget()
        self.held.clear()
        for case in self.changed:
            if case in self:
                self.expire(case)
        self.changed.clear()


def books(session: Session) -> Books:
    """The session as one that gathers; every session that the house opens is one. Raises `TypeError` on another."""
    if not isinstance(session, Books):
        raise TypeError("open the database through models.database")
    return session


@event.listens_for(Books, "before_commit")
def _write_before_commit(session: Books) -> None:
    session.flush()


@event.listens_for(Books, "after_soft_rollback")
def _forget_after_rollback(session: Books, _previous: Any) -> None:
    session._forget()


@event.listens_for(Books, "after_commit")
def _let_go_after_commit(session: Books) -> None:
    if not session.in_nested_transaction():
        session.held.clear()
        session.changed.clear()


@cache
def _columns_of(mapper: Mapper[Any]) -> frozenset[str]:
    return frozenset(each.key for each in mapper.column_attrs)


def kept(session: Session, name: str, look: Callable[[Session], T]) -> T:
    """What `look` finds, looked up once per transaction: a batch of facts asks for it hundreds of times."""
    now_on, known = session.get_transaction(), session.info.get(name)
    if known is None or known[0] is not now_on:
        session.info[name] = known = (now_on, look(session))
    found: T = known[1]
    return found
