"""Signed webhooks to other systems (Standard Webhooks), with two signatures while a secret is being changed."""

from __future__ import annotations

from standardwebhooks import Webhook

from models.settings import Reach
from workers import ground
from workers.sending.wire import post
from workflows.telling.posting import SENT, Outcome, Parcel


def send(parcel: Parcel, reach: Reach) -> Outcome:
    """Send one event. 2xx is an arrival, 410 says that nobody is there any more. Raises `NotSent`."""
    answer = post(parcel.address, parcel.text.encode(), signed(parcel), reach)
    if 200 <= answer.status < 300:
        return SENT
    return Outcome(f"status {answer.status}", gone=answer.status == 410)


def signed(parcel: Parcel) -> dict[str, str]:
    """The headers that say what it is, when it was sent (really, whatever the company's clock says), and by whom."""
    at = ground.real_now()
    marks = [Webhook(secret).sign(parcel.uid, at, parcel.text) for secret in parcel.secrets]
    return {
        "Content-Type": "application/json; charset=utf-8",
        "webhook-id": parcel.uid,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(marks),
    }
