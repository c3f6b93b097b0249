"""All workflows by name. A new one is added here, and appears in the API, the pages, the exports and the proofs."""

from typing import Any

from workflows.approval import ApprovalFlow
from workflows.engine.flow import Flow
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
from workflows.rotation import DutyFlow

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


def kinds_of_facts() -> frozenset[str]:
    """Every kind of fact that the workflows tell."""
    by_steps = {
        fact
        for flow in FLOWS.values()
        for steps in flow.by_event().values()
        for step in steps
        for fact in step.announces
    }
    by_timers = {timer.fact for flow in FLOWS.values() for timer in flow.timers if timer.fact}
    return frozenset(
        by_steps | by_timers | {"lead.unattended", "timer.late"}
    )  # the last two are told by rules
