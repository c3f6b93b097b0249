"""The policy numbers: typed, each with its clause, versioned by the instant from which it is in force.

A case and a timer remember the version under which they started; a new version moves no clock that runs.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import Engine, Pool, Select, bindparam, select
from sqlalchemy.orm import Session

from models.machinery import PolicyVersion
from workflows.words import _


def number(default: int, label: str, clause: str, unit: str, *, low: int = 0, high: int = 100_000) -> Any:
    """A policy number with what people need to judge it."""
    extra: dict[str, Any] = {"label": label, "clause": clause, "unit": unit}
    return Field(default, ge=low, le=high, description=label, json_schema_extra=extra)


def fen(default: int, label: str, clause: str) -> Any:
    """An amount of money; 0 switches it off."""
    return number(default, label, clause, "fen", high=10_000_000)


def percent(default: int, label: str, clause: str) -> Any:
    return number(default, label, clause, "%", high=100)


def half_days(default: int, label: str, clause: str) -> Any:
    return number(default, label, clause, "half days", high=62)


def time_of_day(default: int, label: str, clause: str) -> Any:
    """A time of day, in minutes after the company's midnight."""
    return number(default, label, clause, "time", high=1439)


class Policy(BaseModel):
    """All numbers of the company's policy. `version` is the row they came from, not a number of the policy."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    version: Annotated[int, Field(exclude=True)] = 1

    conversion_days: int = number(
        10, _("Days for the consultant to close the deal"), "S20 (三)9", "days", low=1, high=365
    )
    call_in_days: int = number(
        14, _("Days a call-in lead is protected before it visits"), "S20 (三)10", "days", low=1, high=365
    )
    visit_months: int = number(
        1, _("Months a visiting lead is protected"), "S20 (三)10", "months", low=1, high=24
    )
    offer_minutes: int = number(
        15, _("Minutes a consultant has to answer an offer"), "S20 (三)6 (ours)", "minutes", low=1, high=1440
    )
    approval_reminder_hours: int = number(
        24, _("Hours until an open approval is called to mind"), "S19 十四 (ours)", "hours", low=1, high=720
    )
    approval_escalation_hours: int = number(
        72, _("Hours until an open approval is escalated"), "S19 十四 (ours)", "hours", low=1, high=2160
    )
    screening_reminder_hours: int = number(
        24,
        _("Hours until an unscreened lead is called to mind"),
        "S20 (三)5 (ours)",
        "hours",
        low=1,
        high=720,
    )
    ruling_days: int = number(
        7,
        _("Days until a question of interpretation is called to mind"),
        "S4 五 (ours)",
        "days",
        low=1,
        high=90,
    )
    promise_reminder_days: int = number(
        1, _("Days before a promise is due that it is called to mind"), "S10 8 (ours)", "days", low=1, high=30
    )
    promise_escalation_days: int = number(
        3,
        _("Days overdue after which the sales manager is told of a promise"),
        "S10 8 (ours)",
        "days",
        low=1,
        high=60,
    )
    trip_start_minutes: int = number(
        30,
        _("Minutes after its planned start until a field trip is called to mind"),
        "S9 1 (ours)",
        "minutes",
        low=1,
        high=1440,
    )
    trip_reminder_days: int = number(
        1,
        _("Days after the planned end of a field trip until its filing is called to mind"),
        "S9 5 (ours)",
        "days",
        low=1,
        high=30,
    )
    trip_filing_days: int = number(
        2,
        _("Days after its planned end to file what came of a field trip"),
        "S9 5 (ours)",
        "days",
        low=1,
        high=60,
    )
    incident_minutes: int = number(
        30, _("Minutes to answer a safety incident"), "S9 3 (ours)", "minutes", low=1, high=1440
    )
    log_due_minute: int = time_of_day(
        1_050, _("Time of day at which logs, plans and reports are due"), "S14 三4 (ours)"
    )
    plan_due_weekday: int = number(
        1,
        _("Weekday on which the week's plan is due (1 is Monday)"),
        "S4 十七 (ours)",
        "weekday",
        low=1,
        high=7,
    )
    report_due_weekday: int = number(
        7,
        _("Weekday on which the week's report is due (1 is Monday)"),
        "S4 十七 (ours)",
        "weekday",
        low=1,
        high=7,
    )
    log_leader_minutes: int = number(
        60,
        _("Minutes after which the leader is told of a log that is not there"),
        "S14 三4 (ours)",
        "minutes",
        low=1,
        high=1440,
    )
    log_manager_hours: int = number(
        15,
        _("Hours after which the manager is told of a log that is not there"),
        "S14 三4 (ours)",
        "hours",
        low=1,
        high=720,
    )
    round_hours: int = number(
        12,
        _("Hours until a round of inspection is to be closed"),
        "S20 罚 (ours)",
        "hours",
        low=1,
        high=720,
    )
    training_notice_hours: int = number(
        24,
        _("Hours before a training at which those who must come are reminded"),
        "S4 六 (ours)",
        "hours",
        low=1,
        high=720,
    )
    training_make_up_days: int = number(
        7,
        _("Days until who missed a training is asked to make it up"),
        "S4 六 (ours)",
        "days",
        low=1,
        high=90,
    )
    training_pass_score: int = number(
        60, _("Points of 100 with which a test is passed"), "S20 (三)2 (ours)", "points", low=1, high=100
    )
    reading_days: int = number(
        7,
        _("Days until who has not read a policy is reminded"),
        "S4 四 (ours)",
        "days",
        low=1,
        high=90,
    )
    sanction_hearing_days: int = number(
        3,
        _("Days to answer a proposed sanction"),
        "S19 十三 (ours)",
        "days",
        low=1,
        high=60,
    )
    sanction_appeal_days: int = number(
        7,
        _("Days to appeal against a sanction"),
        "S19 十三 (ours)",
        "days",
        low=1,
        high=60,
    )
    sanction_desk_days: int = number(
        3,
        _("Days until a sanction that stands is to be carried out"),
        "S19 十三 (ours)",
        "days",
        low=1,
        high=60,
    )
    evaluation_days: int = number(
        7, _("Days until an event that is over must be evaluated"), "S10 7 (ours)", "days", low=1, high=60
    )
    expense_days: int = number(
        30, _("Days after a field trip to claim what it cost"), "S9 6 (ours)", "days", low=1, high=365
    )
    draft_hours: int = number(
        24,
        _("Hours a capture may wait on a phone until it is sent"),
        "S20 (三)5 (ours)",
        "hours",
        low=1,
        high=72,
    )
    phone_clock_minutes: int = number(
        5, _("Minutes the clock of a phone may be fast"), "S20 (三)5 (ours)", "minutes", high=60
    )
    arrival_code_minutes: int = number(
        10, _("Minutes an arrival code is good for"), "S20 (三)6 (ours)", "minutes", low=1, high=120
    )
    extension_days_max: int = number(
        30, _("Most days one extension may add"), "S20 (三)9 (ours)", "days", low=1, high=30
    )
    timer_late_minutes: int = number(
        5, _("Minutes after which a timer counts as late"), "S12 (ours)", "minutes", low=1, high=1440
    )
    pool_claims_per_day: int = number(
        0, _("Pool claims per person and day (0 = no limit)"), "S20 (三)10 (ours)", "claims"
    )
    pool_held_max: int = number(
        0, _("Leads one outreach member may hold (0 = no limit)"), "S20 (三)10 (ours)", "leads"
    )
    pool_return_days: int = number(
        0,
        _("Days before the one who lost or released a lead may claim it (0 = none)"),
        "S20 (三)10 (ours)",
        "days",
        high=365,
    )
    team_size_max: int = number(
        20, _("Most people in the fixed outreach team"), "S20 (三)1", "people", low=1, high=1000
    )

    # The outreach team's days.
    muster_minute: int = time_of_day(540, _("Everybody is there"), "S20 (一)")
    weekday_begin_minute: int = time_of_day(600, _("Monday to Friday: begin"), "S20 (一)")
    weekday_end_minute: int = time_of_day(990, _("Monday to Friday: end"), "S20 (一)")
    weekend_begin_minute: int = time_of_day(600, _("Weekends and holidays: begin"), "S20 (一)")
    weekend_end_minute: int = time_of_day(1050, _("Weekends and holidays: end"), "S20 (一)")
    lunch_begin_minute: int = time_of_day(780, _("Lunch: begin"), "S20 (一)")
    lunch_end_minute: int = time_of_day(840, _("Lunch: end"), "S20 (一)")
    spot_people_max: int = number(
        1, _("Most people of a team at one spot"), "S20 罚4 (ours)", "people", low=1, high=50
    )
    late_grace_minutes: int = number(
        0, _("Minutes late or early that are not counted"), "S14 一1 (ours)", "minutes", high=120
    )
    unseen_minutes: int = number(
        15,
        _("Minutes until the leader is told who has not signed in"),
        "S20 罚2 (ours)",
        "minutes",
        high=480,
    )
    sign_out_minutes: int = number(
        60, _("Minutes after the end in which one may still sign out"), "S14 一2 (ours)", "minutes", high=360
    )
    spot_code_minutes: int = number(
        5, _("Minutes until the code shown at a spot changes"), "S14 一2 (ours)", "minutes", low=1, high=120
    )
    proxy_minutes: int = number(
        10,
        _("Minutes within which two who sign with one device are reported"),
        "S14 一2 (ours)",
        "minutes",
        high=1440,
    )
    leave_days_ahead: int = number(1, _("Days ahead on which leave is asked for"), "S14 一4", "days", high=30)
    leave_days_max: int = number(30, _("Most days of one leave"), "S14 一4 (ours)", "days", low=1, high=366)

    # What a lead earns (S20 (四) 个人); amounts in fen.
    call_visit_bonus_fen: int = fen(1_000, _("Bonus for a call-in visit beyond the quota"), "S20 (四) 个人1")
    visit_bonus_fen: int = fen(5_000, _("Bonus for any other visit beyond the quota"), "S20 (四) 个人1")
    deal_bonus_fen: int = fen(50_000, _("Bonus per unit sold"), "S20 (四) 个人2")
    leader_bonus_fen: int = fen(10_000, _("The team leader's bonus per unit sold"), "S20 (四) 个人2")
    call_visit_award_fen: int = fen(30_000, _("Award of the team with most call-in visits"), "S20 (四) 团队1")
    visit_award_fen: int = fen(60_000, _("Award of the team with most other visits"), "S20 (四) 团队1")
    deal_award_fen: int = fen(100_000, _("Award of the team with most units sold"), "S20 (四) 团队1")

    # Wage and performance pay.
    daily_wage_fen: int = fen(6_000, _("Wage of one attended day"), "S20 (二)1")
    base_low_fen: int = fen(250_000, _("Lowest base wage of monthly staff"), "S20 (二)1")
    base_high_fen: int = fen(300_000, _("Highest base wage of monthly staff"), "S20 (二)1")
    month_days_hundredths: int = number(
        2_175, _("Paid days of a month, in hundredths"), "S20 (二)1", "1/100", low=1, high=3_100
    )
    performance_percent: int = percent(20, _("Part of the wage that is performance pay"), "S20 (四) 个人3")
    performance_call_percent: int = percent(
        30, _("Weight of call-in visits in performance pay"), "S20 (四) 个人3"
    )

    # Deductions: the member's part in half days of wage or fen, the leader's in fen.
    left_post_half_days: int = half_days(1, _("Left the post: wage of the member"), "S20 罚1")
    left_post_leader_fen: int = fen(1_000, _("Left the post: the leader"), "S20 罚1")
    absent_half_days: int = half_days(2, _("Absent unnoticed: wage of the member"), "S20 罚2")
    absent_leader_fen: int = fen(2_000, _("Absent unnoticed: the leader"), "S20 罚2")
    wandering_half_days: int = half_days(1, _("Wandering: wage of the member"), "S20 罚3")
    wandering_leader_fen: int = fen(2_000, _("Wandering: the leader"), "S20 罚3")
    crowding_leader_fen: int = fen(1_000, _("Crowding at one spot: the leader"), "S20 罚4")
    bad_mood_half_days: int = half_days(1, _("Bad mood towards a customer: wage"), "S20 罚5")
    bad_mood_serious_percent: int = percent(
        50, _("Part of the wage lost on dismissal for a serious bad mood"), "S20 罚5"
    )
    destroyed_half_days: int = half_days(2, _("Destroyed material: wage of the member"), "S20 罚6")
    destroyed_leader_fen: int = fen(2_000, _("Destroyed material: the leader"), "S20 罚6")
    fake_lead_half_days: int = half_days(2, _("Fake lead: wage of the member"), "S20 罚7")
    attendance_fen: int = fen(2_000, _("Late, early, signing for another"), "S14 一")
    appearance_fen: int = fen(1_000, _("Appearance"), "S14 二")
    conduct_fen: int = fen(2_000, _("Conduct"), "S14 三")
    appeal_days: int = number(
        3, _("Days to appeal against a deduction"), "S20 备注 (ours)", "days", low=1, high=60
    )
    deduction_cap_percent: int = percent(
        20, _("Most of a month's wage that deductions may take"), "工资支付暂行规定 第十六条"
    )
    minimum_wage_fen: int = fen(
        200_000, _("Local minimum wage of a month (monthly staff)"), "工资支付暂行规定 第十六条"
    )
    minimum_day_fen: int = fen(
        4_800, _("What a day of daily staff must leave at least"), "工资支付暂行规定 第十六条 (ours)"
    )


DEFAULTS = Policy()


class WrongPolicy(ValueError):
    """Policy numbers that cannot come into force; `errors` says per number what is wrong."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {why}" for name, why in errors.items()))
        self.errors = errors


def checked(numbers: dict[str, Any]) -> Policy:
    """The policy with these numbers over the defaults; raises `WrongPolicy`."""
    try:
        return Policy.model_validate(
            {k: v for k, v in numbers.items() if k != "version"} if isinstance(numbers, dict) else numbers
        )
    except ValidationError as error:
        raise WrongPolicy(
            {".".join(map(str, e["loc"])) or "policy": e["msg"] for e in error.errors()}
        ) from error


VERSIONS = PolicyVersion.__table__
IN_FORCE = (
    select(VERSIONS.c.id)
    .where(VERSIONS.c.effective_at <= bindparam("at"))
    .order_by(VERSIONS.c.effective_at.desc(), VERSIONS.c.id.desc())
    .limit(1)
)
# What a version says never changes, so a process reads it once from each database.
_READ: WeakKeyDictionary[Pool, dict[int, Policy]] = WeakKeyDictionary()


def in_force(session: Session, at: datetime) -> Policy:
    """The policy of this instant; the defaults (version 1) where the company set none."""
    cached: dict[datetime, Policy] = session.info.setdefault("policy", {})
    if at not in cached:
        every: list[PolicyVersion] | None = session.info.get("every_policy")
        if every is not None:
            row = next((each for each in every if each.effective_at <= at), None)
            cached[at] = Policy.model_validate({**row.numbers, "version": row.id}) if row else Policy()
        else:
            learn(session, at, session.connection().scalar(IN_FORCE, {"at": at}))
    return cached[at]


def learn(session: Session, at: datetime, version: int | None) -> None:
    """Take note of the version in force at an instant, by whoever has just read it along with something else."""
    cached: dict[datetime, Policy] = session.info.setdefault("policy", {})
    if at not in cached:
        cached[at] = DEFAULTS if version is None else of_version(session, version)


def _latest_first() -> Select[PolicyVersion]:
    return select(PolicyVersion).order_by(PolicyVersion.effective_at.desc(), PolicyVersion.id.desc())


def bring_in(session: Session) -> None:
    """Read all versions at once, for a look at cases of many instants. Only where nothing is written."""
    session.info["every_policy"] = list(session.scalars(_latest_first()))


def of_version(session: Session, version: int) -> Policy:
    """The numbers of a version that a case or a line of history remembers."""
    known: dict[int, Policy] | None = session.info.get("enacted")
    if known is None:
        known = _READ.setdefault(_pool(session), {})
    if version not in known:
        row = session.get(PolicyVersion, version)
        known[version] = Policy.model_validate({**row.numbers, "version": row.id}) if row else DEFAULTS
    return known[version]


def forget(opened: Engine) -> None:
    """Read the versions anew: this database was laid anew in its place, as scratch ones are."""
    _READ.pop(opened.pool, None)


def _pool(session: Session) -> Pool:
    return session.connection().engine.pool


def enact(session: Session, numbers: dict[str, Any], effective_at: datetime, note: str = "") -> Policy:
    """Write a new version into the books, in force from an instant; raises `WrongPolicy`."""
    policy = checked(numbers)
    row = PolicyVersion(effective_at=effective_at, numbers=policy.model_dump(), note=note)
    row.id = (session.scalar(select(PolicyVersion.id).order_by(PolicyVersion.id.desc()).limit(1)) or 1) + 1
    session.add(row)
    session.info.pop("policy", None)
    session.info["enacted"] = dict(_READ.get(_pool(session), {}))  # not committed yet: nobody else's to know
    session.flush()
    return policy.model_copy(update={"version": row.id})


def zone(session: Session) -> ZoneInfo:
    """The company's time zone, as the edge that opened the session set it."""
    found: ZoneInfo | None = session.info.get("zone")
    if found is None:
        found = session.get_bind().get_execution_options().get("zone") or ZoneInfo("Asia/Shanghai")
        session.info["zone"] = found
    return found


def midnight(session: Session, at: datetime) -> datetime:
    """The beginning of the company's day."""
    return at.astimezone(zone(session)).replace(hour=0, minute=0, second=0, microsecond=0)
