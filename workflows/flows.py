"""All workflows by name. A new one is added here, and appears in the API, the pages, the exports and the proofs."""

from functools import cache
from typing import Any

from workflows.approval import ApprovalFlow
from workflows.engine.flow import Flow
from workflows.engine.news import News, all_facts, those_with
from workflows.faults import NotThisVersion
from workflows.lead import LeadFlow
from workflows.money.attendance import AttendanceFlow
from workflows.money.deduction import DeductionFlow
from workflows.money.dispute import DisputeFlow
from workflows.money.month import MonthFlow
from workflows.money.pay import PayFlow
from workflows.money.policy_draft import PolicyFlow
from workflows.money.quota import QuotaFlow
from workflows.money.sale import SaleFlow
from workflows.money.split import SplitFlow
from workflows.office.calendar import CalendarFlow
from workflows.office.commendation import CommendationFlow
from workflows.office.expense import ExpenseFlow
from workflows.office.incident import IncidentFlow
from workflows.office.leave import LeaveFlow
from workflows.office.log import LogFlow
from workflows.office.outreach_event import OutreachEventFlow
from workflows.office.presence import PresenceFlow
from workflows.office.promise import PromiseFlow
from workflows.office.question import QuestionFlow
from workflows.office.roster import RosterFlow
from workflows.office.round import RoundFlow
from workflows.office.sanction import SanctionFlow
from workflows.office.training import TrainingFlow
from workflows.office.trip import TripFlow
from workflows.rotation import DutyFlow
from workflows.words import _

# A new one goes to the end: the anchor by which a backup is known goes through them in this order.
FLOWS: dict[str, type[Flow]] = {
    flow.flow_name: flow
    for flow in (
        LeadFlow,
        DutyFlow,
        ApprovalFlow,
        QuotaFlow,
        PayFlow,
        AttendanceFlow,
        SaleFlow,
        DeductionFlow,
        DisputeFlow,
        SplitFlow,
        MonthFlow,
        PolicyFlow,
        QuestionFlow,
        PromiseFlow,
        TripFlow,
        IncidentFlow,
        LogFlow,
        RoundFlow,
        TrainingFlow,
        SanctionFlow,
        CommendationFlow,
        RosterFlow,
        PresenceFlow,
        LeaveFlow,
        CalendarFlow,
        OutreachEventFlow,
        ExpenseFlow,
    )
}


def flow_of(name: str) -> type[Flow]:
    """The workflow of this name. Raises `NotThisVersion`."""
    if name not in FLOWS:
        raise NotThisVersion(name)
    return FLOWS[name]


def sees_through(flow: type[Flow], case: Any) -> None:
    """Raises `NotThisVersion` for a case in a state that this code does not know: what may happen to it is not known either."""
    if case.state not in flow.states_map:
        raise NotThisVersion(case.state)


# What no workflow tells of itself: the machinery's own.
MACHINERY = {
    "timer.late": News(
        "timer.late", _("A timer fired late: see whether workers and clock run."), those_with("admin")
    )
}
NEWS: dict[str, News] = MACHINERY | {
    fact: each for flow in FLOWS.values() for fact, each in flow.told().items()
}


@cache
def kinds_of_facts() -> frozenset[str]:
    """Every kind of fact that can be told."""
    return all_facts(FLOWS.values()) | MACHINERY.keys()


def saying(fact: str) -> str:
    """The sentence for a fact, as a marked text."""
    return NEWS[fact].says if fact in NEWS else fact
