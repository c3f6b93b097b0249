"""Behind proxies the real address of who asks is what counts, and nobody can write another one."""

from __future__ import annotations

from dataclasses import replace

from flask import Flask

from models import database as databases
from models.settings import Settings
from web.api.limits import limiter
from web.app import create_app

NEAR = {"REMOTE_ADDR": "10.0.0.1"}  # the proxy


def behind(settings: Settings, proxies: int) -> Flask:
    engine = databases.open_engine("sqlite://")
    databases.create_scratch(engine)
    app = create_app(replace(settings, proxies=proxies), engine)
    limiter.reset()
    return app


def asked(app: Flask, forwarded: str, times: int) -> list[int]:
    """What is answered to somebody of whom the proxy says this."""
    client, headers = app.test_client(), {"X-Forwarded-For": forwarded}
    form = {"json": {"key": "x"}, "headers": headers, "environ_base": NEAR}
    return [client.post("/api/v1/public/leads", **form).status_code for _try in range(times)]


def test_each_network_behind_a_proxy_has_its_own_measure(settings: Settings) -> None:
    app = behind(settings, proxies=1)
    assert asked(app, "203.0.113.7", 11) == [404] * 10 + [429]
    assert asked(app, "198.51.100.7", 1) == [404]
    assert asked(app, "192.0.2.99, 203.0.113.7", 1) == [429], "what the asker wrote stands further left"
    client = app.test_client()
    over_tls = client.get("/healthz", headers={"X-Forwarded-Proto": "https"}, environ_base=NEAR)
    assert "Strict-Transport-Security" in over_tls.headers
    elsewhere = client.get("/", headers={"X-Forwarded-Host": "evil.example"}, environ_base=NEAR)
    assert "evil.example" not in elsewhere.headers.get("Location", "") + elsewhere.get_data(as_text=True)


def test_without_a_proxy_nobody_is_believed(settings: Settings) -> None:
    app = behind(settings, proxies=0)
    assert asked(app, "203.0.113.7", 10) == [404] * 10
    assert asked(app, "198.51.100.7", 1) == [429]
    said = app.test_client().get("/healthz", headers={"X-Forwarded-Proto": "https"}, environ_base=NEAR)
    assert "Strict-Transport-Security" not in said.headers
    limiter.reset()
