"""The lead (线索): from the street to the contract. This one file tells the whole process of S20 (三)5–10."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, or_, select, true
from sqlalchemy.orm import object_session

from models.leads import Lead
from models.people import Person
from workflows import policy, rotation, staff
from workflows.engine.actor import CLOCK, PUBLIC, Actor
from workflows.engine.flow import Facts, Flow, NoFacts, State, opening, step
from workflows.engine.take import Ask, Check
from workflows.engine.timing import Timer, days, hours, minutes, months
from workflows.engine.who import (
    Auditor,
    Clock,
    Consultant,
    Leader,
    Manager,
    Member,
    Public,
    Reception,
    SalesManager,
    relation,
)
from workflows.lead_facts import (
    Appointment,
    Arrival,
    CallBack,
    Capture,
    Contract,
    Evidence,
    Extension,
    FollowUp,
    Invalidity,
    Reason,
    Reassignment,
    Screening,
    SignOff,
)
from workflows.lead_guards import (
    claims_left_today,
    has_demand,
    has_offer,
    holder_is_outreach,
    is_another_consultant,
    is_consultant,
    leads_of_this_phone,
    may_hold_more,
    phone_index,
    phone_is_free,
    phone_is_no_staff_phone,
    protection_is_free,
    waited_after_losing_it,
    written_down_lately,
)
from workflows.lead_news import NEWS
from workflows.words import _

# Who stands in which relation to a lead.
STAFF = {"member", "leader", "manager", "reception"}
Promoter = relation(
    "promoter", _("its promoter"), STAFF, lambda a, lead: a.id is not None and a.id == lead.promoter_id
)
Holder = relation(
    "holder",
    _("its holder"),
    {"consultant", "member", "leader"},
    lambda a, lead: a.id is not None and a.id == lead.holder_id,
)
OfferedConsultant = relation(
    "offered",
    _("the consultant it is offered to"),
    {"consultant"},
    lambda a, lead: a.id is not None and a.id == lead.offered_to_id,
)
TeamLeader = relation(
    "team_leader",
    _("the leader of the promoter's team"),
    {"leader"},
    lambda a, lead: (
        a.has("leader")
        and lead.promoter is not None
        and a.team_id is not None
        and a.team_id == lead.promoter.team_id
    ),
)

# The timers of lead.md; the numbers are the policy's.
NO_DEAL = _("closed before, or a deal waits for its approval")
TO_THE_POOL = _("protection ends and the lead goes to the pool")
LAPSE = Timer(
    "lapse",
    _("Ten days without a deal"),
    days("conversion_days"),
    event="lapse",
    waits_for="deal",
    then=_("the consultant's time is over; outreach may call back"),
    unless=NO_DEAL,
)
CALL_IN_EXPIRY = Timer(
    "expire",
    _("Protection ends"),
    days("call_in_days"),
    event="expire",
    waits_for="deal",
    when=lambda lead: lead.channel == "call_in",
    then=TO_THE_POOL,
    unless=NO_DEAL,
)
VISIT_EXPIRY = Timer(
    "expire",
    _("Protection ends"),
    months("visit_months"),
    event="expire",
    waits_for="deal",
    then=TO_THE_POOL,
    unless=NO_DEAL,
)
OFFER = Timer(
    "offer",
    _("Offer unanswered"),
    minutes("offer_minutes"),
    event="decline",
    facts={"reason": "no_answer"},
    then=_("the offer counts as declined and the next consultant is asked"),
    unless=_("answered before"),
)
SCREENING = Timer(
    "screening_reminder",
    _("Reminder to screen"),
    hours("screening_reminder_hours"),
    fact="lead.unscreened",
    still=lambda lead: lead.state == "captured",
    then=_("promoter and team leader are reminded to screen"),
    unless=_("screened before"),
)


def in_pool(lead: Lead) -> bool:
    """A reclaimed lead without a holder lies in the pool (拓客资源库)."""
    return lead.holder_id is None


def held(lead: Lead) -> bool:
    return lead.holder_id is not None


def duplicates_give_way(check: Check) -> list[Ask]:
    """What the same customer left on a web form is closed as a duplicate of the staff capture."""
    if not check.case.protected or all(lead.state != "captured" for lead in leads_of_this_phone(check)):
        return []
    same = select(Lead.code).where(
        Lead.phone_index == check.case.phone_index,
        Lead.state == "captured",
        ~Lead.protected,
        Lead.id != check.case.id,
    )
    facts, found = {"reason": "duplicate"}, check.session.scalars(same.with_for_update(key_share=True))
    return [
        Ask(LeadFlow, "invalidate", check.by, check.at, code=code, facts=facts, house=True) for code in found
    ]


def turn_if_an_offer_fell(check: Check) -> list[Ask]:
    """Only a customer who waits at the desk takes up the rotation: of all others nobody's turn is touched."""
    waited = check.case.visited_at is not None and check.case.assigned_at is None
    return rotation.turn(check) if waited else []


def sale_is_signed(check: Check) -> list[Ask]:
    """A deal begins the life of a sale, from which bonuses follow (S20 (四) 个人2)."""
    from workflows.money.sale import SaleFlow

    project, facts = check.case.project.code, {"lead": check.case.code}
    return [Ask(SaleFlow, "sign", check.by, check.at, facts=facts, project=project, house=True)]


def fake_lead_is_reported(check: Check) -> list[Ask]:
    """A false phone or a friend posing as a customer costs its promoter a day's wage (S20 罚7): proposed, not decided."""
    from workflows.money.deduction import DeductionFlow

    lead = check.case
    if lead.promoter is None:
        return []
    day = check.at.astimezone(policy.zone(check.session)).date()
    if lead.promoter.left_on is not None:
        day = min(day, lead.promoter.left_on - timedelta(days=1))
    facts = {
        "kind": "fake_lead",
        "person": lead.promoter.name,
        "day": day,
        "lead": lead.code,
        "reason": lead.code,
    }
    ask = Ask(DeductionFlow, "report", check.by, check.at, facts=facts, project=lead.project.code, house=True)
    return [ask]


def leaders_of_who_brought_it(lead: Lead) -> set[int]:
    """Those who could earn the leader's bonus of a deal (S20 (四) 个人2)."""
    from workflows.money.sale import brought_by

    session, seller = object_session(lead), brought_by(lead)
    if session is None or seller is None or seller.team_id is None:
        return set()
    team = staff.of_team(session, seller.team_id)
    return {person.id for person in team if "leader" in person.roles}


class LeadFlow(Flow):
    """线索: from the street to the contract (S20)."""

    flow_name, noun, prefix, table = "lead", "lead", "L", Lead
    label = _("Lead")
    topic, news = "lead", NEWS
    timers = (LAPSE, CALL_IN_EXPIRY, VISIT_EXPIRY, OFFER, SCREENING)
    remembers = (
        "outcome", "protected", "channel", "intent", "budget_fen", "area_m2", "spot", "campaign", "party_size", "promoter_id",
        "holder_id", "offered_to_id", "offered_at", "declined_by", "previous_id", "captured_at", "screened_at", "visited_at",
        "assigned_at", "unconverted_at", "reclaimed_at", "closed_at", "next_at", "lost_holder_id", "lost_at", "close_reason",
        "units", "amount_fen", "by_outreach", "visit_team_id",
    )  # fmt: skip
    names_people = ("declined_by",)

    captured = State(_("Captured"), initial=True)
    screened = State(_("Screened"))
    visited = State(_("Visited"))
    assigned = State(_("Assigned"))
    unconverted = State(_("Not converted in ten days"))
    reclaimed = State(_("Reclaimed"))
    closed = State(_("Closed"), final=True)

    @opening(
        label=_("Capture"),
        by=Member | Leader | Manager | Reception | Public,
        guards=(phone_is_no_staff_phone, phone_is_free, written_down_lately),
        starts=(CALL_IN_EXPIRY, SCREENING),
        announces="lead.captured",
        then=duplicates_give_way,
    )
    def capture(self, lead: Lead, facts: Capture, ask: Ask, check: Check) -> None:
        """First contact: name, phone, channel and the customer's consent (S20 (三)5)."""
        lead.name, lead.phone, lead.phone_index = facts.name, facts.phone, phone_index(check)
        lead.channel, lead.spot, lead.campaign = facts.channel.value, facts.spot, facts.campaign
        lead.demand, lead.note, lead.registered_on = facts.demand, facts.note, facts.registered_on
        lead.consent, lead.consent_at = facts.consent_text or "spoken", ask.at
        lead.promoter_id, lead.protected, lead.captured_at = ask.by.id, ask.by is not PUBLIC, ask.at
        lead.by_outreach = ask.by.has("member", "leader", "manager")
        lead.declined_by = []
        lead.previous_id = next((e.id for e in leads_of_this_phone(check) if e.state == "closed"), None)

    @step(
        captured.to(screened),
        label=_("Screen"),
        by=Promoter | TeamLeader | Manager,
        guards=protection_is_free,
        announces="lead.screened",
    )
    def screen(self, lead: Lead, facts: Screening, ask: Ask) -> None:
        """First talk: is there a demand? (S20 (三)5, 7)"""
        lead.demand, lead.intent = facts.demand, facts.intent
        lead.budget_fen, lead.area_m2 = facts.budget_fen, facts.area_m2
        lead.note = facts.note or lead.note
        lead.screened_at, lead.protected = ask.at, True

    @step(
        screened.to(visited),
        label=_("Arrive"),
        by=Reception,
        guards=has_demand,
        starts=VISIT_EXPIRY,
        announces="lead.visited",
        serial=True,
        then=rotation.turn,
    )
    def visit(self, lead: Lead, facts: Arrival, ask: Ask) -> None:
        """The customer stands at the desk; the consultant whose turn it is gets the offer (S20 (三)6)."""
        lead.visited_at, lead.party_size = ask.at, facts.party_size

    @step(
        visited.to.itself(internal=True),
        label=_("Offer"),
        by=Clock,
        automatic=True,
        starts=OFFER,
        announces="lead.offered",
        serial=True,
    )
    def offer(self, lead: Lead, people: dict[str, Person], facts: Appointment, ask: Ask) -> None:
        """The rotation offers the customer to the consultant whose turn it is (S20 (三)6)."""
        lead.offered_to_id, lead.offered_at = people["consultant"].id, ask.at

    @step(
        visited.to.itself(internal=True),
        label=_("Decline"),
        by=OfferedConsultant | Clock,
        guards=has_offer,
        announces="lead.declined",
        serial=True,
        then=rotation.turn,
    )
    def decline(self, lead: Lead, facts: Reason, timers: Any) -> None:
        """The consultant cannot receive; the last of the queue is asked (S20 (三)6). No answer counts the same."""
        assert lead.offered_to_id  # has_offer
        lead.declined_by = [*lead.declined_by, lead.offered_to_id]
        lead.offered_to_id = lead.offered_at = None
        timers.cancel(OFFER.name)

    @step(
        visited.to.itself(internal=True),
        label=_("Appoint"),
        by=SalesManager,
        guards=is_consultant,
        starts=OFFER,
        announces="lead.offered",
        serial=True,
        then=rotation.turn,
    )
    def appoint(self, lead: Lead, people: dict[str, Person], facts: Appointment, ask: Ask) -> None:
        """The sales manager names the consultant, in place of the rotation; the offer goes out now."""
        lead.offered_to_id, lead.offered_at = people["consultant"].id, ask.at

    @step(
        visited.to(assigned),
        label=_("Accept and sign"),
        by=OfferedConsultant,
        starts=LAPSE,
        announces="lead.assigned",
        serial=True,
        then=(rotation.serve, rotation.turn),
    )
    def accept(self, lead: Lead, facts: SignOff, ask: Ask, timers: Any) -> None:
        """The consultant signs for the customer, which confirms the visit (S20 (三)6)."""
        lead.holder_id, lead.assigned_at = ask.by.id, ask.at
        lead.visit_team_id = lead.promoter.team_id if lead.promoter else None
        lead.offered_to_id = lead.offered_at = None
        timers.cancel(OFFER.name)

    @step(
        assigned.to.itself(internal=True)
        | unconverted.to.itself(internal=True)
        | reclaimed.to.itself(internal=True),
        label=_("Follow up"),
        by=Holder | Manager,
        announces="lead.followed_up",
    )
    def follow_up(self, lead: Lead, facts: FollowUp, ask: Ask) -> None:
        """A contact and what it brought. It restarts no clock."""
        lead.follow_up_at, lead.next_at = ask.at, facts.next_at

    @step(
        assigned.to.itself(internal=True),
        label=_("Reassign"),
        by=SalesManager,
        guards=(is_consultant, is_another_consultant),
        announces="lead.reassigned",
    )
    def reassign(self, lead: Lead, people: dict[str, Person], facts: Reassignment) -> None:
        """Another consultant takes over. It restarts no clock."""
        lead.holder_id = people["consultant"].id

    @step(assigned.to(unconverted), label=_("Lapse"), by=Clock, announces="lead.unconverted")
    def lapse(self, lead: Lead, facts: NoFacts, ask: Ask) -> None:
        """Ten days without a deal: the outreach manager may call back (S20 (三)9)."""
        lead.unconverted_at = ask.at

    @step(
        unconverted.to(reclaimed),
        label=_("Reclaim"),
        by=Manager,
        approved_by=SalesManager,
        guards=holder_is_outreach,
        announces="lead.reclaimed",
    )
    def reclaim(self, lead: Lead, people: dict[str, Person], facts: CallBack, ask: Ask) -> None:
        """The manager called back: outreach takes the customer over to the end (S20 (三)9)."""
        lead.lost_holder_id, lead.lost_at = lead.holder_id, ask.at
        lead.holder_id, lead.reclaimed_at = people["holder"].id, ask.at

    @step(
        reclaimed.from_(captured, screened, visited, assigned, unconverted),
        label=_("Expire"),
        by=Clock,
        announces="lead.pooled",
        serial=True,
        then=turn_if_an_offer_fell,
    )
    def expire(self, lead: Lead, facts: NoFacts, ask: Ask) -> None:
        """Protection has run out: the customer goes to the pool (S20 (三)10)."""
        lead.lost_holder_id, lead.lost_at = lead.holder_id or lead.promoter_id, ask.at
        lead.holder_id, lead.reclaimed_at = None, ask.at

    @step(
        reclaimed.to.itself(internal=True),
        label=_("Claim"),
        by=Member | Leader,
        when=in_pool,
        guards=(claims_left_today, may_hold_more, waited_after_losing_it),
        announces="lead.claimed",
    )
    def claim(self, lead: Lead, facts: NoFacts, ask: Ask) -> None:
        """Take a lead out of the pool; the caller becomes its holder."""
        lead.holder_id = ask.by.id

    @step(
        reclaimed.to.itself(internal=True),
        label=_("Release"),
        by=Holder | Manager,
        when=held,
        announces="lead.pooled",
    )
    def release(self, lead: Lead, facts: Reason, ask: Ask) -> None:
        """Give the lead back to the pool."""
        lead.lost_holder_id, lead.lost_at, lead.holder_id = lead.holder_id, ask.at, None

    @step(
        screened.to.itself(internal=True)
        | visited.to.itself(internal=True)
        | assigned.to.itself(internal=True)
        | unconverted.to.itself(internal=True),
        label=_("Extend"),
        by=Holder | Promoter,
        approved_by=SalesManager,
        announces="lead.extended",
    )
    def extend(self, lead: Lead, facts: Extension, timers: Any) -> None:
        """More days before the ten days and the protection run out."""
        timers.postpone(facts.days, LAPSE.name, VISIT_EXPIRY.name)

    @step(
        closed.from_(assigned, unconverted, reclaimed),
        label=_("Deal"),
        by=Holder,
        approved_by=SalesManager,
        announces="lead.closed",
        serial=True,
        then=sale_is_signed,
        pays=leaders_of_who_brought_it,
    )
    def deal(self, lead: Lead, facts: Contract, ask: Ask) -> None:
        """The contract is signed (S20 (四))."""
        lead.outcome, lead.closed_at = "deal", ask.at
        lead.units, lead.contract_no, lead.amount_fen = facts.units, facts.contract_no, facts.amount_fen

    @step(
        closed.from_(captured, screened),
        label=_("Invalidate"),
        by=Promoter | Leader | Manager,
        announces="lead.closed",
    )
    def invalidate(self, lead: Lead, facts: Invalidity, ask: Ask) -> None:
        """No demand, not considering: no valid customer (S20 (三)7)."""
        lead.outcome, lead.closed_at, lead.close_reason = "invalid", ask.at, facts.reason

    @step(
        closed.from_(visited, assigned),
        event="invalidate",
        label=_("Invalidate"),
        by=OfferedConsultant | Holder,
        approved_by=SalesManager,
        announces="lead.closed",
        serial=True,
        then=rotation.turn,
    )
    def invalidate_after_visit(self, lead: Lead, facts: Invalidity, ask: Ask) -> None:
        """The consultant finds no valid customer; the sales manager agrees (S20 (三)7)."""
        lead.outcome, lead.closed_at, lead.close_reason = "invalid", ask.at, facts.reason

    @step(
        closed.from_(assigned, unconverted, reclaimed),
        label=_("Lose"),
        by=Holder,
        approved_by=TeamLeader | Manager,
        announces="lead.closed",
    )
    def lose(self, lead: Lead, facts: Reason, ask: Ask) -> None:
        """The customer bought elsewhere or not at all."""
        lead.outcome, lead.closed_at, lead.close_reason = "lost", ask.at, facts.reason

    @step(
        closed.from_(captured, screened, visited, assigned, unconverted, reclaimed),
        label=_("Expose"),
        by=Leader | Manager | Auditor,
        approved_by=SalesManager,
        announces="lead.closed",
        serial=True,
        then=(rotation.turn, fake_lead_is_reported),
    )
    def expose(self, lead: Lead, facts: Evidence, ask: Ask) -> None:
        """A false phone, a friend posing as a customer (S20 罚7)."""
        lead.outcome, lead.closed_at = "fraud", ask.at

    def on_enter_reclaimed(self, lead: Lead, timers: Any) -> None:
        _at_rest(lead, timers)

    def on_enter_closed(self, lead: Lead, timers: Any) -> None:
        _at_rest(lead, timers)

    @classmethod
    def seen_by(cls, actor: Actor) -> ColumnElement[bool]:
        """Members see what they promote or hold and the pool, leaders their team's, consultants what is offered to or
        held by them; the desks see all; the administrator sees nothing."""
        if actor is CLOCK or actor.has("reception", "manager", "sales_manager", "finance", "auditor"):
            return true()
        own = (
            [Lead.promoter_id == actor.id, Lead.holder_id == actor.id, Lead.offered_to_id == actor.id]
            if actor.id
            else []
        )
        seen = [] if actor.roles <= {"admin"} else own
        if actor.has("member", "leader"):
            seen.append((Lead.state == "reclaimed") & Lead.holder_id.is_(None))
        if actor.has("leader") and actor.team_id is not None:
            team = select(Person.id).where(Person.team_id == actor.team_id)
            seen += [Lead.promoter_id.in_(team), Lead.holder_id.in_(team)]
        return or_(*seen) if seen else ~true()

    @classmethod
    def in_clear(cls, actor: Actor, case: Lead) -> bool:
        return entitled(actor, case)

    @classmethod
    def gains(cls, case: Lead, facts: Facts) -> set[int]:
        """Promoter and holder gain from a lead, also the holder-to-be."""
        return {person for person in (case.promoter_id, case.holder_id) if person is not None}

    @classmethod
    def tells(cls, case: Lead) -> dict[str, Any]:
        names = ("outcome", "channel", "promoter_id", "holder_id", "offered_to_id", "units", "amount_fen")
        return {name: getattr(case, name) for name in names}


def _at_rest(lead: Lead, timers: Any) -> None:
    """Reclaimed or closed: no clock runs any more, no offer stands."""
    timers.cancel()
    lead.offered_to_id = lead.offered_at = None


def entitled(actor: Actor, lead: Lead) -> bool:
    """Whether this actor reads the customer's name and phone in clear. Others may unmask on a stated purpose or not at all."""
    if actor.has("manager", "sales_manager"):
        return True
    if lead.state == "reclaimed" and lead.holder_id is None:
        return False
    if actor.id is not None and actor.id in (lead.promoter_id, lead.holder_id, lead.offered_to_id):
        return True
    if not actor.has("leader") or actor.team_id is None:
        return False
    return any(p and p.team_id == actor.team_id for p in (lead.promoter, lead.holder))


__all__ = ["Consultant", "LeadFlow", "entitled", "in_pool"]
