"""All workflows by name. A new one is added here, and appears in the API, the pages, the exports and the proofs."""

from workflows.approval import ApprovalFlow
from workflows.engine.flow import Flow
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
