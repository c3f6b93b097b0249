"""A drill: Redis is emptied and a worker killed on purpose while probes are under way, and then it is shown that nothing was
lost. It touches no case: what waits besides the probes is only watched, and its cases proved."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from redis import Redis
from rq import Queue
from rq.worker_registration import get_keys
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models import database
from models.machinery import Drill, Heartbeat
from models.settings import Settings
from workers import ground, host
from workers.doctor import present
from workers.queue import NAME, OUTWARD, connect, queue
from workflows import drilling, probes
from workflows.health.processes import lives
from workflows.probes import Told
from workflows.verify import Finding

T = TypeVar("T")
Say = Callable[[str], None]
WAVES, WAVE = 3, {"sqlite": 100, "postgresql": 400}  # of probes: each wave is more than one batch
UNDER_WAY_SECONDS = 10.0  # for the first probes to be told
PATIENCE_SECONDS = 120.0
LOOK_SECONDS = 0.02


class CannotDrill(Exception):
    """The drill was not begun; the message is one line that says why."""


@dataclass(frozen=True, slots=True)
class Victim:
    """The worker that is to be killed: the name it signs with, and its process on this host."""

    label: str
    pid: int


@dataclass(frozen=True, slots=True)
class Held:
    """What came of a drill. `back` is whether the killed worker works again."""

    drill: Drill
    back: bool
    findings: list[Finding]

    @property
    def well(self) -> bool:
        return self.drill.nothing_lost and self.back


@contextmanager
def prepared(settings: Settings, engine: Engine, say: Say) -> Iterator[Drilling]:
    """A drill that can be held: everything lives, and there is a worker on this host. Raises `CannotDrill`, `RedisError`."""
    with database.read(engine) as session:
        real = ground.real_now()
        silent = [kind for kind in ("clock", "worker") if not lives(session, kind, real)]
        victims = list(_victims(session, real))
    if silent:
        raise CannotDrill(f"no {' and no '.join(silent)} gives a sign of life: start Tuoke first (tuoke up)")
    if not victims:
        raise CannotDrill("no worker of this installation runs on this host: hold the drill where one does")
    connection = connect(settings, seconds=5.0)
    try:
        connection.ping()
        yield Drilling(settings, engine, connection, victims[0], say)
    finally:
        connection.close()


def _victims(session: Session, real: datetime) -> Iterator[Victim]:
    """The living workers of this host: they sign with its name and their process, and that process is a worker of ours."""
    for beat in session.scalars(select(Heartbeat).where(Heartbeat.kind == "worker").order_by(Heartbeat.name)):
        words = dict(zip(beat.detail.split()[::2], beat.detail.split()[1::2], strict=False))
        pid = int(words["pid"]) if words.get("pid", "").isdigit() else 0
        if beat.name.endswith(f"@{host.name()}") and pid and _is_worker(pid):
            yield Victim(beat.name, pid)


def _is_worker(pid: int) -> bool:
    """Whether this process is a `tuoke worker` of ours: numbers of processes are used again."""
    with suppress(OSError, PermissionError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        mine = Path(f"/proc/{pid}").stat().st_uid == os.getuid() or os.getuid() == 0
        return mine and b"worker" in words and any(b"tuoke" in w or b"workers.command" in w for w in words)
    return False


@dataclass
class Drilling:
    """One drill: where it is held, and who is told how it goes."""

    settings: Settings
    engine: Engine
    connection: Redis
    victim: Victim
    say: Say

    def hold(self) -> Held:
        """Break things while probes are told, wait until all is well again, and count. Raises `DBAPIError`, `RedisError`."""
        with database.read(self.engine) as session:
            at = present(self.settings, session)
            cases, row = drilling.moving(session, at), drilling.last_row(session)
            self.say(f"before  due besides the probes: {drilling.waiting(session, at)}")
        number = self._write(lambda s: drilling.begin(s, ground.real_now(), host.name(), self.victim.label))
        size = WAVE[self.engine.dialect.name]
        self._probe(number, range(size))
        begun = self._wait(number, lambda told: told.waiting < told.probes, UNDER_WAY_SECONDS)
        self.say(f"blow    when {begun.probes - begun.waiting} of {begun.probes} probes were told:")
        struck = time.monotonic()
        self._strike()
        for wave in range(1, WAVES):
            self._probe(number, range(wave * size, (wave + 1) * size))
        told = self._wait(number, lambda told: not told.waiting, PATIENCE_SECONDS)
        all_told = time.monotonic() - struck
        self.say(
            f"after   {told.once} of {told.probes} probes told once, the last {all_told:.1f} s after the blow"
        )
        back = self._wait_for_worker(struck + PATIENCE_SECONDS)
        recovered = time.monotonic() - struck if back else all_told
        with database.read(self.engine) as session:
            self.say(
                f"        due besides the probes: {drilling.waiting(session, present(self.settings, session))}"
            )
            findings = drilling.findings(session, cases, row)
        ms = None if told.waiting else int(recovered * 1000)
        drill = self._write(lambda s: drilling.conclude(s, number, len(findings), ms))
        return Held(drill, back, findings)

    def _strike(self) -> None:
        self.say(f"        Redis emptied ({empty(self.settings, self.connection)})")
        os.kill(self.victim.pid, signal.SIGKILL)
        self.say(f"        worker {self.victim.label} killed (kill -9 of process {self.victim.pid})")

    def _probe(self, number: int, numbers: range) -> None:
        self._write(lambda s: probes.probe(s, number, numbers, present(self.settings, s)))

    def _wait(self, number: int, enough: Callable[[Told], bool], seconds: float) -> Told:
        """How the probes stand as soon as it is enough, or when the time is over."""
        end = time.monotonic() + seconds
        while True:
            with database.read(self.engine) as session:
                told = probes.counted(session, number)
            if enough(told) or time.monotonic() > end:
                return told
            time.sleep(LOOK_SECONDS)

    def _wait_for_worker(self, end: float) -> bool:
        """Whether the killed worker gives signs of life again, as another process, before the end on the monotonic clock."""
        while time.monotonic() < end:
            with database.read(self.engine) as session:
                found = [v for v in _victims(session, ground.real_now()) if v.label == self.victim.label]
            if found and found[0].pid != self.victim.pid:
                return True
            time.sleep(LOOK_SECONDS * 5)
        return False

    def _write(self, work: Callable[[Session], T]) -> T:
        return database.in_transaction(self.engine, work)


def empty(settings: Settings, connection: Redis) -> str:
    """Empty our Redis: all of it where it is the embedded server, else what is ours; says how much that was."""
    if settings.embedded_redis:
        keys = connection.dbsize()
        connection.flushall()
        return f"all {keys} keys"
    keys = 0
    for name in (NAME, OUTWARD):
        for key in _keys_of(queue(connection, name)):
            keys += connection.delete(key)
    return f"our {keys} keys"


def _keys_of(door: Queue) -> Iterator[str]:
    """Everything of one queue: its jobs wherever they stand, its lists and registries, its workers."""
    registries = (
        door.started_job_registry, door.finished_job_registry, door.failed_job_registry, door.deferred_job_registry,
        door.ready_job_registry, door.scheduled_job_registry, door.canceled_job_registry,
    )  # fmt: skip
    lists = [door.get_job_ids(), door.intermediate_queue.get_job_ids(), *(r.get_job_ids(cleanup=False) for r in registries)]  # fmt: skip
    yield from (door.job_class.key_for(job_id) for jobs in lists for job_id in jobs)
    yield from get_keys(queue=door)
    yield from (door.key, door.intermediate_queue_key, door.registry_cleaning_key, f"rq:workers:{door.name}")
    yield from (registry.key for registry in registries)
