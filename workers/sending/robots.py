"""The group robots of WeCom, DingTalk and Feishu: one POST each. All three answer 200 to what they refuse and say so in the
body, so the body is what counts."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

from models.settings import Reach
from workers import ground
from workers.sending.wire import NotSent, post
from workflows.telling.addresses import robot_address
from workflows.telling.posting import SENT, Outcome, Parcel

Request = tuple[str, dict[str, Any]]


def send(parcel: Parcel, reach: Reach) -> Outcome:
    """Say it in the group. Raises `NotSent`."""
    if not robot_address(parcel.kind, parcel.address, reach):
        raise NotSent("not the address of such a robot", final=True)
    rest = parcel.text.partition("\n")[2]
    url, said = ROBOTS[parcel.kind](parcel, f"{parcel.subject}\n{rest}" if rest else parcel.subject)
    body = json.dumps(said, ensure_ascii=False).encode()
    answer = post(url, body, {"Content-Type": "application/json; charset=utf-8"}, reach)
    return _judged(answer.status, answer.body)


def _judged(status: int, body: bytes) -> Outcome:
    if status != 200:
        return Outcome(f"status {status}")
    try:
        said = json.loads(body)
        code = next(said[name] for name in ("errcode", "code", "StatusCode") if name in said)
    except (ValueError, TypeError, StopIteration):
        return Outcome("not the answer of a robot")
    return SENT if code == 0 else Outcome(f"refused by the robot: {str(code)[:20]}")


def _wecom(parcel: Parcel, text: str) -> Request:
    return parcel.address, {"msgtype": "text", "text": {"content": text}}


def _dingtalk(parcel: Parcel, text: str) -> Request:
    """Signed in the address, where the robot asks for it (加签)."""
    url = parcel.address
    for secret in parcel.secrets:
        stamp = str(int(ground.real_now().timestamp() * 1000))
        mark = _mark(secret.encode(), f"{stamp}\n{secret}".encode())
        url += f"{'&' if '?' in url else '?'}timestamp={stamp}&sign={quote_plus(mark)}"
    return url, {"msgtype": "text", "text": {"content": text}}


def _feishu(parcel: Parcel, text: str) -> Request:
    """Signed in the body, where the robot asks for it (签名校验)."""
    said: dict[str, Any] = {"msg_type": "text", "content": {"text": text}}
    for secret in parcel.secrets:
        stamp = str(int(ground.real_now().timestamp()))
        said |= {"timestamp": stamp, "sign": _mark(f"{stamp}\n{secret}".encode(), b"")}
    return parcel.address, said


def _mark(key: bytes, text: bytes) -> str:
    return base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()


ROBOTS: dict[str, Callable[[Parcel, str], Request]] = {
    "wecom": _wecom,
    "dingtalk": _dingtalk,
    "feishu": _feishu,
}
