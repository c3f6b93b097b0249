"""Of several clocks one leads, another takes over; and time that runs faster than it passes is doubted."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from models import database as databases
from models import machinery
from models.machinery import Lease
from workers.leading import LEASE_SECONDS, Leading, Time, Watch

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
MONTH = timedelta(days=30)


@dataclass
class Host:
    """A host with a clock: seconds really passed, and what its wall clock says."""

    engine: Engine
    name: str
    boot: str = "first"
    wall: timedelta = timedelta(0)
    passed: float = 0.0
    clock: Leading = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        self.clock = Leading(self.engine, self.name, lambda: self.passed, f"{self.name}-{self.boot}")

    def tick(self) -> Time:
        with databases.read(self.engine) as session:
            row = machinery.lease(session)
        seen = self.clock.watch.judge(row, self.says())
        if self.clock.may(row):
            self.clock.take(row, seen)
        return seen

    def says(self) -> datetime:
        return NOON + timedelta(seconds=self.passed) + self.wall


def ticked(*hosts: Host, seconds: float = 1.0) -> list[str]:
    """Let time pass on all hosts, in half seconds; who leads then."""
    for _half in range(int(seconds * 2)):
        for host in hosts:
            host.passed += 0.5
            host.tick()
    return [host.name for host in hosts if host.clock.leads]


def row_of(engine: Engine) -> Lease:
    with databases.read(engine) as session:
        found = machinery.lease(session)
    assert found
    return found


@pytest.fixture
def one(database: Engine) -> Host:
    host = Host(database, "one")
    host.tick()
    return host


@pytest.fixture
def two(database: Engine, one: Host) -> Host:
    """A second host, whose wall clock is a month behind and which was started long ago."""
    return Host(database, "two", wall=-MONTH, passed=1e6)


def test_one_leads_and_the_other_takes_over_when_it_is_silent(one: Host, two: Host) -> None:
    assert ticked(one, two, seconds=30) == ["one"]
    assert ticked(two, seconds=LEASE_SECONDS - 1) == []
    assert ticked(two, seconds=2) == ["two"]


def test_who_stood_still_follows_and_holds_itself_for_no_leader(one: Host, two: Host) -> None:
    ticked(one, two, seconds=2)
    ticked(two, seconds=10)
    one.passed += 10
    assert not one.clock.leads, "it knows so before it has looked"
    assert ticked(one, two, seconds=10) == ["two"]


def test_a_leader_that_could_not_turn_leads_on_if_nobody_took_over(one: Host) -> None:
    one.passed += 60
    assert not one.clock.leads
    assert ticked(one) == ["one"]


def test_of_many_that_take_over_at_once_one_wins(database: Engine, one: Host) -> None:
    others = [Host(database, f"other {number}") for number in range(4)]
    ticked(*others, seconds=LEASE_SECONDS - 0.5)
    row, start = row_of(database), threading.Barrier(4)
    won = []

    def take(host: Host) -> None:
        host.passed += 1
        assert host.clock.may(row)
        start.wait(30)
        won.append(host.clock.take(row, Time(NOON)))

    threads = [threading.Thread(target=take, args=(host,)) for host in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(won) == [False, False, False, True]
    assert sum(host.clock.leads for host in others) == 1


def test_the_first_of_two_on_a_new_database_wins(database: Engine) -> None:
    assert machinery.turn(database, None, "one")
    assert not machinery.turn(database, None, "two")
    assert row_of(database).holder == "one"


def test_who_lets_go_is_followed_at_once_and_abstains(one: Host, two: Host) -> None:
    ticked(one, two)
    one.clock.give_up(abstain=5)
    assert ticked(two, one, seconds=0.5) == ["two"]
    two.clock.give_up()
    assert ticked(one, seconds=3) == []
    assert ticked(one, seconds=3) == ["one"]


def test_time_that_passes_and_small_corrections_are_believed(one: Host) -> None:
    for step in (0, 1, -1, 30, -3600, 60):
        one.wall += timedelta(seconds=step)
        one.passed += 5
        assert one.tick() == Time(one.says())
    for _hour in range(100):  # a clock that runs half a second an hour too fast is set right by nobody
        one.wall += timedelta(seconds=0.5)
        one.passed += 3601
        assert not one.tick().doubted


def test_a_jump_ahead_is_not_followed_until_it_is_confirmed(database: Engine, one: Host) -> None:
    one.wall = MONTH
    one.passed += 1
    assert one.tick() == Time(NOON + timedelta(seconds=1), MONTH)
    one.passed += 100
    assert one.tick().vouched == NOON + timedelta(seconds=101), "time goes on as it passes"
    assert row_of(database).vouched_at == NOON + timedelta(seconds=101)

    with databases.begin(database) as session:
        assert machinery.accept_jump(session) == MONTH
    assert one.tick() == Time(one.says())
    assert one.tick() == Time(one.says())
    with databases.begin(database) as session:
        assert machinery.accept_jump(session) is None
    one.wall += MONTH
    assert one.tick().doubted, "what was confirmed was the jump before"


def test_a_confirmation_is_of_the_jump_that_was_shown(database: Engine, one: Host) -> None:
    one.wall = timedelta(hours=1)
    one.tick()
    with databases.begin(database) as session:
        machinery.accept_jump(session)
    one.wall = MONTH
    assert one.tick().doubted


def test_a_clock_that_is_set_back_is_believed_again(one: Host) -> None:
    one.wall = MONTH
    assert one.tick().doubted
    one.wall = timedelta(0)
    assert not one.tick().doubted


def test_many_small_jumps_are_a_large_one(one: Host) -> None:
    doubted = []
    for _second in range(10):
        one.passed += 1
        one.wall += timedelta(minutes=1)
        doubted.append(one.tick().doubted)
    assert doubted[0] is False
    assert doubted[-1] is True


def test_a_host_with_a_wrong_clock_that_takes_over_goes_on_from_what_was_vouched_for(
    one: Host, database: Engine
) -> None:
    three = Host(database, "three", wall=MONTH)
    ticked(one, three, seconds=3)
    assert ticked(three, seconds=LEASE_SECONDS + 1) == ["three"]
    seen = three.tick()
    assert seen.ahead == pytest.approx(MONTH, abs=timedelta(seconds=2))
    assert abs(seen.vouched - (NOON + timedelta(seconds=three.passed))) < timedelta(seconds=2)


def test_who_stood_still_while_another_led_does_not_take_old_news_for_new(one: Host, two: Host) -> None:
    """It sees a turn that it did not know, and cannot tell how long ago that was: its own seconds are better."""
    two.wall = timedelta(0)
    two.passed = one.passed
    ticked(one, two, seconds=5)
    ticked(one, seconds=60)
    two.passed += 1200
    assert not two.tick().doubted
    assert ticked(two, seconds=LEASE_SECONDS + 1) == ["two"]
    assert two.tick() == Time(two.says())


def test_a_new_start_on_the_same_run_of_the_host_sees_a_jump_in_between(one: Host) -> None:
    ticked(one, seconds=2)
    one.start()
    one.passed += 60
    assert not one.tick().doubted, "a minute's outage is no jump"
    ticked(one, seconds=10)
    one.start()
    one.passed += 60
    one.wall = MONTH
    assert one.tick().ahead == pytest.approx(MONTH, abs=timedelta(seconds=1))


def test_after_an_outage_of_the_host_the_time_is_believed_but_a_doubt_stays(one: Host) -> None:
    one.wall, one.boot = timedelta(days=3), "second"
    one.start()
    assert not one.tick().doubted
    ticked(one, seconds=5)
    one.wall += MONTH
    one.tick()
    one.boot = "third"
    one.start()
    assert one.tick().doubted, "a new start is no confirmation"


def test_without_a_row_nothing_is_doubted_at_the_start() -> None:
    assert Watch(lambda: 5.0, "boot").judge(None, NOON) == Time(NOON)
