"""DBOS: a durable workflow for each transition, whose one step is a transaction of a datasource.

As its documentation advises: datasources for database work ("Transactions & Datasources"), so that the step and its
checkpoint commit together; the workflow itself is what the example "Transactional Outbox" puts in place of an outbox, so it
writes no outbox row, which is less than the others do; a delayed workflow on a queue for a timer ("Delayed Execution"), with
`worker_concurrency` rather than a global limit where two processes share it, and an executor of its own name for each. In
PostgreSQL its system tables lie beside ours, as is its default; on SQLite it needs a file of its own, for it asks for the
write lock of its own tables while a step holds that of the leads.

Timers count from when the first was claimed until the last workflow was complete, so neither the start of the processes nor
the wait for the first poll is held against it. Two processes on PostgreSQL and one on SQLite were best on two cores, and
polling once a second, as it comes: more often, or fewer workflows at once, was slower.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import sqlalchemy
from dbos import DBOS, SetEnqueueOptions, SQLAlchemyDatasource
from sqlalchemy import text

from tests.bench.peers import work as done

QUEUE = "lapses"
CONCURRENCY = 250  # workflows that one of two processes claims at once; more than it does in the second between two polls


def transition(url: str, number: int) -> float:
    leads = done.lay(url, number + done.WARM, done.SCREEN.source)
    screen = _workflow(url, done.SCREEN)
    DBOS.launch()
    done.settle(url)
    speed = done.paced(lambda lead_id: screen(lead_id, done.WHO, done.DEMAND), leads)
    DBOS.destroy()
    done.prove(url, done.SCREEN, len(leads), outbox=False)
    return speed


def sweep(url: str, number: int) -> float:
    leads = done.lay(url, number, done.LAPSE.source)
    lapse = _workflow(url, done.LAPSE)
    DBOS.listen_queues([])
    DBOS.launch()
    DBOS.register_queue(QUEUE, worker_concurrency=None if done.is_sqlite(url) else CONCURRENCY)
    for lead_id in leads:
        with SetEnqueueOptions(delay_seconds=0.001):
            DBOS.enqueue_workflow(QUEUE, lapse, lead_id, "clock", done.DEMAND)
    DBOS.destroy()
    done.crew("dbos", url, 1 if done.is_sqlite(url) else 2)
    done.prove(url, done.LAPSE, number, outbox=False)
    begun, ended = _ask(url, "min(started_at_epoch_ms), max(completed_at)")
    return number * 1000 / (ended - begun)


def work(url: str) -> None:
    """One process that runs what is due until nothing is left."""
    _workflow(url, done.LAPSE)
    done.await_start()
    begun = time.time()
    _drain(url)
    done.say(begun, time.time())
    DBOS.destroy()


def _drain(url: str) -> None:
    DBOS.launch()
    while _ask(url, "count(*) FILTER (WHERE status <> 'SUCCESS')")[0]:
        time.sleep(0.5)


def _ask(url: str, what: str) -> tuple[int, ...]:
    """What DBOS wrote down of the workflows of the queue."""
    engine = sqlalchemy.create_engine(_system(url))
    with engine.connect() as connection:
        table = "workflow_status" if done.is_sqlite(url) else "dbos.workflow_status"
        found = connection.exec_driver_sql(f"SELECT {what} FROM {table} WHERE queue_name = '{QUEUE}'").one()
    engine.dispose()
    return tuple(map(int, found))


def _system(url: str) -> str:
    return url.replace(".sqlite3", "-dbos.sqlite3")


def _workflow(url: str, move: done.Move) -> Callable[[int, str, str], None]:
    if done.is_sqlite(url):
        done.logged_ahead(_system(url).removeprefix("sqlite:///"))
    DBOS(
        config={
            "name": "leads",
            "system_database_url": _system(url),
            "application_version": "1",
            "executor_id": f"process-{os.getpid()}",
            "log_level": "WARNING",
        }
    )
    books = SQLAlchemyDatasource.create(url)
    read, write = text(done.locking(url, done.READ)), [text(done.WRITE), text(done.REMEMBER)]

    @books.transaction(isolation_level="SERIALIZABLE" if done.is_sqlite(url) else "READ COMMITTED")
    def moved(lead_id: int, who: str, demand: str) -> None:
        session = books.sql_session()
        row = session.execute(read, {"id": lead_id}).one()
        values: dict[str, Any] = move.checked(lead_id, row, who, demand)
        for statement in write:
            session.execute(statement, values)

    @DBOS.workflow(name=move.event)
    def workflow(lead_id: int, who: str, demand: str) -> None:
        moved(lead_id, who, demand)

    made: Callable[[int, str, str], None] = workflow
    return made
