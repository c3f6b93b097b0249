"""The sale (成交): begun by the approved deal of a lead, and called off by the sales manager with finance's approval (退房).
Who earns from it is fixed at the moment of the deal (S20 (四) 个人2)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, or_, select, true

from models.leads import Lead
from models.money import Sale
from models.people import Person
from workflows import policy, staff
from workflows.engine.actor import CLOCK, Actor
from workflows.engine.flow import Facts, Flow, State, opening, step
from workflows.engine.news import News, named
from workflows.engine.take import Ask, Check
from workflows.engine.who import Clock, Finance, SalesManager
from workflows.lead_facts import Clean, text
from workflows.money.agreed import DESKS
from workflows.words import _


class Deal(Facts):
    """The lead that was sold to; written by the house."""

    lead: str = text(_("Lead"))


class CalledOff(Facts):
    reason: Clean = text(_("Reason"), input="area")


def brought_by(lead: Lead) -> Person | None:
    """Who brought the customer: the holder of a reclaimed lead, else its promoter."""
    return lead.holder if lead.reclaimed_at is not None and lead.holder else lead.promoter


class SaleFlow(Flow):
    """成交: signed, or called off."""

    flow_name, noun, prefix, table = "sale", "sale", "S", Sale
    label = _("Sale")
    about = _("Deals that stand, and those that were called off.")
    room, topic, rests = "money", "award", ("signed",)
    news = (
        News(
            ".signed",
            _("A customer you brought has bought: a bonus is on your statement."),
            named("seller_id", "leader_id"),
        ),
        News(
            ".rescinded",
            _("A sale was called off: its bonus is reversed."),
            named("seller_id", "leader_id"),
        ),
    )
    remembers = (
        "lead_code",
        "seller_id",
        "team_id",
        "leader_id",
        "by_agreement",
        "units",
        "signed_at",
        "rescinded_at",
    )

    signed = State(_("Signed"), initial=True)
    rescinded = State(_("Called off"), final=True)

    @opening(label=_("Sign"), by=Clock, automatic=True, serial=True, announces=".signed")
    def sign(self, sale: Sale, facts: Deal, check: Check, ask: Ask) -> None:
        """The deal was approved: who brought the customer, and who leads their team at this moment, earn from it."""
        lead = check.session.scalars(select(Lead).where(Lead.code == facts.lead)).one()
        seller = brought_by(lead)
        sale.lead_id, sale.lead_code, sale.units, sale.signed_at = lead.id, lead.code, lead.units or 1, ask.at
        sale.by_agreement = lead.channel == "partner"
        if seller is not None:
            day = ask.at.astimezone(policy.zone(check.session)).date()
            leader = staff.leader_of(check.session, seller.team_id, day)
            sale.seller_id, sale.team_id = seller.id, seller.team_id
            sale.leader_id = leader.id if leader else None

    @step(
        signed.to(rescinded),
        label=_("Call off"),
        by=SalesManager,
        approved_by=Finance,
        announces=".rescinded",
        serial=True,
    )
    def rescind(self, sale: Sale, facts: CalledOff, ask: Ask) -> None:
        """The customer withdraws (退房): the bonuses are reversed in the month in which it happens."""
        sale.rescinded_at = ask.at

    @classmethod
    def seen_by(cls, actor: Actor) -> ColumnElement[bool]:
        """Who earns from it, their leader, and the desks."""
        if actor is CLOCK or actor.has(*DESKS):
            return true()
        seen = [Sale.seller_id == (actor.id or 0), Sale.leader_id == (actor.id or 0)]
        if actor.has("leader") and actor.team_id is not None:
            seen.append(Sale.team_id == actor.team_id)
        return or_(*seen)

    @classmethod
    def gains(cls, case: Sale, facts: Facts) -> set[int]:
        return {person for person in (case.seller_id, case.leader_id) if person is not None}

    @classmethod
    def tells(cls, case: Sale) -> dict[str, Any]:
        return {"seller_id": case.seller_id, "leader_id": case.leader_id, "units": case.units}
