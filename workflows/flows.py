"""All workflows by name. A new one is added here, and appears in the API, the pages, the exports and the proofs."""

from workflows.approval import ApprovalFlow
from workflows.engine.flow import Flow
from workflows.lead import LeadFlow
from workflows.rotation import DutyFlow

FLOWS: dict[str, type[Flow]] = {flow.flow_name: flow for flow in (LeadFlow, DutyFlow, ApprovalFlow)}
