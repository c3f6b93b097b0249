"""Who sees which lead, and in clear or masked: typed from "Who sees what"."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from models.leads import Lead
from tests.rules import lead_table
from tests.rules.office import Office
from workflows.lead import LeadFlow, entitled
from workflows.views import lead_view, visible

# Per face of a lead: who reads name and phone in clear. Reception reads the name, the phone masked; finance and auditor see
# all masked; the pool is masked for members and leaders until it is claimed.
CLEAR = {
    "captured": {"promoter", "team leader", "manager", "sales manager"},
    "screened": {"promoter", "team leader", "manager", "sales manager"},
    "visited": {"promoter", "team leader", "manager", "sales manager", "consultant"},
    "visited, nobody left": {"promoter", "team leader", "manager", "sales manager"},
    "assigned": {"promoter", "team leader", "manager", "sales manager", "consultant"},
    "unconverted": {"promoter", "team leader", "manager", "sales manager", "consultant"},
    "reclaimed": {"promoter", "team leader", "manager", "sales manager", "outreach holder"},
    "pool": {"manager", "sales manager"},
    "closed": {"promoter", "team leader", "manager", "sales manager"},
}


def one(office: Office, face: str) -> str:
    """The only lead, brought to this face by the only consultant on duty."""
    from workflows.engine import Ask, take
    from workflows.rotation import DutyFlow, duty_of

    project = office.lead(office.capture()).project_id
    place = duty_of(office.session, project, office.actors["other consultant"].id)
    assert place
    take(
        office.session, Ask(DutyFlow, "leave", office.actors["other consultant"], office.now, code=place.code)
    )
    return office.lead_in(face)


@pytest.mark.parametrize("face", CLEAR)
def test_who_sees_it_and_who_in_clear(office: Office, face: str) -> None:
    code = one(office, face)
    for actor in lead_table.ACTORS:
        who = office.actors[actor]
        assert (visible(office.session, LeadFlow, who, code) is not None) == lead_table.sees(actor, face), (
            actor
        )
        assert (
            not lead_table.sees(actor, face)
            or actor == "clock"
            or entitled(who, office.lead(code)) == (actor in CLEAR[face])
        ), actor


@pytest.mark.parametrize("face", CLEAR)
def test_masked_means_that_nothing_personal_is_said(office: Office, face: str) -> None:
    code = one(office, face)
    lead = office.lead(code)
    office.lead(code).demand = lead.demand or "三房"
    phone = (lead.phone or "").removeprefix("+86")
    for actor in lead_table.ACTORS:
        if not lead_table.sees(actor, face) or actor == "clock":
            continue
        view = lead_view(office.session, office.actors[actor], lead)
        if actor in CLEAR[face]:
            assert (view["name"], view["phone"], view["masked"]) == ("王海燕", phone, False), actor
        else:
            said = str({k: v for k, v in view.items() if k != "code"})
            assert phone not in said, actor
            assert view["phone"] == f"{phone[:3]}****{phone[-4:]}"
            assert view["name"] == ("王海燕" if actor == "reception" else "王**")
            assert view["masked"]


def test_lists_show_the_same_as_single_leads(office: Office) -> None:
    codes = {
        face: one(office, face) if i == 0 else office.lead_in(face)
        for i, face in enumerate(["captured", "assigned", "pool", "closed"])
    }
    for actor in lead_table.ACTORS:
        seen = set(
            office.session.scalars(
                select(Lead.code).where(LeadFlow.seen_by(office.actors[actor]), Lead.code.in_(codes.values()))
            )
        )
        assert seen == {code for face, code in codes.items() if lead_table.sees(actor, face)}, actor


def test_a_consultant_who_declined_or_lost_it_sees_it_no_more(office: Office) -> None:
    code = office.lead_in("visited")
    office.ask("decline", "consultant", code)
    assert visible(office.session, LeadFlow, office.actors["consultant"], code) is None
    assert visible(office.session, LeadFlow, office.actors["other consultant"], code) is not None
    office.ask("accept", "other consultant", code)
    office.ask("reassign", "sales manager", code, consultant="陈一鸣", reason="换人")
    assert visible(office.session, LeadFlow, office.actors["other consultant"], code) is None


def test_an_administrator_with_another_role_sees_what_that_role_sees(office: Office) -> None:
    code = office.lead_in("captured")
    office.hire("both", "安平二", ["admin", "auditor"])
    assert visible(office.session, LeadFlow, office.actors["both"], code) is not None
    assert not entitled(office.actors["both"], office.lead(code))
