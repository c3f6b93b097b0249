"""What somebody should know before deciding a request: what else waits for the same case, whether the customer was somebody
else's before, whether it is a matter of one's own team. Only reads, and for many requests at once; nothing is forbidden by
a hint (four eyes and the guards do that)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.leads import Lead
from models.people import Person
from models.remembered import Approval
from workflows.approval import ApprovalFlow, subject_flow, subject_of
from workflows.engine.actor import Actor
from workflows.lead import LeadFlow
from workflows.views import names
from workflows.words import Text, _

Hints = dict[str, list[Text]]


def hints(session: Session, actor: Actor, waiting: Sequence[Approval]) -> Hints:
    """By the code of each request what its decider should know, in a fixed number of queries."""
    found: Hints = {approval.code: [] for approval in waiting}
    leads = {a.code: subject_of(session, a) for a in waiting if a.flow == LeadFlow.flow_name}
    for tell in (_also_waiting, _own_team, _same_contract):
        for code, hint in tell(session, actor, waiting):
            found[code].append(hint)
    for look in (_earlier, _fraud_before):
        for code, hint in look(session, leads):
            found[code].append(hint)
    return found


def _also_waiting(session: Session, actor: Actor, waiting: Sequence[Approval]) -> Iterable[tuple[str, Text]]:
    """Other requests about the same case: whichever is decided first may overtake the rest."""
    cases = {approval.case_code for approval in waiting}
    wanted = select(Approval).where(
        Approval.state == "pending", Approval.case_code.in_(cases), ApprovalFlow.seen_by(actor)
    )
    others = list(session.scalars(wanted.order_by(Approval.id))) if cases else []
    for approval in waiting:
        for other in others:
            same = (other.flow, other.case_code) == (approval.flow, approval.case_code)
            if same and other.id != approval.id:
                label = Text(subject_flow(other.flow).by_event()[other.event][0].label)
                values = {"event": label, "who": names(session).get(other.requested_by_id, "—")}
                yield approval.code, Text(_("“%(event)s” waits for the same case, asked by %(who)s."), values)


def _own_team(session: Session, actor: Actor, waiting: Sequence[Approval]) -> Iterable[tuple[str, Text]]:
    if actor.team_id is None:
        return
    team = set(session.scalars(select(Person.id).where(Person.team_id == actor.team_id)))
    for approval in waiting:
        if approval.requested_by_id in team and approval.requested_by_id != actor.id:
            yield approval.code, Text(_("Asked for by your own team."))


def _same_contract(session: Session, actor: Actor, waiting: Sequence[Approval]) -> Iterable[tuple[str, Text]]:
    """Two contracts of one number wait at once."""
    numbers = {a.code: a.frozen.get("contract_no") for a in waiting if a.event == "deal"}
    counted = Counter(number for number in numbers.values() if number)
    for code, number in numbers.items():
        if counted[number] > 1:
            yield code, Text(_("Another deal that waits has the same contract number."))


def _earlier(session: Session, leads: dict[str, Lead]) -> Iterable[tuple[str, Text]]:
    """The same phone was registered by somebody else before."""
    ids = {lead.previous_id for lead in leads.values() if lead.previous_id}
    wanted = select(Lead).where(Lead.id.in_(ids))
    before = {lead.id: lead for lead in session.scalars(wanted)} if ids else {}
    for code, lead in leads.items():
        earlier = before.get(lead.previous_id or 0)
        if earlier is not None and earlier.promoter_id != lead.promoter_id:
            values = {"code": earlier.code, "who": names(session).get(earlier.promoter_id, "—")}
            yield code, Text(_("The same phone was %(who)s's customer before (%(code)s)."), values)


def _fraud_before(session: Session, leads: dict[str, Lead]) -> Iterable[tuple[str, Text]]:
    promoters = {lead.promoter_id for lead in leads.values() if lead.promoter_id}
    counted = (
        select(Lead.promoter_id, func.count())
        .where(Lead.promoter_id.in_(promoters), Lead.state == "closed", Lead.outcome == "fraud")
        .group_by(Lead.promoter_id)
    )
    frauds: dict[int | None, int] = dict(session.execute(counted).all()) if promoters else {}
    for code, lead in leads.items():
        if n := frauds.get(lead.promoter_id):
            values = {"n": n, "who": names(session).get(lead.promoter_id, "—")}
            yield code, Text(_("Leads of %(who)s found to be false before: %(n)s."), values)
