"""django-viewflow: a flow (`viewflow.workflow`) for each lead, whose steps are tasks in the database.

As its documentation advises: what happens from code is the node `flow.Handle`, a timer the node `flow.Timer`, whose due
tasks the dispatcher (`manage.py workflow_timers`) fires one by one; each step is a transaction under the lock of its
process (`select_for_update_lock`, recommended on PostgreSQL); what a process carries is a field of `jsonstore`, without a
table of its own. In the step the lead goes through the state machine of `by_viewflow_fsm.py`, which writes the rows that all
write. Django as its documentation advises: a connection that stays open; on SQLite, transactions that begin IMMEDIATE.

One dispatcher was best on two cores: a second one walks the same list and waits for the same locks. Timers count from when
the dispatcher is called until it returns.
"""

from __future__ import annotations

import logging
import time
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command
from sqlalchemy import make_url

from tests.bench.peers import work as done

DISPATCHERS = 1


def transition(url: str, number: int) -> float:
    leads = done.lay(url, number + done.WARM, done.SCREEN.source)
    set_up(url)
    from tests.bench.peers.viewflow_lead import OutreachFlow

    processes = _begun(OutreachFlow.capture, leads)

    def act(lead_id: int) -> None:
        task = processes[lead_id].task_set.get(status="NEW")
        OutreachFlow.screen.run(task, who=done.WHO, demand=done.DEMAND)

    done.settle(url)
    speed = done.paced(act, leads)
    done.prove(url, done.SCREEN, len(leads))
    return speed


def sweep(url: str, number: int) -> float:
    leads = done.lay(url, number, done.LAPSE.source)
    set_up(url)
    from tests.bench.peers.viewflow_lead import OutreachFlow

    _begun(OutreachFlow.take_over, leads)
    begun, ended = done.crew("viewflow", url, DISPATCHERS)
    done.prove(url, done.LAPSE, number)
    return number / (ended - begun)


def _begun(start: Any, leads: list[int]) -> dict[int, Any]:
    """By lead, its process, begun here."""
    from django.db import transaction

    with transaction.atomic():
        return {lead_id: start.run(lead_number=lead_id) for lead_id in leads}


def work(url: str) -> None:
    """One dispatcher."""
    set_up(url)
    from viewflow.workflow.timers import fire_due_timers

    done.await_start()
    begun = time.time()
    fire_due_timers()
    done.say(begun, time.time())


def set_up(url: str) -> None:
    """Django with this database and viewflow, whose tables are laid; those of the lead are, and its models come later."""
    settings.configure(
        DATABASES={"default": _database(url)},
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "viewflow",
            "viewflow.workflow",
            "tests.bench.peers",
        ],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        LOGGING_CONFIG=None,
    )
    logging.disable(logging.INFO)
    django.setup()
    call_command("migrate", verbosity=0)


def _database(url: str) -> dict[str, Any]:
    made = make_url(url)
    if done.is_sqlite(url):
        options = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
        }
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": made.database, "OPTIONS": options}
    host = made.host or made.query.get("host")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": made.database,
        "USER": made.username,
        "PASSWORD": made.password or "",
        "HOST": host,
        "PORT": made.port or "",
        "CONN_MAX_AGE": None,
    }
