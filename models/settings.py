"""The settings of one installation, read from the environment (twelve-factor), with embedded defaults under `var/`."""

from __future__ import annotations

import base64
import binascii
import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MOST_PROXIES = 8
TLS_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
REDIS_OPTIONS: dict[str, tuple[str, ...]] = {"redis": (), "rediss": TLS_FILES, "unix": ("db",)}
HOST = re.compile(r"[^:\[\]]*(:\d*)?|\[[^\]]*\](:\d*)?")
WRITTEN = "a port is a number, and in a password / ? # @ : % are written %2F %3F %23 %40 %3A %25"
MAIL_ADDRESS = re.compile(r"[A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


class WrongSetting(Exception):
    """A setting is wrong or missing; the message is one line that says what to set."""


@dataclass(frozen=True, slots=True)
class Mail:
    """The mail server through which e-mail leaves, and who it is from."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    tls: bool
    sender: str


@dataclass(frozen=True, slots=True)
class Reach:
    """How far requests of ours may go: which hosts inside the office too, and whether without TLS (for tests)."""

    internal: frozenset[str] = frozenset()
    plain: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a process of ours needs to know about where it runs."""

    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    embedded_redis: bool
    secret_key: str = field(repr=False)
    data_key: bytes = field(repr=False)
    timezone: ZoneInfo
    port: int
    clock: str
    var: Path
    mail: Mail | None = None
    public_url: str = ""
    reach: Reach = Reach()
    proxies: int = 0

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, root: Path | None = None) -> Settings:
        """Read the settings; raises `WrongSetting` naming the variable and what to put there."""
        env = os.environ if environ is None else environ
        var = Path(env.get("TUOKE_VAR") or (root or Path.cwd()) / "var")
        return cls(
            database_url=_database_url(env, var),
            redis_url=_redis_url(env, var),
            embedded_redis=not env.get("REDIS_URL"),
            secret_key=env.get("TUOKE_SECRET_KEY") or _kept_secret(var, "secret_key").hex(),
            data_key=_data_key(env, var),
            timezone=_timezone(env),
            port=_port(env),
            clock=_clock(env),
            var=var,
            mail=_mail(env),
            public_url=_public_url(env),
            reach=_reach(env),
            proxies=_proxies(env),
        )


def _database_url(env: Mapping[str, str], var: Path) -> str:
    url = env.get("DATABASE_URL") or f"sqlite:///{(var / 'tuoke.sqlite3').absolute()}"
    if url.startswith(("postgresql://", "postgres://")):
        url = "postgresql+psycopg://" + url.split("://", 1)[1]
    if not url.startswith(("sqlite://", "postgresql+psycopg://")):
        raise WrongSetting("DATABASE_URL must start with sqlite:/// or postgresql+psycopg://")
    *before, host = url.partition("://")[2].partition("?")[0].split("@")
    if not url.startswith("sqlite://") and (len(before) > 1 or not HOST.fullmatch(host.partition("/")[0])):
        raise WrongSetting(f"DATABASE_URL cannot be read: {WRITTEN}")
    return url


def _redis_url(env: Mapping[str, str], var: Path) -> str:
    """Where Redis is: `redis://`, `rediss://` (TLS) or `unix://`, with user, password and number of the database. The
    certificates named in it are looked at by whoever connects (`workers.queue`): the web needs none of them."""
    url = env.get("REDIS_URL")
    if not url:
        return f"unix://{(var / 'redis' / 'redis.sock').absolute()}"
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  (raises when it is no number)
    except ValueError:
        raise WrongSetting(f"REDIS_URL cannot be read: {WRITTEN}") from None
    if parts.scheme not in REDIS_OPTIONS or not (parts.hostname or parts.scheme == "unix"):
        raise WrongSetting(
            "REDIS_URL must look like rediss://user:password@host:6379/0, redis://… (without TLS) or unix:///path"
        )
    if "#" in url or (parts.scheme != "unix" and not re.fullmatch(r"(/\d{0,4})?", parts.path)):
        raise WrongSetting(
            f"REDIS_URL: after the host comes the number of the database, such as /0; {WRITTEN}"
        )
    may = REDIS_OPTIONS[parts.scheme]
    if unknown := {name for name, _value in parse_qsl(parts.query, keep_blank_values=True)} - set(may):
        known = f"known here: {', '.join(may)}" if may else "only rediss:// takes some"
        raise WrongSetting(f"REDIS_URL: unknown option {', '.join(sorted(unknown))[:60]} ({known})")
    return url


def _data_key(env: Mapping[str, str], var: Path) -> bytes:
    text = env.get("TUOKE_DATA_KEY")
    if not text:
        return _kept_secret(var, "data_key")
    try:
        key = (
            bytes.fromhex(text)
            if len(text) == 64
            else base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        )
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != 32:
        raise WrongSetting("TUOKE_DATA_KEY must be 32 random bytes, as 64 hex digits or base64")
    return key


def _kept_secret(var: Path, name: str) -> bytes:
    """A 32-byte secret of this installation, made at the first start and kept in a file only its owner reads."""
    path = var / "keys" / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        scratch = path.with_name(f".{name}.{secrets.token_hex(4)}")
        if not path.exists():
            scratch.touch(mode=0o600)
            scratch.write_bytes(secrets.token_bytes(32))
            with suppress(FileExistsError):
                os.link(scratch, path)
            scratch.unlink()
        return path.read_bytes()
    except OSError as error:
        raise WrongSetting(
            f"Cannot keep a key in {path.parent} ({error.strerror}): set TUOKE_VAR to a writable folder"
        ) from error


def _timezone(env: Mapping[str, str]) -> ZoneInfo:
    name = env.get("TUOKE_TIMEZONE") or "Asia/Shanghai"
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise WrongSetting(
            f"TUOKE_TIMEZONE: no such time zone {name!r}; set for example Asia/Shanghai"
        ) from error


def _port(env: Mapping[str, str]) -> int:
    text = env.get("TUOKE_PORT") or env.get("PORT") or "8000"
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise WrongSetting("TUOKE_PORT must be a number from 1 to 65535")
    return int(text)


def _proxies(env: Mapping[str, str]) -> int:
    """How many proxies of ours stand before the web: only what they say of who asks is believed."""
    text = env.get("TUOKE_PROXIES") or "0"
    if not text.isdecimal() or int(text) > MOST_PROXIES:
        raise WrongSetting(
            f"TUOKE_PROXIES must be how many proxies stand before the web, from 0 to {MOST_PROXIES}"
        )
    return int(text)


def _clock(env: Mapping[str, str]) -> str:
    kind = env.get("TUOKE_CLOCK") or "real"
    if kind not in ("real", "movable"):
        raise WrongSetting("TUOKE_CLOCK must be real or movable")
    return kind


def _mail(env: Mapping[str, str]) -> Mail | None:
    """The mail server of `TUOKE_SMTP_URL`; none where it is not set: then e-mail cannot be chosen."""
    text = env.get("TUOKE_SMTP_URL")
    if not text:
        return None
    try:
        url = urlsplit(text)
        port = url.port or (465 if url.scheme == "smtps" else 587 if url.username else 25)
    except ValueError:
        url, port = urlsplit(""), 0
    if url.scheme not in ("smtp", "smtps") or not url.hostname:
        raise WrongSetting("TUOKE_SMTP_URL must look like smtp://user:password@host:587 or smtps://…")
    sender = env.get("TUOKE_MAIL_FROM") or ""
    if not MAIL_ADDRESS.fullmatch(sender):
        raise WrongSetting(
            "TUOKE_MAIL_FROM must be the address that mail comes from, such as tuoke@example.com"
        )
    user, password = unquote(url.username or ""), unquote(url.password or "")
    return Mail(url.hostname, port, user, password, url.scheme == "smtps", sender)


def _public_url(env: Mapping[str, str]) -> str:
    """The address under which people open the pages, for links in messages; without it messages have no links."""
    text = (env.get("TUOKE_PUBLIC_URL") or "").rstrip("/")
    try:
        url = urlsplit(text)
    except ValueError:
        url = urlsplit("")
    if text and (url.scheme not in ("http", "https") or not url.hostname or url.query or url.fragment):
        raise WrongSetting("TUOKE_PUBLIC_URL must look like https://tuoke.example.com")
    return text


def _reach(env: Mapping[str, str]) -> Reach:
    hosts = (env.get("TUOKE_INTERNAL_HOSTS") or "").replace(",", " ").lower().split()
    return Reach(frozenset(hosts), plain=env.get("TUOKE_PLAIN_HTTP") == "allowed")
