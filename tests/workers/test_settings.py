"""Settings are checked when a process starts: a wrong one is one line that names it and never quotes a password."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.settings import Settings, WrongSetting
from workers.up import _without_password


def read(tmp_path: Path, **env: str) -> Settings:
    return Settings.from_env({"TUOKE_VAR": str(tmp_path), **env})


@pytest.mark.parametrize(
    "url",
    [
        "redis://host",
        "redis://host:6379/0",
        "redis://tuoke:secret@host/15",
        "redis://[::1]:6379/0",
        "rediss://:a%2Fb@host:6380/0?ssl_ca_certs=/etc/ca.pem&ssl_certfile=/a.pem&ssl_keyfile=/a.key",
        "unix:///run/redis.sock",
        "unix://tuoke:secret@/run/redis.sock?db=1",
    ],
)
def test_these_addresses_of_redis_are_taken(tmp_path: Path, url: str) -> None:
    settings = read(tmp_path, REDIS_URL=url)
    assert (settings.redis_url, settings.embedded_redis) == (url, False)
    assert "secret" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("REDIS_URL", "http://host", "must look like rediss://"),
        ("REDIS_URL", "redis://", "must look like rediss://"),
        ("REDIS_URL", "redis://tuoke:sec/ret@host", "in a password"),
        ("REDIS_URL", "redis://tuoke:sec#ret@host/0", "in a password"),
        ("REDIS_URL", "redis://tuoke:secret@host:many", "a port is a number"),
        ("REDIS_URL", "redis://tuoke:secret@host/first", "the number of the database"),
        ("REDIS_URL", "redis://tuoke:secret@host/0?ssl_ca_certs=/ca.pem", "only rediss:// takes some"),
        ("REDIS_URL", "rediss://tuoke:secret@host/0?ssl_cert_reqs=none", "unknown option ssl_cert_reqs"),
        ("DATABASE_URL", "mysql://tuoke:secret@host/db", "must start with"),
        ("DATABASE_URL", "postgresql://tuoke:sec@ret@host/db", "in a password"),
        ("DATABASE_URL", "postgresql://tuoke:secret@host:many/db", "a port is a number"),
        ("TUOKE_PROXIES", "-1", "from 0 to 8"),
        ("TUOKE_PROXIES", "9", "from 0 to 8"),
        ("TUOKE_PROXIES", "some", "from 0 to 8"),
    ],
)
def test_a_wrong_one_is_one_line_without_the_password(
    tmp_path: Path, name: str, value: str, says: str
) -> None:
    with pytest.raises(WrongSetting) as raised:
        read(tmp_path, **{name: value})
    said = str(raised.value)
    assert said.startswith(name)
    assert says in said
    assert "sec" not in said
    assert "\n" not in said


def test_a_database_may_be_named_in_every_way_that_libpq_knows(tmp_path: Path) -> None:
    for url in (
        "postgresql://tuoke:pa:ss/word@host:5432/db",
        "postgresql://tuoke:x@/db?host=one:5432&host=two:5432&target_session_attrs=read-write",
        "postgresql://tuoke@[::1]:5432/db?sslmode=verify-full&sslrootcert=/ca.pem",
        "postgresql:///db?host=/run/postgresql",
    ):
        assert read(tmp_path, DATABASE_URL=url).database_url == url.replace("://", "+psycopg://", 1)
    at_home = f"sqlite:////{tmp_path}/me@home@work:1/tuoke.sqlite3"
    assert read(tmp_path, DATABASE_URL=at_home).database_url == at_home


def test_what_is_printed_of_an_address_has_no_password() -> None:
    told = _without_password(
        "postgresql+psycopg://tuoke:secret@host/db?password=secret&sslpassword=secret&sslmode=require"
    )
    assert told == "postgresql+psycopg://tuoke:***@host/db?sslmode=require"
