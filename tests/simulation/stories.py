"""What people want: short stories about a lead, a sale, a deduction, a month. A story yields wishes, singly or several at one
instant, and is told the answers; or it yields a span for which it wants nothing.

Most wishes are sensible: somebody who may asks for what is possible. Some are not, so that every refusal is met.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.simulation import said
from tests.simulation.asking import WEB_FORM, Answer, Story, Wish
from workflows.money.months import following

if TYPE_CHECKING:
    from tests.simulation.world import World

Facts = dict[str, Any]
MANAGERS = ["guo", "zhu", "pan"]
MEMBERS = ["mei", "bo", "tao", "lin", "xu"]
DESKS = [*MANAGERS, "sun", "qian", "fei", "fan", "yan", "an"]
ANSWERS = ["approve", "approve", "approve", "approve", "reject", "withdraw"]
MONTHS = ["2026-03", "2026-04", "2026-05"]


def wish(w: World, flow: str, event: str, who: str, code: str | None = None, **facts: Any) -> Wish:
    return Wish(who, flow, event, code, facts)


def span(w: World, flow: str, code: str) -> timedelta:
    """Until something of this case comes due, or a moment before or after it; or any other span."""
    due = w.next_due(flow, code)
    if due is None or w.rng.random() < 0.3:
        return timedelta(minutes=w.rng.choice(said.MINUTES))
    return max(timedelta(0), due - w.now + timedelta(seconds=w.rng.choice((-1, 0, 0, 1, 600))))


# -- a case goes on -------------------------------------------------------------------------------------------------


def walk(w: World, flow: str, code: str, steps: int) -> Story:
    """Somebody who may takes a step that is possible, and so on; now and then somebody tries something else."""
    for _unused in range(steps):
        seen = w.case(flow, code)
        if seen is None or (not seen.may and w.rng.random() < 0.7):
            return
        if w.rng.random() < WAITS.get(seen.state, 0.1):
            yield span(w, flow, code)
            continue
        answer = (
            yield [astray(w, flow, code, seen.version)]
            if w.rng.random() < 0.15
            else onward(w, flow, code, seen)
        )[0]
        if answer.asked_for and w.rng.random() < 0.85:
            yield from decide(w, answer.asked_for)


WAITS = {
    "captured": 0.1,
    "screened": 0.15,
    "visited": 0.2,
    "assigned": 0.25,
    "unconverted": 0.1,
    "confirmed": 0.5,
    "reduced": 0.5,
}


def onward(w: World, flow: str, code: str, seen: Any) -> list[Wish]:
    """A sensible wish; sometimes two people have it at one instant, or one whose form is old."""
    if not seen.may:
        return [astray(w, flow, code, seen.version)]
    usual = [e for e in said.ONWARD.get(seen.state, ()) if e in seen.may] if flow == "lead" else []
    event = w.rng.choice(usual or sorted(seen.may))
    who, drawn = w.rng.choice(seen.may[event]), w.rng.random()
    version = seen.version if drawn < 0.4 else max(0, seen.version - 1) if drawn < 0.46 else None
    first = Wish(who, flow, event, code, facts(w, flow, event), version)
    if w.rng.random() > 0.08:
        return [first]
    other = w.rng.choice(sorted(seen.may))
    return [first, Wish(w.rng.choice(seen.may[other]), flow, other, code, facts(w, flow, other), version)]


def astray(w: World, flow: str, code: str, version: int) -> Wish:
    """Anybody asks for anything, or says something that is not well-formed."""
    event = w.rng.choice(w.events_of(flow))
    given = w.rng.choice(WRONG.get((flow, event), [{}])) if w.rng.random() < 0.6 else facts(w, flow, event)
    who = w.rng.choice(w.people) if w.rng.random() < 0.6 else w.somebody_who_may(flow, code, event)
    return Wish(who, flow, event, code, given, version if w.rng.random() < 0.2 else None)


def decide(w: World, approval: str) -> Story:
    """A request is decided by one, by two at one instant, by somebody who may not, or left alone until it is called to mind."""
    if w.rng.random() < 0.12:
        yield timedelta(hours=w.rng.choice((25, 73)))
    may = w.approvers(approval)
    if not may or w.rng.random() < 0.1:
        may = w.people
    decision = w.rng.choice(ANSWERS)
    who = w.requester(approval) if decision == "withdraw" and w.rng.random() < 0.8 else w.rng.choice(may)
    wishes = [Wish(who, "approval", decision, approval, {"note": "看过"})]
    if w.rng.random() < 0.25:
        wishes.append(Wish(w.rng.choice(may), "approval", w.rng.choice(ANSWERS), approval))
    answers: list[Answer] = yield wishes
    if not any(answer.done for answer in answers) and w.rng.random() < 0.7:
        yield [Wish(w.rng.choice(w.approvers(approval) or may), "approval", "approve", approval)]


def waiting(w: World) -> Story:
    """Whatever waits for a decision is decided."""
    open_ones = w.open_approvals()
    w.rng.shuffle(open_ones)
    for approval in open_ones[:2]:
        yield from decide(w, approval)


# -- leads ----------------------------------------------------------------------------------------------------------


def capture(w: World) -> Facts:
    phone = w.rng.choice([*said.PHONES, f"139{w.rng.randrange(10**8):08}", f"139{w.rng.randrange(10**8):08}"])
    channel = w.rng.choice(("call_in", "call_in", "flyer", "referral", "partner"))
    return {"name": "王先生", "phone": phone, "channel": channel, "consent": True}


def new_lead(w: World) -> Story:
    """A lead is captured, by somebody of the house or through the web form, and goes on; its phone may be tried again."""
    given, who = capture(w), w.rng.choice([*MEMBERS, "desk", "guo", WEB_FORM])
    if w.rng.random() < 0.2:
        given |= w.rng.choice(WRONG["lead", "capture"])
    answers = yield [Wish(who, "lead", "capture", None, given)] + (
        [Wish(w.rng.choice([*MEMBERS, WEB_FORM]), "lead", "capture", None, given)]
        if w.rng.random() < 0.2
        else []
    )
    code = next((answer.code for answer in answers if answer.done), None)
    if code is None:
        return
    if w.rng.random() < 0.2:
        yield [Wish(w.rng.choice(MEMBERS), "lead", "capture", None, given)]
    yield from walk(w, "lead", code, w.rng.randint(2, 6))


def old_lead(w: World) -> Story:
    """One of the office's leads goes on."""
    code = w.any_case("lead")
    if code:
        yield from walk(w, "lead", code, w.rng.randint(2, 5))


def rotation(w: World) -> Story:
    """Somebody goes off duty, or comes back, or tries to for another."""
    for _unused in range(w.rng.randint(1, 2)):
        place, who = w.any_case("duty"), w.rng.choice(["c0", "c1", "c2", "c3", "c4", "sun", "mei", "yan"])
        if place and w.rng.random() < 0.7:
            yield from walk(w, "duty", place, 1)
        else:
            yield [
                Wish(
                    who, "duty", "join", None, w.rng.choice([{}, {"consultant": "c4"}, {"consultant": "mei"}])
                )
            ]


# -- what is agreed, charged, disputed ------------------------------------------------------------------------------


def opened(flow: str, event: str, who: list[str], steps: int) -> Callable[[World], Story]:
    """Somebody begins a case, and it goes on."""

    def story(w: World) -> Story:
        drawn = w.rng.random()
        code = w.any_case(flow) if drawn < 0.4 else None
        if code is None:
            given = w.rng.choice(WRONG[flow, event]) if drawn > 0.85 else facts(w, flow, event)
            answers = yield [Wish(w.rng.choice(who), flow, event, None, given)]
            code = answers[0].code if answers[0].done else None
        if code is None:
            return
        for approval in w.open_approvals(code):
            yield from decide(w, approval)
        yield from walk(w, flow, code, w.rng.randint(1, steps))

    return story


def sale(w: World) -> Story:
    """The customer withdraws."""
    code = w.any_case("sale")
    if code:
        yield from walk(w, "sale", code, 2)


def closing(w: World) -> Story:
    """Months are opened, submitted, sent back, approved, paid and locked, in their order or not."""
    for _unused in range(w.rng.randint(2, 5)):
        drawn = w.rng.random()
        if drawn < 0.25:
            yield w.next_month() - w.now
        if drawn < 0.4:
            yield [Wish(w.rng.choice(MANAGERS), "month", "begin", None, facts(w, "month", "begin"))]
            continue
        code = w.any_case("month")
        if code and w.rng.random() < 0.3:
            yield from waiting(w)
        if code:
            yield from walk(w, "month", code, w.rng.randint(1, 3))


def sharing(w: World) -> Story:
    """A leader divides what the team earned, and may take it back."""
    who = w.rng.choice(("lin", "lin", "xu"))
    answers = yield [Wish(who, "split", "divide", None, facts(w, "split", "divide"))]
    if answers[0].done:
        yield from walk(w, "split", answers[0].code, 1)


STORIES: dict[str, list[tuple[float, Callable[[World], Story]]]] = {
    "street": [(4, new_lead), (4, old_lead), (1, rotation), (1, waiting)],
    "books": [
        (2, new_lead),
        (3, old_lead),
        (1, waiting),
        (1, opened("quota", "propose", MANAGERS, 2)),
        (1, opened("pay", "propose", MANAGERS, 2)),
        (1, opened("attendance", "propose", MANAGERS, 2)),
        (2, opened("deduction", "report", ["lin", "xu", "guo", "sun", "an"], 3)),
        (2, opened("dispute", "open_dispute", ["mei", "bo", "lin", "guo", "c1"], 2)),
        (1.5, opened("policy", "draft", ["guo", "sun", "fei", "root"], 4)),
        (1.5, sale),
        (4, closing),
        (2, sharing),
    ],
}


# -- what is said ---------------------------------------------------------------------------------------------------


def month_at(w: World) -> str:
    return f"{w.local():%Y-%m}"


def a_month(w: World) -> str:
    now = month_at(w)
    return w.rng.choice(["2026-03", "2026-04", now, now, following(now)])


def day(w: World, back: int) -> str:
    return (w.local() - timedelta(days=w.rng.randint(0, back))).date().isoformat()


SAYS: dict[tuple[str, str], Callable[[World], Facts]] = {
    ("quota", "propose"): lambda w: {
        "person": w.rng.choice(MEMBERS), "month": a_month(w), "call_visits": w.rng.randint(0, 1), "visits": w.rng.randint(0, 2),
    },
    ("quota", "change"): lambda w: {"call_visits": w.rng.randint(0, 1), "visits": w.rng.randint(0, 3)},
    ("pay", "propose"): lambda w: {"person": w.rng.choice(MEMBERS), "kind": "monthly", "amount_fen": 280_000, "since": a_month(w)},
    ("pay", "change"): lambda w: {"kind": "daily", "since": a_month(w)},
    ("attendance", "propose"): lambda w: {
        "person": w.rng.choice(MEMBERS), "month": a_month(w), "half_days": w.rng.randint(20, 44), "half_days_due": 44,
    },
    ("attendance", "change"): lambda w: {"half_days": w.rng.randint(20, 44), "half_days_due": 44},
    ("deduction", "report"): lambda w: {
        "kind": w.rng.choice(("left_post", "wandering", "crowding", "bad_mood", "appearance", "conduct")),
        "person": w.rng.choice(MEMBERS), "day": day(w, 40), "reason": "看到的",
    },
    ("deduction", "reduce"): lambda w: {"member_fen": 0, "leader_fen": 0, "reason": "初犯"},
    ("deduction", "waive"): lambda w: {"why": "weather"},
    ("deduction", "appeal"): lambda w: {"reason": "不是我"},
    ("dispute", "open_dispute"): lambda w: {
        "month": w.rng.choice(MONTHS), "line": w.rng.choice(("visit_bonus", "wage")), "reason": "少了",
    },
    ("dispute", "answer"): lambda w: {"answer": "没有错"},
    ("dispute", "grant"): lambda w: {"amount_fen": w.rng.randint(1, 9_999), "answer": "补发"},
    ("sale", "rescind"): lambda w: {"reason": "退房"},
    ("month", "begin"): lambda w: {"month": a_month(w)},
    ("month", "submit"): lambda w: {"in_spite": w.rng.random() < 0.9},
    ("month", "send_back"): lambda w: {"reason": "再看"},
    ("month", "pay"): lambda w: {"reference": "P1"},
    ("split", "divide"): lambda w: {"shares": {w.rng.choice(("mei", "bo", "lin")): w.rng.choice((100, 30_000, 60_000))}},
    ("policy", "draft"): lambda w: {
        "numbers": {"offer_minutes": w.rng.randint(10, 30)}, "why": "太短",
        "effective_on": (w.local() + timedelta(days=w.rng.choice((1, 3, 40)))).date().isoformat(),
    },
}  # fmt: skip
WRONG: dict[tuple[str, str], list[Facts]] = {
    **{("lead", event): given for event, given in said.WRONG.items()},
    ("lead", "capture"): [
        {"phone": "12345"}, {"consent": False}, {"phone": said.STAFF_PHONE}, {"name": " "}, {"noted_at": "2026-01-01T09:00:00+08:00"},
    ],
    ("quota", "propose"): [
        {"person": "lao", "month": "2026-04", "call_visits": 0, "visits": 0}, {"person": "nobody", "month": "2026-04"}, {},
    ],
    ("pay", "propose"): [{"person": "mei", "kind": "monthly", "since": "2026-04"}, {"person": "lao", "kind": "daily", "since": "2026-04"}],
    ("attendance", "propose"): [
        {"person": "mei", "month": "2026-03", "half_days": 1, "half_days_due": 44},
        {"person": "bo", "month": "2026-03", "half_days": 1, "half_days_due": 44},
        {"person": "mei", "month": "2026-04", "half_days": 44, "half_days_due": 4},
    ],
    ("deduction", "report"): [
        {"kind": "left_post", "person": "mei", "day": "2026-12-31", "reason": "x"},
        {"kind": "left_post", "person": "lao", "day": "2026-04-20", "reason": "x"},
        {"kind": "left_post", "person": "mei", "also": "bo", "day": "2026-04-20", "reason": "x"},
    ],
    ("deduction", "reduce"): [{"member_fen": 10**9, "reason": "x"}, {"leader_fen": 10**9, "reason": "x"}, {}],
    ("dispute", "open_dispute"): [{"month": "2026-03", "line": "visit_bonus", "reason": "x"}, {"month": "2027-01", "line": "x", "reason": "x"}],
    ("split", "divide"): [{"shares": {"mei": 10**8}}, {"shares": {"tao": 1}}, {}],
    ("month", "submit"): [{"in_spite": False}],
    ("policy", "draft"): [
        {"numbers": {"offer_minutes": 10}, "effective_on": "2026-04-01", "why": "x"}, {"numbers": {"nothing": 1}, "effective_on": "2027-01-01", "why": "x"},
    ],
}  # fmt: skip


def facts(w: World, flow: str, event: str) -> Facts:
    if flow == "lead":
        return capture(w) if event == "capture" else dict(w.rng.choice(said.DATA.get(event, [{}])))
    return SAYS[flow, event](w) if (flow, event) in SAYS else {}
