"""SpiffWorkflow: a BPMN process (`lead.bpmn`) for each lead, whose state is stored after every step.

The library keeps workflows in memory and leaves storing them to its users. As its documentation advises ("Optimizing
Serializations"): the specification apart from the instances (here once per process in memory, not read again for each
step), the instance as the JSON of its serializer, in a row of its own. A step is one transaction: read and lock, restore,
ask the lane who may, run the task, let the engine go on, store. The driver is the bare `sqlite3` or `psycopg`. A boundary
timer takes the assigned lead on; when it is due lies in a column beside the instance, so that a sweep restores only those
that are overdue, each in a transaction of its own, as the product around the library (SpiffArena) does. Two processes
were best on two cores with PostgreSQL, one with SQLite's one writer. Timers count from when all processes begin until
none finds one left.
"""

from __future__ import annotations

import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from SpiffWorkflow import TaskState
from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.parser import BpmnParser
from SpiffWorkflow.bpmn.serializer import DEFAULT_CONFIG, BpmnWorkflowSerializer
from SpiffWorkflow.bpmn.serializer.default.workflow import BpmnWorkflowConverter, WorkflowConverter

from tests.bench.peers import work as done

TABLE = "CREATE TABLE instance (lead_id INTEGER PRIMARY KEY, body TEXT NOT NULL, lapses_at DOUBLE PRECISION)"
INDEX = "CREATE INDEX instance_lapses_at ON instance (lapses_at)"
NEW = "INSERT INTO instance (lead_id, body, lapses_at) VALUES (:id, :body, :lapses_at)"
STORE = "UPDATE instance SET body = :instance, lapses_at = :lapses_at WHERE lead_id = :id"
RESTORE = "SELECT body FROM instance WHERE lead_id = :id"
OVERDUE = "SELECT lead_id FROM instance WHERE lapses_at <= :now ORDER BY lapses_at LIMIT 1"


def _specification() -> Any:
    parser = BpmnParser()
    parser.add_bpmn_file(str(Path(__file__).with_name("lead.bpmn")))
    return parser.get_spec("lead")


LEAD = _specification()


class Apart(BpmnWorkflowConverter):
    """An instance without its specification, which is the same for all."""

    def to_dict(self, workflow: Any) -> dict[str, Any]:
        events = self.registry.convert(workflow.bpmn_events)
        return {**WorkflowConverter.to_dict(self, workflow), "subprocesses": {}, "bpmn_events": events}

    def from_dict(self, stored: dict[str, Any]) -> Any:
        return super().from_dict({**stored, "spec": LEAD})


SERIALIZER = BpmnWorkflowSerializer(BpmnWorkflowSerializer.configure({**DEFAULT_CONFIG, BpmnWorkflow: Apart}))


class Books:
    """The leads and their instances over a bare connection."""

    def __init__(self, url: str) -> None:
        self.url, self.sqlite = url, done.is_sqlite(url)
        if self.sqlite:
            self.connection: Any = sqlite3.connect(
                url.removeprefix("sqlite:///"), isolation_level=None, timeout=20
            )
        else:
            self.connection = psycopg.connect(done.bare(url), autocommit=True)
        self.begin = "BEGIN IMMEDIATE" if self.sqlite else "BEGIN"
        self.overdue = OVERDUE if self.sqlite else f"{OVERDUE} FOR UPDATE SKIP LOCKED"
        self.read = done.locking(url, done.READ)

    def run(self, sql: str, **values: Any) -> Any:
        return self.connection.execute(done.spelled(self.url, sql), values)

    def screen(self, lead_id: int) -> None:
        self.run(self.begin)
        row, workflow = self._restored(lead_id)
        task = workflow.get_next_task(state=TaskState.READY, manual=True)
        if {"promoter": row[3]}.get(task.task_spec.lane) != done.WHO:
            raise done.Refused(f"{done.WHO} is not in the lane {task.task_spec.lane}")
        values = done.SCREEN.checked(lead_id, row, done.WHO, done.DEMAND)
        task.data["demand"] = done.DEMAND
        task.run()
        self._store(workflow, values)
        self.run("COMMIT")

    def lapse_next(self) -> bool:
        """Let one that is overdue lapse; whether there was one."""
        self.run(self.begin)
        found = self.run(self.overdue, now=time.time()).fetchone()
        if found:
            row, workflow = self._restored(found[0])
            workflow.refresh_timers()
            self._store(workflow, done.LAPSE.checked(found[0], row, "clock", done.DEMAND))
        self.run("COMMIT")
        return bool(found)

    def _restored(self, lead_id: int) -> tuple[Any, Any]:
        row = self.run(self.read, id=lead_id).fetchone()
        (body,) = self.run(RESTORE, id=lead_id).fetchone()
        return row, SERIALIZER.deserialize_json(body)

    def _store(self, workflow: Any, values: dict[str, Any]) -> None:
        """Let the engine go on and write down where it came to."""
        workflow.do_engine_steps()
        waiting = workflow.get_next_task(state=TaskState.READY, manual=True)
        state = waiting.task_spec.bpmn_name if waiting else _ended(workflow)
        instance = SERIALIZER.serialize_json(workflow)
        for sql in (done.WRITE, done.REMEMBER, done.ANNOUNCE, STORE):
            self.run(sql, **{**values, "target": state, "instance": instance, "lapses_at": None})


def _ended(workflow: Any) -> str:
    """The name of the end that was reached."""
    ends = [
        task for task in workflow.get_tasks(state=TaskState.COMPLETED) if task.task_spec.name == "unconverted"
    ]
    return str(ends[0].task_spec.bpmn_id) if ends else "closed"


def _laid(url: str, number: int, state: str) -> tuple[Books, list[int]]:
    """The leads with an instance each, waiting in this state; an assigned lead lapses in a moment."""
    leads, books, lapses_at = done.lay(url, number, state), Books(url), time.time() + 1
    workflow = BpmnWorkflow(LEAD)
    workflow.do_engine_steps()
    while workflow.get_next_task(state=TaskState.READY, manual=True).task_spec.bpmn_name != state:
        task = workflow.get_next_task(state=TaskState.READY, manual=True)
        task.data["lapses_at"] = datetime.fromtimestamp(lapses_at, UTC).isoformat()
        task.run()
        workflow.do_engine_steps()
    body = SERIALIZER.serialize_json(workflow)
    books.run(TABLE)
    books.run(INDEX)
    books.run(books.begin)
    for lead_id in leads:
        books.run(NEW, id=lead_id, body=body, lapses_at=lapses_at if state == done.LAPSE.source else None)
    books.run("COMMIT")
    time.sleep(max(0, lapses_at - time.time()))
    return books, leads


def transition(url: str, number: int) -> float:
    books, leads = _laid(url, number + done.WARM, done.SCREEN.source)
    done.settle(url)
    speed = done.paced(books.screen, leads)
    done.prove(url, done.SCREEN, len(leads))
    return speed


def sweep(url: str, number: int) -> float:
    _laid(url, number, done.LAPSE.source)
    begun, ended = done.crew("spiffworkflow", url, 1 if done.is_sqlite(url) else 2)
    done.prove(url, done.LAPSE, number)
    return number / (ended - begun)


def work(url: str) -> None:
    """One process that lets what is overdue lapse until nothing is left."""
    books = Books(url)
    done.await_start()
    begun = time.time()
    while books.lapse_next():
        pass
    done.say(begun, time.time())
