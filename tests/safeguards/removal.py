"""Taking one safeguard away, everywhere in this process: in the text of statements, in the tables, or where it is a function of
ours, there. What is put in its place does nothing but leave it out."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from sqlalchemy import Connection, Engine, event

import web.api.answers
from models import database
from workers import ground
from workflows.approval import has_four_eyes
from workflows.engine import Ask
from workflows.telling import posting

GIVEN = r"(?:%\(\w+\)s|\?)(?:::[A-Z]+(?: WITH TIME ZONE)?)?"  # a value handed to a statement
LOCK = r"\s+FOR (?:NO KEY )?UPDATE(?: OF \w+)?(?: SKIP LOCKED)?"
Removal = Callable[[], AbstractContextManager[object]]


@contextmanager
def every_statement(change: Callable[[str], str]) -> Iterator[None]:
    """Every statement of every engine is changed so before it goes to the database."""

    def before(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_more: Any) -> tuple[str, Any]:
        return change(statement), parameters

    event.listen(Engine, "before_cursor_execute", before, retval=True)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", before)


def without_lock(table: str) -> Removal:
    """Rows of this table are read without the lock that is asked for."""
    of_table, lock = re.compile(rf"\bFROM {table}\b"), re.compile(LOCK)
    return lambda: every_statement(lambda said: lock.sub("", said) if of_table.search(said) else said)


def always(place: str, *conditions: str) -> Removal:
    """In the statements that begin like this these conditions hold whatever is there."""
    begins, wanted = (
        re.compile(place),
        [re.compile(rf"(?:(?<=WHERE )|(?<=AND ))({each}{GIVEN})") for each in conditions],
    )

    def change(said: str) -> str:
        if begins.match(said):
            for each in wanted:
                said = each.sub(r"(\1 OR 1=1)", said)
        return said

    return lambda: every_statement(change)


def put(find: str, instead: str) -> Removal:
    return lambda: every_statement(lambda said: re.sub(find, instead, said))


@contextmanager
def untied(*statements: str) -> Iterator[None]:
    """The tables of every PostgreSQL database, once it is spoken to, without these constraints and indexes."""
    done: set[str] = set()

    def begin(connection: Connection) -> None:
        name = str(connection.engine.url.database)
        if (
            connection.dialect.name != "postgresql"
            or name in done
            or connection.get_execution_options().get("readonly")
        ):
            return
        done.add(name)
        with connection.connection.dbapi_connection.cursor() as cursor:  # type: ignore[union-attr]
            for statement in statements:
                cursor.execute(statement)
        connection.connection.dbapi_connection.commit()  # type: ignore[union-attr]

    event.listen(Engine, "begin", begin)
    try:
        yield
    finally:
        event.remove(Engine, "begin", begin)


@contextmanager
def no_hold() -> Iterator[None]:
    with patch.object(database, "hold", lambda _session, _what: None):
        yield


@contextmanager
def guard_says_yes(guard: Any) -> Iterator[None]:
    kept = guard.test
    object.__setattr__(guard, "test", lambda _check: True)
    try:
        yield
    finally:
        object.__setattr__(guard, "test", kept)


@contextmanager
def version_overlooked() -> Iterator[None]:
    """Whoever asks says no version."""
    made = Ask.__init__

    def blind(self: Ask, *given: Any, **named: Any) -> None:
        made(self, *given, **{**named, "version": None})

    with patch.object(Ask, "__init__", blind):
        yield


@contextmanager
def forks_unseen() -> Iterator[None]:
    with patch.object(os, "register_at_fork", lambda **_hooks: None):
        ground.engine.cache_clear()
        yield


@dataclass(frozen=True, slots=True)
class Safeguard:
    """What is taken away, how, and the test that must then be red. `cheap`: so quick that it is tried at every `make test`."""

    name: str
    how: str
    remove: Removal = field(repr=False)
    test: str
    cheap: bool = True


LOCKS, RULES, GUARDS = (f"tests/safeguards/test_{name}.py::" for name in ("locks", "rules", "last_guards"))
SAFEGUARDS = (
    Safeguard(
        "row lock",
        "no FOR NO KEY UPDATE on the lead",
        without_lock("lead"),
        LOCKS + "test_two_steps_of_one_lead_are_taken_in_turn",
    ),
    Safeguard(
        "project lock",
        "no FOR NO KEY UPDATE on the project",
        without_lock("project"),
        LOCKS + "test_two_arrivals_at_one_instant_go_to_two_consultants",
    ),
    Safeguard(
        "hold of a phone",
        "no advisory lock",
        no_hold,
        LOCKS + "test_two_visitors_who_type_one_phone_are_one_lead",
    ),
    Safeguard(
        "hold of the ledger",
        "no advisory lock",
        no_hold,
        LOCKS + "test_what_two_workers_post_at_one_instant_is_posted_once",
    ),
    Safeguard(
        "outbox lease",
        "no FOR UPDATE SKIP LOCKED on facts",
        without_lock("outbox"),
        LOCKS + "test_a_worker_leaves_alone_what_another_is_telling",
    ),
    Safeguard(
        "claim of a message",
        "no FOR UPDATE SKIP LOCKED on messages",
        without_lock("message"),
        LOCKS + "test_a_sender_leaves_alone_what_another_claims",
    ),
    Safeguard(
        "lease of a message",
        "it is over at once",
        lambda: patch.object(posting, "LEASE", timedelta(0)),
        LOCKS + "test_what_is_being_sent_is_sent_by_nobody_else",
    ),
    Safeguard(
        "fence of a message",
        "settled whatever the try",
        always(r"UPDATE message", r"message\.tries = "),
        LOCKS + "test_a_sender_who_comes_back_too_late_settles_nothing",
    ),
    Safeguard(
        "check at firing time",
        "fired whatever its state and due time",
        always(r"UPDATE timer", r"timer\.state = ", r"timer\.due_at <= "),
        LOCKS + "test_a_timer_that_was_postponed_while_it_was_looked_for_does_not_fire",
    ),
    Safeguard(
        "claim of an Idempotency-Key",
        "the key is not read",
        lambda: patch.object(web.api.answers, "idempotency_key", lambda: None),
        LOCKS + "test_a_request_that_comes_twice_at_one_instant_happens_once",
    ),
    Safeguard(
        "BEGIN IMMEDIATE",
        "a plain BEGIN",
        put("^BEGIN IMMEDIATE$", "BEGIN"),
        LOCKS + "test_two_who_read_before_they_write_lose_nothing",
    ),
    Safeguard(
        "fork hygiene",
        "no register_at_fork",
        forks_unseen,
        LOCKS + "test_a_forked_child_opens_connections_of_its_own",
    ),
    Safeguard(
        "four eyes",
        "the guard says yes",
        lambda: guard_says_yes(has_four_eyes),
        RULES + "test_nobody_decides_what_they_asked_for_or_gain_from",
    ),
    Safeguard(
        "version of a form",
        "nobody says one",
        version_overlooked,
        RULES + "test_a_form_that_shows_an_old_state_is_not_taken",
    ),
    Safeguard(
        "fence of delivery",
        "what was told is not found",
        put(r"(FROM delivery\s+WHERE )", r"\1 1=0 AND "),
        RULES + "test_a_fact_that_is_told_again_has_no_effect",
    ),
    *(
        Safeguard(
            f"one key: {what}",
            f"no {name}",
            (lambda said: lambda: untied(said))(statement),
            f"{GUARDS}test_there_is_only_one[postgresql-{what}]",
            cheap=False,
        )
        for what, name, statement in (
            (
                what,
                name,
                f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}"
                if kind == "constraint"
                else f"DROP INDEX IF EXISTS {name}",
            )
            for what, table, name, kind in (
                ("a step in a case's history", "history", "uq_history_flow_case_id_seq", "constraint"),
                ("a step of a timer", "history", "uq_history_timer_id", "constraint"),
                ("an open lead of a phone", "lead", "uq_lead_open_phone", "index"),
                ("a claim of a receipt", "expense", "uq_expense_receipt", "index"),
                ("an open request for an event of a case", "approval", "uq_approval_pending", "index"),
                ("a running timer of a name", "timer", "uq_timer_pending", "index"),
                ("a fact of a cause", "outbox", "uq_outbox_cause_fact", "constraint"),
                ("a delivery of a fact to a consumer", "delivery", "pk_delivery", "constraint"),
                (
                    "a notice of a fact to a person",
                    "notification",
                    "uq_notification_fact_uid_person_id",
                    "constraint",
                ),
                (
                    "a message of a fact to a receiver",
                    "message",
                    "uq_message_endpoint_id_fact_uid",
                    "constraint",
                ),
                ("a posting under a key", "journal", "uq_journal_key", "constraint"),
                ("an answer to a key", "answer", "pk_answer", "constraint"),
                ("a month of the books", "month", "uq_month_project_id_month", "constraint"),
                (
                    "a quota of a person and month",
                    "quota",
                    "uq_quota_project_id_person_id_month",
                    "constraint",
                ),
                ("a place in the rotation", "duty", "uq_duty_project_id_person_id", "constraint"),
            )
        )
    ),
)
