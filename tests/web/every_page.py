"""Every page there is, by who looks at it: a company with a month behind it, and the addresses that show all of it.

The test of all pages and `python -m tests.screens` walk the same way, and the test fails when a page stands on it nowhere.
"""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from zoneinfo import ZoneInfo

from flask import Flask
from sqlalchemy import select

from models import database as databases
from models.messages import Endpoint, Message
from tests.web.money.conftest import CONTRACT, Books
from tests.web.office.conftest import Office
from web.pages.arrival import token_of
from workers.draining import drain_due
from workflows import arrival, staff
from workflows.flows import FLOWS

# What is no page of its own: machine-read answers, parts of pages, files, and ways on.
NO_PAGES = {
    "static", "healthz", "readyz", "metrics", "clock.bar", "reports.download", "statements.payout", "statements.statement",
    "statement.latest", "statement.missing", "statement.mine", "team.mine", "inbox.results", "bulk.results", "inbox.news", "inbox.beside",
    "notes.one", "imports.news", "imports.answer", "drafts.token", "drafts.worker",
}  # fmt: skip


def busy(books: Books) -> dict[str, str]:
    """Give the office something of everything on its pages; the codes that the addresses need."""
    office, found = books.office, dict(books.codes)
    found["told"] = told(office)
    found["held"] = office.assigned()
    office.join("c2")
    found["captured"] = office.act(
        "mei", "capture", name="李女士", phone="13700000001", channel="exhibition", consent=True
    )
    found["asked"] = office.screened()
    office.act("mei", "extend", found["asked"], days=5, reason="客户出差")
    found["visited"] = office.screened()
    office.act("desk", "visit", found["visited"], party_size=2)
    office.act("c1", "follow_up", found["held"], note="已加微信", next_at=None)
    office.act("c1", "deal", found["held"], **CONTRACT)
    found["dispute"] = books.act(
        "mei", "dispute", "open_dispute", month=books.month, line="visit:?", reason="少一笔"
    )
    books.act("guo", "dispute", "answer", found["dispute"], answer="已核对")
    found["question"] = books.act(
        "mei", "question", "pose", clause="S20 (三)9", question="签字当天算不算第一天"
    )
    books.act("zhi", "question", "rule", found["question"], ruling="不算")
    found |= rostered(books)
    books.close("submitted")
    books.act("sun", "month", "send_back", books.month_code(), reason="再看一遍")
    books.close("approved")
    found["draft"] = books.act(
        "guo",
        "policy",
        "draft",
        numbers={"deal_bonus_fen": 60_000},
        effective_on=f"{books.next}-28",
        why="行情",
    )
    found["sale"] = books.case_of("sale")
    books.act("sun", "sale", "rescind", found["sale"], reason="退房")
    found["import"] = sent_register(office)
    found["expected"] = office.screened()
    with databases.begin(office.engine) as session, office.app.app_context():
        shown = arrival.issue(session, found["expected"], staff.actor_named(session, "mei"), office.now)
        found["token"] = token_of(shown.key)
    return found


def rostered(books: Books) -> dict[str, str]:
    """The coming week of team A is published, one day of it is to be moved, and mei asks for leave in it."""
    week = (books.office.now + timedelta(days=6)).astimezone(ZoneInfo("Asia/Shanghai")).date()
    monday = week - timedelta(days=week.weekday())
    found = {"roster": books.act("lin", "roster", "draft", week=week)}
    for person, spot in (("mei", "万达广场"), ("lin", "人民路口")):
        days = dict.fromkeys(("saturday", "sunday"), True)
        books.act("lin", "roster", "plan", found["roster"], person=person, spot=spot, **days)
    asked = books.act("lin", "roster", "publish", found["roster"])
    books.office.act("guo", "approve", asked, flow=FLOWS["approval"])
    found["presence"] = books.case_of("presence", person_id=books.office.ids["mei"])
    books.act("mei", "presence", "move", found["presence"], spot="公园", reason="离家近")
    away = monday + timedelta(days=6)
    books.act("mei", "leave", "ask_leave", first_day=away, last_day=away, kind="private", reason="家事")
    found["leave"] = books.case_of("leave", person_id=books.office.ids["mei"])
    day = "2099-01-01"
    found["calendar"] = books.act(
        "guo", "calendar", "enter", first_day=day, last_day=day, kind="holiday", name="元旦"
    )
    return found


def sent_register(office: Office) -> str:
    """A register with good rows and bad ones has been checked and waits to be started."""
    rows = ["姓名,电话,渠道,登记日期,登记人,楼层"]
    rows += [f"客户{i},1390000{i:04d},巡展（万达）,2026-03-0{i + 1},拓客A-mei,{i}" for i in range(7)]
    rows += ["李先生,1390000,来电,,mei,", "王先生,13900000001,来电,3月6日,mei,"]
    file = BytesIO("\n".join(rows).encode("gb18030"))
    sent = office.seat("guo").post(
        "/import", follow=False, file=(file, "三月登记.csv"), consent="展位登记表", stand_in="guo"
    )
    drain_due(office.engine, office.now)
    return sent.headers["Location"].rsplit("/", 1)[-1]


def told(office: Office) -> str:
    """Somebody is told by a robot, another system by webhooks; the number of a test that is on its way."""
    with databases.begin(office.engine) as session:
        url = "https://hooks.example.com/tuoke"
        session.add(Endpoint(name="erp", url=url, secret="whsec_x", topics=["lead"], made_at=office.now))
    mei, robot = office.seat("mei"), "/notices/how/dingtalk"
    mei.post(
        robot, address="https://oapi.dingtalk.com/robot/send?access_token=x", secret="SEC", topics=["lead"]
    )
    mei.post(robot, do="test")
    with databases.read(office.engine) as session:
        return str(session.scalars(select(Message.id).where(Message.channel_id.is_not(None))).one())


def addresses(month: str, c: dict[str, str]) -> dict[str, list[str]]:
    """Who looks at what. `c` are the codes of cases."""
    return {
        "": ["/login"],
        "mei": [
            "/", "/register", "/leads", f"/leads/{c['captured']}", f"/do/lead/{c['asked']}/follow_up", "/notices", "/search",
            "/more", "/help", "/help/lead", "/pool?tick=all", f"/leads/{c['expected']}/arrival", "/register/offline", "/notices/how", f"/notices/how/tests/{c['told']}", f"/statement/mei/{month}", f"/statement/{month}/dispute",
            f"/statement/{month}/dispute?line=visit:{c['beyond']}", f"/cases/deduction/{c['deduction']}",
            f"/cases/dispute/{c['dispute']}", "/money", "/inbox",
            "/office", "/policies", "/policies/S20", "/policies/S1", "/policies/scenarios/ten_days_to_the_minute",
            f"/cases/question/{c['question']}", "/do/question/begin/pose",
            "/signing", f"/cases/presence/{c['presence']}", f"/do/presence/{c['presence']}/sign_in", f"/cases/leave/{c['leave']}",
            "/do/leave/begin/ask_leave", f"/cases/roster/{c['roster']}",
        ],
        "lin": ["/", "/signing", f"/do/roster/{c['roster']}/add", "/do/roster/begin/draft", "/cases/presence", "/leads?tick=all", f"/team/{month}?equal=1", "/money", "/cases/deduction", "/do/deduction/begin/report", "/pipeline"],
        "desk": ["/", "/reception", "/leads/all", f"/arrive/{c['token']}"],
        "c1": ["/", "/rotation", f"/leads/{c['held']}", f"/do/lead/{c['held']}/lose"],
        "guo": [
            "/", "/signing", f"/cases/calendar/{c['calendar']}", "/cases/roster", "/cases/leave", "/months", f"/months/{month}", "/money", "/policy", "/policy/draft", f"/cases/policy/{c['draft']}",
            *(f"/cases/{name}" for name in ("quota", "pay", "attendance", "sale", "dispute", "split")),
            f"/do/quota/{c['quota']}/change", "/do/quota/begin/propose", "/import", f"/import/{c['import']}", "/people/me", "/leads/nobody-knows-this",
        ],
        "sun": [
            "/", "/inbox", "/inbox/decided", "/pipeline", "/pipeline/machine", "/reports", "/rotation", "/pool", "/reception", "/clock",
            "/leads/all?channel=flyer&who=mei", f"/leads/{c['asked']}",
        ],
        "fei": ["/", "/inbox", f"/cases/sale/{c['sale']}", f"/months/{month}"],
        "zhi": ["/", "/office", f"/do/question/{c['question']}/dismiss", f"/leads/{c['held']}", "/access", "/reports"],
        "root": ["/", "/people", "/people/new", "/people/1", "/policy", "/health", "/style", "/webhooks", "/webhooks/1", "/webhooks/log"],
    }  # fmt: skip


def not_shown(app: Flask, shown: dict[str, list[str]]) -> set[str]:
    """The pages on which nobody looks."""
    every = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not rule.rule.startswith("/api")
    }
    looked_at = app.url_map.bind("localhost")
    seen = {looked_at.match(path.split("?")[0])[0] for paths in shown.values() for path in paths}
    return every - NO_PAGES - seen
