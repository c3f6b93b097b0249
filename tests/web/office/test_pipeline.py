"""The board, the machine at work and the reports: their figures are those of what happened, and lead to the leads behind them."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pytest
from sqlalchemy import Engine, insert

from models import database as databases
from models.remembered import Timer
from tests.web.office.conftest import BOTH, Office
from workflows import pipeline, reports, staff
from workflows.approval import ApprovalFlow

pytestmark = BOTH
DAY = timedelta(days=1)


def busy(office: Office) -> dict[str, str]:
    """Mei: one captured, one screened, one assigned a day later, one sold; Hua: one screened."""
    office.join("c1")
    found = {
        "captured": office.act(
            "mei", "capture", name="王", phone="13900000001", channel="exhibition", consent=True
        ),
        "screened": office.screened(),
        "hua": office.screened("hua"),
        "held": office.screened(),
    }
    office.pass_time(days=1)
    office.act("desk", "visit", found["held"])
    office.act("c1", "accept", found["held"], signature="c1")
    found["sold"] = office.assigned()
    asked = office.act("c1", "deal", found["sold"], units=1, contract_no="HT", amount_fen=100)
    office.pass_time(hours=4)
    office.act("sun", "approve", asked, flow=ApprovalFlow)
    return found


def test_the_figures_are_those_of_what_happened(office: Office) -> None:
    busy(office)
    with databases.read(office.engine) as session:
        sun, at, since = staff.actor_named(session, "sun"), office.now, office.now - 7 * DAY
        standing = {each.state: each for each in pipeline.standings(session, sun, at)}
        assert {s: e.count for s, e in standing.items() if e.count} == {
            "captured": 1,
            "screened": 2,
            "assigned": 1,
        }
        assert standing["screened"].young == 2
        stays = pipeline.stays(session, sun, since)
        assert stays["screened"].count == 2
        assert stays["screened"].longest.days == 1
        assert stays["assigned"].median == pytest.approx(timedelta(hours=4), abs=timedelta(minutes=2))
        moves = {(m.source, m.event): m.count for m in pipeline.moves(session, sun, since)}
        assert (moves["captured", "screen"], moves["visited", "accept"], moves["assigned", "deal"]) == (
            4,
            2,
            1,
        )
        funnel = reports.funnel(session, sun, since)
        assert [stage.count for stage in funnel] == [5, 4, 2, 2, 1]
        assert [stage.of_before for stage in funnel] == [None, 0.8, 0.5, 1.0, 0.5]
        flyer = next(c for c in reports.channels(session, sun, since) if c.key == "flyer")
        assert (flyer.captured, flyer.visited, flyer.deals) == (4, 2, 1)
        assert flyer.cost_fen > 0, "the bonus for the deal is a cost of its channel"
        ((name, took),) = reports.deciders(session, since)
        assert (name, took.count, round(took.median / timedelta(hours=1))) == ("sun", 1, 4)
        (turn,) = reports.turns(session, 1, since)
        assert (turn.name, turn.accepted, turn.declined) == ("c1", 2, 0)
        this_week = reports.cohorts(session, sun, at, office.app.extensions["settings"].timezone, 12)[-2:]
        assert sum(week.captured for week in this_week) == 5
        assert all(week.bought[60] is None for week in this_week), "too young to know"


def test_nearest_ranks_are_reckoned_by_the_database(office: Office, database: Engine) -> None:
    at = office.now
    rows = [
        {"flow": "lead", "case_id": n, "case_code": f"L{n}", "name": "lapse", "state": "fired", "started_at": at - DAY,
         "due_at": at - timedelta(seconds=n), "ended_at": at}
        for n in range(1, 11)
    ]  # fmt: skip
    with databases.begin(database) as session:
        session.execute(insert(Timer), rows)
    with databases.read(database) as session:
        late = next(each for each in reports.backlog(session, at, at - DAY) if each.name == "lead.lapse").late
    assert late is not None
    assert (late.count, late.median, late.p90, late.longest) == (
        10,
        *(timedelta(seconds=n) for n in (5, 9, 10)),
    )


def test_each_sees_the_pipeline_of_what_they_may_see(office: Office) -> None:
    found = busy(office)
    lin, mei = office.seat("lin"), office.seat("mei")
    page = lin.get("/pipeline")
    assert found["screened"] in page.text
    assert found["hua"] not in page.text
    assert mei.get("/pipeline").status == 403
    assert lin.get("/reports").status == 403


def test_a_figure_leads_to_the_leads_behind_it(office: Office) -> None:
    found = busy(office)
    sun = office.seat("sun")
    machine = sun.get("/pipeline/machine?days=7")
    along = re.findall(r'href="(/leads/all\?[^"]*along=visited\.assigned\.accept[^"]*)"', machine.html)[0]
    listed = sun.get(along.replace("&amp;", "&")).text
    assert found["held"] in listed
    assert found["sold"] in listed
    assert found["screened"] not in listed
    by_channel = sun.get("/leads/all?state=all&channel=exhibition").text
    assert found["captured"] in by_channel
    assert found["screened"] not in by_channel
    assert found["hua"] in sun.get("/leads/all?who=hua").text
    assert "Show all again" in sun.get("/leads/all?who=hua&since=2020-01-01")
    assert sun.get("/leads/all?since=nonsense&along=a.b.c&channel=no&days=5").status == 200


def test_a_report_can_be_taken_away(office: Office) -> None:
    busy(office)
    assert office.seat("fei").get("/reports").text.count("Download") == 7
    page = office.seat("fei").get("/reports/funnel.csv?days=7")
    rows = list(csv.reader(io.StringIO(page.html.removeprefix("\ufeff"))))
    assert [row[1] for row in rows[1:]] == ["5", "4", "2", "2", "1"]
    assert office.seat("fei").get("/reports/nothing.csv").status == 404


def test_the_board_tells_who_always_takes_the_declined_ones(office: Office) -> None:
    office.join("c1", "c2")
    for _each in range(3):
        code = office.screened()
        office.act("desk", "visit", code)
        offered = office.lead(code).offered_to_id
        if offered == office.ids["c1"]:
            office.act("c1", "decline", code, reason="正在签约")
        office.act("c2", "accept", code, signature="c2")
    page = office.seat("guo").get("/rotation")
    with databases.read(office.engine) as session:
        found = {turn.name: turn for turn in reports.turns(session, 1, office.now - 7 * DAY)}
    taken = found["c2"].taken_over
    assert taken == found["c1"].declined > 0
    assert ("c2 takes most of the customers" in page) == (taken >= 3)
    assert reports.overburdened([reports.Turns("a", 3, 0, 1.5, 3), reports.Turns("b", 0, 3, 1.5)]) is not None
    assert reports.overburdened([reports.Turns("a", 2, 0, 1, 2), reports.Turns("b", 0, 2, 1)]) is None


def test_a_filter_is_kept_for_oneself_alone(office: Office) -> None:
    found = busy(office)
    sun, guo = office.seat("sun"), office.seat("guo")
    page = sun.post("/leads/filters/all", name="mei 的展会", state="all", channel="exhibition", who="mei")
    assert "The filter is kept." in page
    assert found["captured"] in page
    assert found["screened"] not in page
    link = re.findall(r'href="(/leads/all[^"]*)">(?:(?!</a>).)*mei 的展会', sun.get("/leads/all").html, re.S)[
        -1
    ]
    assert found["captured"] in sun.get(link.replace("&amp;", "&"))
    assert "mei 的展会" not in guo.get("/leads/all")
    assert sun.post("/leads/filters/all", name=" ", channel="flyer").status == 422
    number = re.findall(r"/leads/filters/all/(\d+)/forget", sun.get(link.replace("&amp;", "&")).html)[0]
    guo.post(f"/leads/filters/all/{number}/forget")
    assert "mei 的展会" in sun.get("/leads/all"), "nobody else's to take away"
    sun.post(f"/leads/filters/all/{number}/forget")
    assert "mei 的展会" not in sun.get("/leads/all")
