"""Carrying messages out of the house: claimed in one transaction, sent without any, written down in a third.

Whoever dies between sending and writing down leaves the message claimed for a while; then it is sent again under the same
id, by which the receiver knows it (webhook-id; Message-ID of a mail).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import datetime, timedelta

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models import database
from models.settings import Settings
from workers.sending import mail, robots, webhooks
from workers.sending.wire import NotSent
from workflows.telling import posting
from workflows.telling.posting import SENT, WEBHOOK, Outcome, Parcel
from workflows.telling.topics import MAIL

BATCH = 16
AT_ONCE = 8
LONGEST_PAUSE = 3600.0  # seconds


def send_due(
    engine: Engine,
    present: Callable[[], datetime],
    settings: Settings,
    enough: Callable[[], bool] = lambda: False,
) -> int:
    """Send what is due, batch by batch; how many tries were made. `enough` may stop it between batches."""
    tried = 0
    while not enough():
        parcels = _claimed(engine, present(), settings)
        if not parcels:
            break
        with ThreadPoolExecutor(AT_ONCE) as pool:
            under_way = {pool.submit(carry, parcel, settings): parcel for parcel in parcels}
            for ended in as_completed(under_way):
                _settle(engine, under_way[ended], ended.result(), present())
        tried += len(parcels)
    return tried


def _claimed(engine: Engine, at: datetime, settings: Settings) -> list[Parcel]:
    def work(session: Session) -> list[Parcel]:
        posting.gather(session, at)
        return posting.claim(session, at, BATCH, settings.public_url)

    return database.in_transaction(engine, work)


def _settle(engine: Engine, parcel: Parcel, outcome: Outcome, at: datetime) -> None:
    pause = pause_after(parcel.tries)
    database.in_transaction(engine, lambda session: posting.settle(session, parcel, outcome, at, pause))


def pause_after(tries: int) -> timedelta:
    """How long to wait after so many failures: doubled each time, up to an hour, and never all at the same instant."""
    return timedelta(seconds=min(LONGEST_PAUSE, 5.0 * 2**tries) * random.uniform(0.5, 1.0))  # noqa: S311


def carry(parcel: Parcel, settings: Settings) -> Outcome:
    """Send one message; what comes of it. Errors are told by their kind only: their text may quote an address."""
    try:
        if parcel.kind == WEBHOOK:
            return webhooks.send(parcel, settings.reach)
        if parcel.kind == MAIL:
            return mail.send(parcel, settings.mail)
        return robots.send(parcel, settings.reach)
    except NotSent as why:
        return Outcome(why.kind, final=why.final)
    except Exception as broken:  # noqa: BLE001  (one message that breaks must not hold up the others)
        return Outcome(type(broken).__name__)


__all__ = ["SENT", "carry", "pause_after", "send_due"]
