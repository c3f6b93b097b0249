"""What messages say: the fact's sentence in the reader's language, the code of the case and a link. Never who the customer
is: a name or a phone never leaves the house this way."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from models.messages import Message
from workflows.flows import FLOWS, saying
from workflows.telling.topics import DIGEST, TEST
from workflows.words import Text, _, say

LONGEST = 200  # lines of one digest; the rest is on the page


@dataclass(frozen=True, slots=True)
class Letter:
    """What a person reads."""

    subject: str
    text: str


def sentence(fact: str, flow: str, body: dict[str, Any], locale: str) -> str:
    """The sentence of a notice, with the event it is about."""
    text = say(saying(fact), locale)
    steps = FLOWS[flow].by_event().get(body.get("event") or "") if flow in FLOWS else None
    return f"{text} ({say(steps[0].label, locale)})" if steps and fact.startswith("approval.") else text


def letter(message: Message, parts: Iterable[Message], locale: str, public_url: str) -> Letter:
    """The text of a message to a person; `parts` are what a digest gathers."""
    if message.fact == TEST:
        line = say(_("Tuoke: this is the test you asked for. Messages arrive here."), locale)
        return Letter(line, _linked(line, public_url, "/notices", locale))
    if message.fact == DIGEST:
        return _digest(list(parts), locale, public_url)
    line = sentence(message.fact, message.flow, message.body, locale)
    subject = say(Text(_("Tuoke: %(line)s"), {"line": line}), locale)
    return Letter(
        subject, _linked(f"{line}\n{message.case_code}", public_url, f"/notices/{message.fact_uid}", locale)
    )


def _digest(parts: list[Message], locale: str, public_url: str) -> Letter:
    subject = say(Text(_("Tuoke: %(count)s notices of the day"), {"count": len(parts)}), locale)
    lines = [f"- {sentence(p.fact, p.flow, p.body, locale)} {p.case_code}" for p in parts[:LONGEST]]
    if len(parts) > LONGEST:
        lines.append(say(Text(_("… and %(count)s more"), {"count": len(parts) - LONGEST}), locale))
    return Letter(subject, _linked("\n".join(lines), public_url, "/notices", locale))


def _linked(text: str, public_url: str, path: str, locale: str) -> str:
    return f"{text}\n{public_url}{path}" if public_url else text


def event(message: Message) -> str:
    """The body of a webhook in the shape of Standard Webhooks: codes, ids and states, nothing personal."""
    what = "tuoke.test" if message.fact == TEST else message.fact
    return json.dumps(
        {"type": what, "timestamp": _stamp(message.at), "data": message.body},
        ensure_ascii=False,
        separators=(",", ":"),
        sort_keys=True,
    )


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
