"""A round on a phone: who is there is ticked, what is wrong is noted, and each violation is a deduction that somebody else judges."""

from __future__ import annotations

import re

from tests.web.office.conftest import Office
from workflows.office.round import RoundFlow


def test_a_round_is_begun_with_people_to_tick_and_its_findings_are_deductions(office: Office) -> None:
    zhi = office.seat("zhi")
    form = zhi.get("/do/round/begin/begin")
    ticks = re.findall(r'<input[^>]*name="there"[^>]*type="checkbox"[^>]*value="(\w+)"', form.html)
    assert ticks == ["hua", "lin", "mei"], "members and leaders"
    case = zhi.post("/do/round/begin/begin", spot="万达东门", there=["mei", "lin"])
    assert "Who is there mei · lin" in case
    code = re.findall(r"/do/round/(K\w+)/find", case.html)[0]
    noted = zhi.post(f"/do/round/{code}/find", kind="left_post", person="mei", seen="二十分钟不在点位")
    assert "Findings 1 Reported as deductions 1" in noted
    listed = office.seat("guo").get("/cases/deduction")
    deduction = re.findall(r"/cases/deduction/(D\w+)", listed.html)[0]
    page = office.seat("guo").get(f"/cases/deduction/{deduction}")
    assert f'href="/cases/round/{code}"' in page.html
    assert "万达东门：二十分钟不在点位" in page
    own = office.seat("mei").get(f"/cases/deduction/{deduction}")
    assert code in own
    assert f'href="/cases/round/{code}"' not in own.html, "the charged read the deduction, not the round"


def test_what_was_ticked_stays_ticked_when_something_else_is_wrong(office: Office) -> None:
    wrong = office.seat("zhi").post("/do/round/begin/begin", there=["mei"])
    assert wrong.status == 422
    assert re.search(r'<input checked[^>]*value="mei"', wrong.html)
    stranger = office.seat("zhi").post("/do/round/begin/begin", spot="万达", there=["nobody"])
    assert "Who is there: There is nobody of this name on the staff." in stranger


def test_bad_weather_spares_and_the_page_says_how_often(office: Office) -> None:
    code = office.act("zhi", "begin", flow=RoundFlow, spot="地铁口", there=[])
    office.act("guo", "waive", code, flow=RoundFlow, weather="暴雨")
    page = office.seat("zhi").post(f"/do/round/{code}/find", kind="left_post", person="mei", seen="避雨")
    assert "Spared for the weather 1" in page
    assert "Nothing here yet" in office.seat("guo").get("/cases/deduction")
    refused = office.seat("zhi").post(
        f"/do/round/{code}/find", kind="left_post", person="mei", seen="避雨", in_spite="y"
    )
    assert "Only the manager sets the weather aside" in refused
