"""Every page there is, by who looks at it: a company with a month behind it, and the addresses that show all of it.

The test of all pages and `python -m tests.screens` walk the same way, and the test fails when a page stands on it nowhere.
"""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from typing import Any

from flask import Flask
from sqlalchemy import select

from models import database as databases
from models.messages import Endpoint, Message
from models.remembered import Approval
from tests.web.money.conftest import CONTRACT, Books
from tests.web.office.conftest import Office
from web.pages.arrival import token_of
from workers.draining import drain_due
from workflows import arrival, staff

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
    found["trip"] = books.act("mei", "trip", "plan", **to_the_customers(office, found["captured"]))
    found["expense"] = spent(books)
    happened = {"kind": "quarrel", "place": "软件园南门", "happened": "保安阻拦"}
    found["incident"] = books.act("mei", "incident", "report", **happened)
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


def spent(books: Books) -> str:
    """What a trip of hua's cost, agreed and to be reimbursed; the manager is the superior of whose team has no leader."""
    office = books.office
    plan = to_the_customers(office, office.screened("hua"), timedelta(minutes=1))
    trip = books.act("hua", "trip", "plan", **plan)
    books.approve("guo", asked_about(office, trip))
    books.act("hua", "trip", "confirm", trip, papers=True, tools=True, cards=True, gifts=True)
    office.pass_time(minutes=2)
    books.act("hua", "trip", "start", trip)
    books.act("hua", "trip", "finish", trip)
    what: dict[str, Any] = {
        "trip": trip,
        "kind": "transport",
        "amount_fen": 12800,
        "what": "打车往返",
        "receipt_no": "A1001",
    }
    claim = books.act("hua", "expense", "claim", **what)
    books.approve("guo", asked_about(office, claim))
    return claim


def asked_about(office: Office, code: str) -> str:
    """The request about this case that waits."""
    with databases.read(office.engine) as session:
        mine = select(Approval.code).where(Approval.case_code == code, Approval.state == "pending")
        return str(session.scalars(mine).one())


def to_the_customers(office: Office, lead: str, wait: timedelta = timedelta(days=1)) -> dict[str, Any]:
    """A trip to the customer of this lead, tomorrow if not said otherwise."""
    start = office.now + wait
    times = {"starts_at": start.isoformat(), "ends_at": (start + timedelta(hours=3)).isoformat()}
    return {"place": "高新区软件园", "purpose": "企业团购洽谈", "leads": [lead], **times}


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
            f"/cases/question/{c['question']}", "/do/question/begin/pose", f"/cases/trip/{c['trip']}", "/do/trip/begin/plan",
            f"/do/trip/{c['trip']}/confirm", f"/do/trip/{c['trip']}/cancel", "/cases/trip", "/do/incident/begin/report",
            "/do/expense/begin/claim",
        ],
        "lin": ["/", "/leads?tick=all", f"/team/{month}?equal=1", "/money", "/cases/deduction", "/do/deduction/begin/report", "/pipeline"],
        "desk": ["/", "/reception", "/leads/all", f"/arrive/{c['token']}"],
        "c1": ["/", "/rotation", f"/leads/{c['held']}", f"/do/lead/{c['held']}/lose"],
        "guo": [
            "/", "/months", f"/months/{month}", "/money", "/policy", "/policy/draft", f"/cases/policy/{c['draft']}",
            *(f"/cases/{name}" for name in ("quota", "pay", "attendance", "sale", "dispute", "split")),
            f"/do/quota/{c['quota']}/change", "/do/quota/begin/propose", "/import", f"/import/{c['import']}", "/people/me", "/leads/nobody-knows-this",
            f"/cases/incident/{c['incident']}", f"/do/incident/{c['incident']}/answer", "/cases/incident",
        ],
        "sun": [
            "/", "/inbox", "/inbox/decided", "/pipeline", "/pipeline/machine", "/reports", "/rotation", "/pool", "/reception", "/clock",
            "/leads/all?channel=flyer&who=mei", f"/leads/{c['asked']}",
        ],
        "fei": [
            f"/cases/expense/{c['expense']}", f"/do/expense/{c['expense']}/reimburse", f"/do/expense/{c['expense']}/refuse",
            "/", "/inbox", f"/cases/sale/{c['sale']}", f"/months/{month}"],
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
