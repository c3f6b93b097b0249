"""Two months with something of everything in them, always the same: what is told, posted, closed and paid can be compared
between runs that were disturbed in different ways."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from tests.money.company import Company
from workflows.money.deduction import DeductionFlow
from workflows.money.quota import QuotaFlow
from workflows.money.split import SplitFlow

Settle = Callable[[], object]


def march(company: Company, settle: Settle | None = None) -> list[str]:
    """March as it was lived; `settle` lets the workers work, where that is not simply a drain. The leads with visits."""
    settle = settle or company.drain
    for who in ("mei", "bo", "lin"):
        company.pay_of(who, "daily" if who == "bo" else "monthly", 6_000 if who == "bo" else 280_000)
    company.quota("mei", "2026-03", 1, 1)
    leads = [company.visit_of("mei") for _unused in range(3)]
    leads += [company.visit_of("mei", "call_in"), company.visit_of("mei", "call_in")]
    leads += [company.visit_of("tao") for _unused in range(3)]
    company.visit_of("desk", "walk_in")
    settle()
    company.sold(leads[0], units=2)
    company.sold(leads[5])
    company.charged("mei", "left_post")
    proxy = company.reported("bo", "attendance", also="mei")
    company.take(DeductionFlow, "confirm", "sun", proxy)
    company.take(DeductionFlow, "appeal", "mei", proxy, reason="不是我")
    company.take(DeductionFlow, "uphold", "qian", proxy)
    settle()
    return leads


def sheets(company: Company, month: str = "2026-03") -> None:
    company.days_of("mei", month, 41)
    company.days_of("bo", month, 40)
    company.days_of("lin", month, 44)


def two_months(company: Company, settle: Settle | None = None) -> None:
    """March and April, closed and paid; March was sent back once, and some of it came out differently in April."""
    settle = settle or company.drain
    leads = march(company, settle)
    company.at(2026, 4, 1)
    sheets(company)
    company.submit("2026-03")
    company.of_month("send_back", "2026-03", "sun", reason="再看")
    settle()
    quota = company.quota("tao", "2026-03", 0, 1)
    settle()
    company.submit("2026-03")
    company.exposed(leads[1])
    settle()
    company.approve_month("2026-03")
    company.divided("lin", {"mei": 10_000, "bo": 5_001})
    undone = company.divided_after("lin", {"lin": 100}, settle)
    company.take(SplitFlow, "undo", "lin", undone)
    settle()
    company.pay("2026-03")
    company.rescinded(company.sale_of(leads[5]))
    company.changed(QuotaFlow, quota, call_visits=0, visits=3)
    settle()
    company.changed(QuotaFlow, quota, call_visits=0, visits=2)
    company.granted(company.disputed("bo", "2026-03"), 4_999)
    company.move_to_team("mei", "B")
    company.sold(company.visit_of("mei"))
    company.waive_all()
    settle()
    company.of_month("lock", "2026-03", "fei")
    company.at(2026, 5, 1)
    sheets(company, "2026-04")
    company.closed("2026-04")
    settle()


def by_kind(company: Company) -> dict[tuple[str, str, str], int]:
    """What the ledger comes to by month, account and kind: the same for two companies that lived the same."""
    sums: Counter[tuple[str, str, str]] = Counter()
    for (_cause, month, owner, kind), fen in company.nets().items():
        sums[month, owner, kind] += fen
    return {key: fen for key, fen in sums.items() if fen}
