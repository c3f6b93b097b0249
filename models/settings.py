"""The settings of one installation, read from the environment (twelve-factor), with embedded defaults under `var/`."""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


class WrongSetting(Exception):
    """A setting is wrong or missing; the message is one line that says what to set."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a process of ours needs to know about where it runs."""

    database_url: str
    redis_url: str
    embedded_redis: bool
    secret_key: str
    data_key: bytes
    timezone: ZoneInfo
    port: int
    clock: str
    var: Path

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, root: Path | None = None) -> Settings:
        """Read the settings; raises `WrongSetting` naming the variable and what to put there."""
        env = os.environ if environ is None else environ
        var = Path(env.get("TUOKE_VAR") or (root or Path.cwd()) / "var")
        return cls(
            database_url=_database_url(env, var),
            redis_url=env.get("REDIS_URL") or f"unix://{(var / 'redis' / 'redis.sock').absolute()}",
            embedded_redis=not env.get("REDIS_URL"),
            secret_key=env.get("TUOKE_SECRET_KEY") or _kept_secret(var, "secret_key").hex(),
            data_key=_data_key(env, var),
            timezone=_timezone(env),
            port=_port(env),
            clock=_clock(env),
            var=var,
        )


def _database_url(env: Mapping[str, str], var: Path) -> str:
    url = env.get("DATABASE_URL") or f"sqlite:///{(var / 'tuoke.sqlite3').absolute()}"
    if url.startswith(("postgresql://", "postgres://")):
        url = "postgresql+psycopg://" + url.split("://", 1)[1]
    if not url.startswith(("sqlite://", "postgresql+psycopg://")):
        raise WrongSetting("DATABASE_URL must start with sqlite:/// or postgresql+psycopg://")
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


def _clock(env: Mapping[str, str]) -> str:
    kind = env.get("TUOKE_CLOCK") or "real"
    if kind not in ("real", "movable"):
        raise WrongSetting("TUOKE_CLOCK must be real or movable")
    return kind
