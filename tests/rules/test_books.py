"""What the session of the house promises: rows that were gathered are written or forgotten as a whole, cases stand as the
database has them, and writers of one file go in turn."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, func, select, update
from sqlalchemy.orm import Session

from models import database as databases
from models.books import books
from models.leads import Lead
from models.remembered import Delivery, History, Outbox
from tests.races.office import Office
from workflows import facts, timers
from workflows.engine import Ask, take
from workflows.engine.locking import hold
from workflows.lead import LeadFlow


class Interrupted(Exception):
    """Something that breaks off a transaction."""


def interrupted(act: Callable[[], object]) -> None:
    act()
    raise Interrupted


@pytest.fixture
def office(database: Engine) -> Office:
    return Office(database)


def following_up(office: Office, code: str, note: str = "电话") -> Ask:
    return Ask(LeadFlow, "follow_up", office.actors["guo"], office.now, code=code, facts={"note": note})


def test_what_was_gathered_before_a_savepoint_is_undone_stays_and_the_rest_is_forgotten(
    office: Office,
) -> None:
    kept, undone = office.assigned(), office.assigned()
    with databases.begin(office.engine) as session:
        take(session, following_up(office, kept))
        with pytest.raises(Interrupted), session.begin_nested():
            interrupted(lambda: take(session, following_up(office, undone)))
        again = session.scalars(select(Lead).where(Lead.code == undone)).one()
        assert again.version == len(events(session, undone)), "the case stands as its history does"
    with databases.read(office.engine) as session:
        assert events(session, kept)[-1] == "follow_up"
        assert "follow_up" not in events(session, undone)
    office.prove()


def events(session: Session, code: str) -> list[str]:
    return list(session.scalars(select(History.event).where(History.case_code == code).order_by(History.seq)))


def test_a_case_that_was_read_before_is_read_again_under_its_lock(office: Office) -> None:
    """Somebody else's change between the look and the lock is seen, not overwritten."""
    code = office.assigned()
    with databases.begin(office.engine) as session:
        lead = session.scalars(select(Lead).where(Lead.code == code)).one()
        session.connection().execute(update(Lead).where(Lead.code == code).values(intent="C"))
        assert lead.intent == "A", "as it was read"
        taken = take(session, following_up(office, code))
        assert taken.case is lead
        assert lead.intent == "C", "as it stands"


def test_what_is_sealed_is_read_when_it_is_asked_for(office: Office) -> None:
    code = office.assigned()
    with databases.begin(office.engine) as session:
        number = session.scalars(select(Lead.id).where(Lead.code == code)).one()
        (lead,) = hold(session, LeadFlow, [number])
        assert "name" not in lead.__dict__
        assert (lead.name, lead.demand) == ("王先生", "三房")


def test_a_sweep_of_many_asks_no_more_than_a_sweep_of_two(office: Office) -> None:
    def statements(leads: int) -> int:
        for _each in range(leads):
            office.assigned()
        office.drain()
        office.now += timedelta(days=10)
        asked: list[str] = []
        with databases.begin(office.engine) as session:
            session.connection()
            hear(session, asked)
            assert timers._sweep(session, office.now, 500) >= leads
            session.flush()
        return len(asked)

    assert statements(12) <= statements(2) + 2


def hear(session: Session, asked: list[str]) -> None:
    event.listen(session.connection(), "before_cursor_execute", lambda *args: asked.append(args[2]))


def test_one_fact_that_breaks_its_consumer_holds_up_no_other(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told eight times in vain it is parked; what was told beside it is told once."""
    broken, sound = office.capture(), office.capture()

    def breaks(_session: Session, told: Sequence[Any], _at: datetime) -> None:
        if any(fact.case_code == broken for fact in told):
            raise RuntimeError(broken)

    monkeypatch.setitem(facts.CONSUMERS, "brittle", breaks)
    for _try in range(facts.TRIES + 1):
        facts.deliver_due(office.engine, office.now)
        office.now += timedelta(hours=1)
    with databases.read(office.engine) as session:
        states: dict[str, str] = dict(session.execute(select(Outbox.case_code, Outbox.state)).all())
        assert (states[broken], states[sound]) == ("parked", "done")
        fences = select(Outbox.case_code, func.count()).join(Delivery, Delivery.uid == Outbox.uid)
        counted: dict[str, int] = dict(session.execute(fences.group_by(Outbox.case_code)).all())
        assert counted[sound] == len(facts.CONSUMERS)
        assert broken not in counted
        assert facts.parked(session)[0].tries == facts.TRIES


def test_a_fact_of_a_newer_version_waits_for_it(office: Office) -> None:
    """Old code beside new code leaves alone what it does not know: nothing is told by half."""
    office.capture()
    with databases.begin(office.engine) as session:
        session.execute(update(Outbox).where(Outbox.fact == "lead.captured").values(fact="lead.beamed_up"))
    office.drain()
    with databases.read(office.engine) as session:
        row = session.scalars(select(Outbox).where(Outbox.fact == "lead.beamed_up")).one()
        assert (row.state, row.tries) == ("pending", 0)
        assert (facts.undelivered(session, office.now), facts.not_ours(session)) == (0, 1)


def test_a_plain_session_is_refused() -> None:
    with pytest.raises(TypeError, match=r"models\.database"):
        books(Session())


def test_writers_of_one_file_go_in_turn_and_leave_the_line_however_they_end(sqlite_url: str) -> None:
    engine = databases.open_engine(sqlite_url)
    order: list[str] = []
    entered = threading.Event()

    def second() -> None:
        entered.wait()
        with databases.begin(engine) as session:
            session.execute(select(1))
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()

    def first() -> None:
        session.execute(update(Lead).values(intent="A"))
        entered.set()
        thread.join(0.2)
        assert thread.is_alive(), "it waits while another writes"
        order.append("first")

    with pytest.raises(Interrupted), databases.begin(engine) as session:
        interrupted(first)
    thread.join(10)
    assert order == ["first", "second"]
    engine.dispose()


def test_a_child_has_a_place_in_line_of_its_own(sqlite_url: str) -> None:
    """What a process held when it forked is not its child's."""
    engine = databases.open_engine(sqlite_url)
    with databases.begin(engine) as session:
        session.execute(update(Lead).values(intent="A"))
        child = os.fork()
        if not child:
            other = databases.open_engine(sqlite_url)
            line = os.open(f"{other.url.database}-line", os.O_RDWR)
            try:
                fcntl.flock(line, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os._exit(0)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, "the parent still holds its place"
    with databases.begin(engine) as session:
        session.execute(update(Lead).values(intent="B"))
    engine.dispose()


def test_one_change_on_postgresql_reads_no_table_from_end_to_end(postgres_url: str) -> None:
    office = Office(databases.open_engine(postgres_url))
    code = office.assigned()
    with office.engine.begin() as connection:  # so many that reading all of them would be felt
        columns = [column.name for column in Lead.__table__.columns]
        fresh = {
            "id": "g",
            "code": "'F' || g",
            "state": "'closed'",
            "phone_index": "'x' || g",
            "previous_id": "NULL",
        }
        said = ", ".join(fresh.get(name, name) for name in columns)
        connection.exec_driver_sql(
            f"INSERT INTO lead ({', '.join(columns)}) SELECT {said} FROM lead, generate_series(1001, 4000) g WHERE code = '{code}'"
        )
    read = "SELECT pg_stat_force_next_flush(), seq_tup_read FROM pg_stat_user_tables WHERE relname = 'lead'"

    def seen() -> int:
        with office.engine.connect() as connection:
            connection.exec_driver_sql(read)
            connection.commit()
            return int(connection.exec_driver_sql(read).one()[1])

    before = seen()
    with databases.begin(office.engine) as session:
        take(session, following_up(office, code))
    assert seen() - before < 1000, "the one lead is looked up by its number"
    office.engine.dispose()
