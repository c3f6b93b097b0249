"""Every page there is, by who looks at it: a company with a month behind it, and the addresses that show all of it.

The test of all pages and `python -m tests.screens` walk the same way, and the test fails when a page stands on it nowhere.
"""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

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
    found["promise"] = promised(books, found["held"])
    found["trip"] = books.act("mei", "trip", "plan", **to_the_customers(office, found["captured"]))
    found["expense"] = spent(books)
    happened = {"kind": "quarrel", "place": "软件园南门", "happened": "保安阻拦"}
    found["incident"] = books.act("mei", "incident", "report", **happened)
    found |= of_conduct(books)
    found |= rostered(books)
    found["event"] = outreach_event(books)
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


def promised(books: Books, lead: str) -> str:
    """A discount that waits for the sales manager, and an answer that is due; the code of the latter."""
    due = (books.office.now + timedelta(days=3)).isoformat()
    word: dict[str, Any] = {"lead": lead, "due_at": due}
    books.act("c1", "promise", "make", **word, kind="discount", promised="总价优惠五千", amount_fen=500_000)
    return str(books.act("guo", "promise", "make", **word, kind="answer", promised="学区材料", owner="mei"))


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


def of_conduct(books: Books) -> dict[str, str]:
    """Something of every workflow about how people work."""
    day = f"{books.month}-02"
    log = books.act("mei", "log", "begin", kind="day", day=day)
    books.act("mei", "log", "hand_in", log, results="派单两百份", problems="下雨", next_steps="回访")
    round_made = books.act("zhi", "round", "begin", spot="万达东门", there=["mei", "lin"])
    books.act("zhi", "round", "find", round_made, kind="remark", person="mei", seen="展架摆放整齐")
    reading = books.act("sun", "training", "have_read", policy="S20")
    starts = (books.office.now + timedelta(days=40)).isoformat()
    training = books.act("guo", "training", "plan", topic="项目说辞", kind="project", starts_at=starts)
    sanction = books.act(
        "guo", "sanction", "propose", person="mei", kind="warning", clause="S20 罚5", reason="与客户争吵"
    )
    praise = books.act("lin", "commendation", "propose", person="mei", kind="commendation", reason="雨天坚守")
    found = {"log": log, "round": round_made, "reading": reading, "training": training}
    return found | {"sanction": sanction, "praise": praise}


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


def outreach_event(books: Books) -> str:
    """An event whose plan waits for the sales manager."""
    now = books.office.now
    plan: dict[str, Any] = {"name": "春季看房节", "in_charge": "lin", "goal_kind": "visits", "goal": 30}
    plan |= {"starts_at": now + timedelta(days=1), "ends_at": now + timedelta(days=3)}
    code = books.act("guo", "event", "plan", **plan, channels=["flyer", "online"], materials="折页两千份")
    books.act("lin", "event", "assign", code, person="mei", part="发单")
    books.act("guo", "event", "propose", code)
    return str(code)


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
            f"/cases/log/{c['log']}", "/do/log/begin/begin", f"/cases/training/{c['reading']}",
            "/signing", f"/cases/presence/{c['presence']}", f"/do/presence/{c['presence']}/sign_in", f"/cases/leave/{c['leave']}",
            "/do/leave/begin/ask_leave", f"/cases/roster/{c['roster']}",
            f"/cases/sanction/{c['sanction']}", f"/do/sanction/{c['sanction']}/answer",
            "/do/expense/begin/claim",
        ],
        "lin": ["/", "/signing", f"/do/roster/{c['roster']}/add", "/do/roster/begin/draft", "/cases/presence", "/cases/log", f"/do/log/{c['log']}/grade", "/leads?tick=all", f"/team/{month}?equal=1", "/money", "/cases/deduction", "/do/deduction/begin/report", "/pipeline", f"/cases/event/{c['event']}", f"/do/event/{c['event']}/assign"],
        "desk": ["/", "/reception", "/leads/all", f"/arrive/{c['token']}"],
        "c1": [
            "/", "/rotation", f"/leads/{c['held']}", f"/do/lead/{c['held']}/lose", f"/do/promise/begin/make?lead={c['held']}",
        ],
        "guo": [
            "/", "/cases/event", "/do/event/begin/plan", f"/do/event/{c['event']}/rework", "/policies/S10", "/signing", f"/cases/calendar/{c['calendar']}", "/cases/roster", "/cases/leave", f"/cases/promise/{c['promise']}", "/cases/promise", f"/do/promise/{c['promise']}/pass_on", "/help/promise",
            f"/cases/training/{c['training']}", "/do/training/begin/plan", "/do/training/begin/have_read",
            "/do/sanction/begin/propose", f"/cases/commendation/{c['praise']}", "/do/commendation/begin/propose",
            "/months", f"/months/{month}", "/money", "/policy", "/policy/draft", f"/cases/policy/{c['draft']}",
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
            "/", "/inbox", f"/cases/sale/{c['sale']}", f"/months/{month}",
        ],
        "zhi": ["/", "/office", f"/cases/round/{c['round']}", f"/do/round/{c['round']}/find", "/do/round/begin/begin", f"/do/question/{c['question']}/dismiss", f"/leads/{c['held']}", "/access", "/reports"],
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
