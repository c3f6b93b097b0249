"""The queues: two lists in Redis on which the clock knocks, and a job class that runs our own functions and no other.

What happens inside the house and what leaves it have a queue and a worker each, so that a receiver that does not answer
holds up no timer.

Rows are the truth, jobs are only knocks on the door: a job carries no arguments and may come twice, late or never.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    NoPermissionError,
    RedisError,
    ResponseError,
)
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.utils import import_attribute

from models.settings import Settings, WrongSetting
from workers import embedded_redis

NAME, OUTWARD = "tuoke", "tuoke.outward"
DRAIN, SEND = "workers.jobs.drain", "workers.jobs.send"
JOB_OF = {NAME: DRAIN, OUTWARD: SEND}
OURS = frozenset(JOB_OF.values())
DRAIN_TIMEOUT = 60  # seconds; a drain ends by itself after 20
FAILURE_TTL = 3600  # seconds that Redis remembers a failed knock
ENOUGH_KNOCKS = 2
# A host that is cut off says nothing: it is noticed when five seconds of silence and three questions brought no answer.
KEEPALIVE = {
    getattr(socket, name): seconds
    for name, seconds in (("TCP_KEEPIDLE", 5), ("TCP_KEEPINTVL", 2), ("TCP_KEEPCNT", 3))
    if hasattr(socket, name)  # not everywhere
}


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
    over_tcp: dict[str, Any] = {"socket_keepalive": True, "socket_keepalive_options": KEEPALIVE}
    return Redis.from_url(
        settings.redis_url,
        socket_timeout=seconds,
        socket_connect_timeout=min(seconds, 2.0),
        retry=Retry(NoBackoff(), 0),
        driver_info=None,  # what nobody reads needs no right to be written
        maint_notifications_config=MaintNotificationsConfig(enabled=False),
        **({} if settings.redis_url.startswith("unix:") else over_tcp),
    )


def see_that_redis_lets_us_in(settings: Settings) -> None:
    """Look at what REDIS_URL names before anything starts. A Redis that is away is no reason to stop, one that sends us
    away is.

    Raises `WrongSetting` for files that are no certificates, a certificate of Redis that nobody vouches for, a wrong user
    or password, and a user who may not even greet.
    """
    if settings.embedded_redis:
        return
    _read_certificates(settings.redis_url)
    connection = connect(settings, seconds=2.0)
    try:
        connection.ping()
    except NoPermissionError:
        raise WrongSetting("REDIS_URL: this user of Redis lacks rights; the README lists them") from None
    except (AuthenticationError, AuthorizationError):
        raise WrongSetting("REDIS_URL: Redis does not accept this user and password") from None
    except ResponseError as error:
        raise WrongSetting(f"REDIS_URL: Redis refuses ({str(error)[:60]})") from None
    except RedisError as error:
        if found := _wrong_tls(error):
            raise WrongSetting(f"REDIS_URL: no TLS with Redis ({found})") from None
    finally:
        connection.close()


def _read_certificates(url: str) -> None:
    """Read the files that a `rediss://` address names."""
    named = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    try:
        if authorities := named.get("ssl_ca_certs"):
            ssl.create_default_context(cafile=authorities)
        if bool(named.get("ssl_certfile")) != bool(named.get("ssl_keyfile")):
            raise WrongSetting("REDIS_URL: ssl_certfile and ssl_keyfile belong together")
        if certificate := named.get("ssl_certfile"):
            ours = ssl.create_default_context()
            ours.load_cert_chain(certificate, named["ssl_keyfile"], password=lambda: b"")
    except OSError as error:
        files = ", ".join(name for name in named if name.startswith("ssl_"))
        reason = getattr(error, "reason", None) or error.strerror or type(error).__name__
        raise WrongSetting(f"REDIS_URL: the files of {files} cannot be used ({reason})") from None


def _wrong_tls(error: BaseException | None) -> str:
    """What is wrong with a certificate, theirs or ours; nothing where Redis is only away."""
    while error is not None:
        if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
            return getattr(error, "verify_message", None) or error.reason or type(error).__name__
        error = error.__cause__ or error.__context__
    return ""


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
