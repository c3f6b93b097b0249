"""What one can choose to be told about, and what can carry it."""

from __future__ import annotations

from workflows.flows import FLOWS, NEWS
from workflows.words import _

NAMED = {
    "urgent": _("Minutes matter: a customer waits, or something has happened outside"),
    "lead": _("Leads"),
    "approval": _("Approvals"),
    "pay": _("Quota, pay and attendance"),
    "award": _("Sales and team awards"),
    "deduction": _("Deductions and disputes"),
    "month": _("Closing of the month"),
    "policy": _("Policy"),
    "goals": _("Goals and campaigns"),
    "customers": _("Customers: care, answers, complaints"),
    "office": _("The office"),
    "staffing": _("Staff: joining, appraisal, leaving"),
    "timer": _("Machinery"),
}
# Those about which something can be told: nobody chooses what no workflow tells of.
TOPICS = {
    topic: name
    for topic, name in NAMED.items()
    if topic in {"urgent", "timer", *(flow.topic for flow in FLOWS.values())}
}
TOPIC_ROLES = {
    "timer": ("admin",),
    "policy": ("leader", "manager", "sales_manager", "finance", "auditor"),
}  # the others concern everybody

MAIL = "mail"
ROBOTS = {
    "wecom": _("WeCom group robot"),
    "dingtalk": _("DingTalk group robot"),
    "feishu": _("Feishu group robot"),
}
CHANNELS = {MAIL: _("E-mail"), **ROBOTS}
SIGNED_ROBOTS = ("dingtalk", "feishu")  # these may ask for a signature

TEST, DIGEST = "test", "digest"


def topic_of(fact: str) -> str:
    """The topic under which people choose this fact."""
    if fact in NEWS and NEWS[fact].urgent:
        return "urgent"
    about = fact.partition(".")[0]
    return FLOWS[about].topic if about in FLOWS else about
