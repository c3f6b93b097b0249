"""viewflow.fsm: the state machine of django-viewflow over a Django model, without its flows. It has no timers.

As its documentation advises: permission and conditions stand on the transition, and the machine's `on_success` saves the
model; here, in one `transaction.atomic`, the row is locked by `select_for_update`, and history and outbox are saved beside
it. Nothing else is stored, so this is about what Django itself costs.
"""

from __future__ import annotations

from tests.bench.peers import work as done
from tests.bench.peers.by_viewflow import set_up


def transition(url: str, number: int) -> float:
    leads = done.lay(url, number + done.WARM, done.SCREEN.source)
    set_up(url)
    from django.db import transaction

    from tests.bench.peers.viewflow_lead import screen

    def act(lead_id: int) -> None:
        with transaction.atomic():
            screen(lead_id, done.WHO, done.DEMAND)

    done.settle(url)
    speed = done.paced(act, leads)
    done.prove(url, done.SCREEN, len(leads))
    return speed
