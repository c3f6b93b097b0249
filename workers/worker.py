"""The worker: takes knocks from the queue and drains, in a forked child that dies with it, and goes on whatever Redis does."""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from contextlib import suppress
from types import FrameType
from typing import Any, NoReturn
from uuid import uuid4

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import RedisError
from rq import Queue, Worker
from rq.job import Job
from rq.serializers import JSONSerializer
from sqlalchemy.exc import SQLAlchemyError

import workers.jobs  # before the fork, so that a child starts fast
from models import database, machinery
from models.settings import Settings
from workers import ground, host
from workers.queue import NAME, OUTWARD, OurJob, connect, queue, see_that_redis_lets_us_in

log = logging.getLogger("tuoke.worker")
WORKER_TTL = 25  # seconds; the housekeeping of an idle worker comes round every ten (WORKER_TTL - 15)
MAINTENANCE_INTERVAL = 10
MONITORING_INTERVAL = 5
BEAT_SECONDS = 5.0
STOP = {signal.SIGTERM, signal.SIGINT}
KIND_OF = {NAME: "worker", OUTWARD: "sender"}  # in the signs of life


class DrainWorker(Worker):
    """An RQ worker that runs only our jobs, leaves its sign of life in our database and takes its child along."""

    job_class = OurJob
    log_result_lifespan = False
    max_connection_wait_time = 2.0

    def __init__(self, door: Queue, connection: Redis, label: str) -> None:
        self.label = label
        self.last_beat = float("-inf")
        super().__init__(
            [door],
            name=f"{label}.{uuid4().hex[:8]}",
            connection=connection,
            job_class=OurJob,
            serializer=JSONSerializer,
            default_result_ttl=0,
            worker_ttl=WORKER_TTL,
            maintenance_interval=MAINTENANCE_INTERVAL,
            job_monitoring_interval=MONITORING_INTERVAL,
            log_job_description=False,
        )

    def _set_ip_address(self, connection: Redis) -> None:
        """Nobody asks for it, and asking Redis breaks on a socket whose path has a space in it."""
        self.ip_address = "unknown"

    @property
    def told_to_stop(self) -> bool:
        return self._shutdown_requested_date is not None

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        """RQ's own heartbeat, and before it ours: RQ's registry forgets living workers (FLUSHALL), our rows do not."""
        if not self.is_horse and time.monotonic() - self.last_beat >= BEAT_SECONDS:
            beat(self.label, KIND_OF[self.queues[0].name])
            self.last_beat = time.monotonic()
        super().heartbeat(timeout, pipeline)

    def subscribe(self) -> None:
        """Not: commands through Redis could stop us, and nobody of ours sends any."""

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        """In the child: a killed worker must not leave it working beside the next one."""
        ground.die_with_parent(self.pid or 0, last=signal.SIGKILL)
        super().main_work_horse(job, queue)

    def fork_work_horse(self, job: Job, queue: Queue) -> None:
        """Whoever says stop just now is heard when both know of each other, so that the child hears of it too."""
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP)
        try:
            super().fork_work_horse(job, queue)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP)

    def setup_work_horse_signals(self) -> None:
        """In the child: SIGTERM ends the drain after the batch it is at, which is then committed as a whole."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: workers.jobs.enough.set())
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP)
        if self.told_to_stop:
            workers.jobs.enough.set()

    def handle_warm_shutdown_request(self) -> None:
        """Told to stop: the child is told too, so that nobody waits for a long drain."""
        if self.horse_pid:
            with suppress(ProcessLookupError):
                os.kill(self.horse_pid, signal.SIGTERM)

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        """One line, without the traceback: it may hold what a row holds."""
        self.log.error("job %s failed: %s", job.id, getattr(exc_info[0], "__name__", "unknown"))

    def set_shutdown_requested_date(self) -> None:
        """Told to stop while Redis is away: stop all the same."""
        with suppress(RedisError):
            super().set_shutdown_requested_date()  # type: ignore[no-untyped-call]


def without_traceback(record: logging.LogRecord) -> bool:
    """Let RQ say what kind of error it met, not the traceback: it may hold what a row holds."""
    if record.exc_info and record.exc_info[0]:
        record.msg, record.args = f"{record.getMessage()} ({record.exc_info[0].__name__})", ()
        record.exc_info = record.exc_text = None
    return True


def beat(label: str, kind: str) -> None:
    """Leave a worker's sign of life and its host's, and no open connection: the next fork would inherit it."""
    try:
        seen = str(host.look(ground.settings()))
        with database.begin(ground.engine()) as session:
            database.hold(session, machinery.HOST)  # the workers of a host leave one row for it
            ground.sign_of_life(session, label, kind, f"pid {os.getpid()}")
            ground.sign_of_life(session, host.name(), machinery.HOST, seen)
    except (SQLAlchemyError, OSError) as error:
        log.warning("no sign of life left: %s", type(error).__name__)
    finally:
        ground.engine().dispose()


def leave(label: str) -> None:
    """Take the sign of life away: who ends in order is not silent."""
    with suppress(SQLAlchemyError), database.begin(ground.engine()) as session:
        machinery.leave(session, label)


def run(settings: Settings, label: str | None = None, name: str = NAME) -> None:
    """Work on the queue of this name until told to stop. RQ's worker leaves on any Redis trouble: it is made anew, a little later each time."""
    label = label or f"{KIND_OF[name]}@{socket.gethostname()}"
    ground.see_that_the_books_are_ours()
    see_that_redis_lets_us_in(settings)
    logging.getLogger("rq.worker").addFilter(without_traceback)
    pause = ground.Pause(first=0.2, longest=2.0)
    try:
        while True:
            started = time.monotonic()
            if _work(settings, label, name):
                return
            if time.monotonic() - started > 10:
                pause.over()
            time.sleep(pause.longer())
    finally:
        leave(label)


def _work(settings: Settings, label: str, name: str) -> bool:
    """Work as long as Redis lets us; returns whether we were told to stop."""
    worker = None
    _leave_on_signal()
    try:
        connection = connect(settings, seconds=2.0)
        worker = DrainWorker(queue(connection, name), connection, label)
        worker.work(logging_level="WARNING")
    except RedisError as error:
        log.warning("Redis is away (%s)", type(error).__name__)
        beat(label, KIND_OF[name])
    finally:
        _leave_on_signal()
    return worker is not None and worker.told_to_stop


def _leave_on_signal() -> None:
    """While no RQ worker listens to signals, end at once on one."""

    def leave(_number: int, _frame: FrameType | None) -> NoReturn:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
