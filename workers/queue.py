"""The queues: two lists in Redis on which the clock knocks, and a job class that runs our own functions and no other.

What happens inside the house and what leaves it have a queue and a worker each, so that a receiver that does not answer
holds up no timer.

Rows are the truth, jobs are only knocks on the door: a job carries no arguments and may come twice, late or never.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.utils import import_attribute

from models.settings import Settings
from workers import embedded_redis

NAME, OUTWARD = "tuoke", "tuoke.outward"
DRAIN, SEND = "workers.jobs.drain", "workers.jobs.send"
JOB_OF = {NAME: DRAIN, OUTWARD: SEND}
OURS = frozenset(JOB_OF.values())
DRAIN_TIMEOUT = 60  # seconds; a drain ends by itself after 20
FAILURE_TTL = 3600  # seconds that Redis remembers a failed knock
ENOUGH_KNOCKS = 2


class NotOurs(Exception):
    """A job names a function that is not ours, or brings anything along; it is not run."""


class OurJob(Job):
    """A job that runs only what is on our list. A serializer cannot see to that: JSON can name `os.system` too."""

    success_callback = None  # callbacks would be a second way to name a function
    failure_callback = None
    stopped_callback = None

    @property
    def func(self) -> Callable[[], Any]:
        """The function to run. Raises `NotOurs`."""
        if self.func_name not in OURS or self.instance or self.args or self.kwargs:
            raise NotOurs("a job that is not one of ours was refused")
        return import_attribute(str(self.func_name))

    def restore(self, raw_data: Mapping[Any, Any]) -> Any:
        """Read the job from Redis, without what could make it call anybody or come again."""
        super().restore(raw_data)
        self.webhooks, self.meta = [], {}
        self.retries_left = self.repeats_left = self.number_of_retries = None


def connect(settings: Settings, seconds: float = 0.5) -> Redis:
    """A connection that says soon when Redis is away, and sends nothing twice by itself."""
    if settings.embedded_redis:
        return embedded_redis.connect(settings, seconds)
    return Redis.from_url(
        settings.redis_url,
        socket_timeout=seconds,
        socket_connect_timeout=min(seconds, 2.0),
        retry=Retry(NoBackoff(), 0),
    )


def queue(connection: Redis, name: str = NAME) -> Queue:
    """The queue of this name (a worker has one: on two it can lose a job)."""
    return Queue(
        name,
        connection=connection,
        job_class=OurJob,
        serializer=JSONSerializer,
        default_timeout=DRAIN_TIMEOUT,
    )


def knock(door: Queue) -> bool:
    """Ask for the queue's job, unless enough knocks wait already; returns whether it knocked. Raises `RedisError`."""
    if door.count >= ENOUGH_KNOCKS:
        return False
    door.enqueue(JOB_OF[door.name], result_ttl=0, failure_ttl=FAILURE_TTL, description=door.name)
    return True
