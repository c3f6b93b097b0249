"""Quotas (任务): how many call-in visits and other visits one person is set for a month. The manager sets them, the sales
manager approves (S20 (四) 个人1); only visits beyond them earn."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from models.money import Quota
from workflows.engine.flow import Facts
from workflows.engine.news import News, named
from workflows.money.agreed import AgreedFlow, Whose
from workflows.words import _

Count = Annotated[int, Field(ge=0, le=10_000, strict=True)]


class Figures(Facts):
    call_visits: Count = Field(title=_("Call-in visits"))
    visits: Count = Field(title=_("Other visits"))


class Proposal(Figures, Whose):
    """Everything that is asked for at first."""


class QuotaFlow(AgreedFlow):
    """任务: what somebody is set for a month. It may come late or change: the month is reckoned again."""

    flow_name, prefix, table = "quota", "Q", Quota
    label = _("Quota")
    about = _("How many visits each person is set for a month. Only those beyond earn.")
    news = (
        News(".adopted", _("Your quota of the month is set."), named("person_id")),
        News(
            ".changed",
            _("Your quota of the month was changed; the month is reckoned again."),
            named("person_id"),
        ),
    )
    remembers = ("person_id", "month", "call_visits", "visits")
    forms = {"propose": Proposal, "change": Figures}
    team_sees = True
