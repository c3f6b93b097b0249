"""What the office answers to a phone that sends its drafts late: once, with both times, and to whom they belong."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.web.office.conftest import Office
from tests.web.pages.test_leads import FIELDS, leads


def test_a_draft_sent_late_keeps_both_times_and_is_done_once_however_late(office: Office) -> None:
    mei = office.seat("mei")
    form = {**FIELDS, "csrf_token": mei.token, "once": "k1"}

    def send(seconds: str) -> Any:
        answer = mei.client.post(
            "/register", data=form | {"noted_ago": seconds}, headers={"Accept": "application/json"}
        )
        return answer.status_code, answer.json

    status, said = send("3600")
    assert status == 200
    assert send("7200") == (200, said), "the first answer was lost"
    assert leads(office) == 1
    story = mei.get(f"/leads/{said['to'].split('=')[1]}")
    at = office.now.astimezone(ZoneInfo("Asia/Shanghai"))
    assert f"{at - timedelta(hours=1):%H:}" in story.text.split("Written down on the phone")[1][:40]
    form["once"] = "k2"
    status, said = send("60")
    assert (status, "registered since" in said["reason"], said["errors"]) == (409, True, {})
    form["phone"] = "138000077"
    assert set(send("60")[1]["errors"]) == {"phone"}
    form["phone"] = "13800007779"
    assert "more than 24 hours ago" in send("90000")[1]["reason"]
    assert send("-5")[0] == 200, "a phone whose clock was put back is believed no time at all"


def test_a_fresh_token_says_whose_drafts_it_sends_and_the_kept_form_holds_nobodys_name(
    office: Office,
) -> None:
    mei, nobody = office.seat("mei"), office.app.test_client()
    assert nobody.get("/register/token").status_code == 401
    assert office.seat("c1").get("/register/token").status == 403
    mine: Any = mei.client.get("/register/token").json
    hers: Any = office.seat("hua").client.get("/register/token").json
    assert mine["who"] != hers["who"]
    assert "mei" not in str(mine)
    form = {**FIELDS, "csrf_token": hers["token"], "once": "k"}
    assert mei.client.post("/register", data=form).status_code == 400, "a token is of one log-in"
    kept, bare = mei.client.get("/register/offline"), nobody.get("/register/offline?")
    assert "Set-Cookie" not in kept.headers
    assert kept.headers["Cache-Control"] == "no-store"
    nobody.set_cookie("tuoke_lang", "en")
    assert nobody.get("/register/offline").text == kept.text != bare.text, "the same whoever asks"
