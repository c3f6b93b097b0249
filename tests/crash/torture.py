"""One torture from beginning to end: a company, its house, a storm, leads that live through it, and the check."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from sqlalchemy import Engine

from models import database, machinery, sealed
from models.messages import Endpoint
from models.people import WebSession
from tests.crash import checker, faults
from tests.crash.client import Client
from tests.crash.house import SECRET, House
from tests.crash.lives import CONSULTANTS, STAFF, Lives
from tests.crash.receiver import Receiver
from tests.crash.register import Registers
from tests.crash.stores import Store
from tests.crash.storm import Storm, eventually
from workflows import staff
from workflows.engine import Actor, Ask, take
from workflows.policy import zone
from workflows.rotation import DutyFlow

DATA_KEY = bytes(range(32))
HOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TOKEN = "the session of somebody who looks at pages"


@dataclass
class Torture:
    """Rounds of `leads` lives on this store, until `minutes` are over but at least one, under the faults of this seed. `brief`:
    every fault is short and strikes once before any strikes again."""

    folder: Path
    store: Store
    leads: int
    seed: int
    minutes: float = 0
    brief: bool = False
    calm: bool = False
    verbose: bool = False

    def run(self) -> dict[str, Any]:
        """What was counted. Fails with what is not right."""
        sealed.use(DATA_KEY)
        self.engine = database.open_engine(self.store.url)
        database.migrate(self.engine)
        self.receiver = Receiver(self.seed)
        tokens = hire(self.engine, self.receiver.url)
        self.house = House(self.folder, self.store, DATA_KEY)
        self.registers = Registers(self.folder, self.house, rows=self.leads)
        client = Client(self.house.port, tokens, f"s{self.seed}", cookie(TOKEN))
        kinds = faults.chosen(faults.table(self.registers), self.store.kind, self.seed, self.brief)
        pause = (0.05, 0.4) if self.brief else (0.3, 1.5)
        self.registers.is_commanded = not self.brief or any(kind.name == "import killed" for kind in kinds)
        self.storm = Storm(
            self.house,
            self.store,
            self.engine,
            client,
            self.seed,
            [] if self.calm else kinds,
            pause,
            self.brief,
        )
        self.lives = Lives(client, self.seed)
        self.house.start()
        try:
            client.see("none")  # the house is open
            client.counted.clear()
            counted = self.suffer()
        except BaseException:
            self.verbose = True
            if self.storm.failed:
                raise self.storm.failed from None
            raise
        finally:
            if self.verbose:
                print("\n".join(["faults:", *self.storm.log[-200:]]))
            self.storm.over.set()
            self.house.stop()
            self.receiver.close()
            self.engine.dispose()
        assert not (left := self.house.left_behind()), f"left behind: {left}"
        return counted | {"the database itself": self.store.sound()}

    def suffer(self) -> dict[str, Any]:
        """The storm and the lives in it, and afterwards the check."""
        started, rounds = time.monotonic(), 0
        if not self.calm:
            self.storm.start()
        while not rounds or time.monotonic() - started < self.minutes * 60:
            self.live(rounds)
            rounds += 1
        self.storm.stop()
        self.receiver.is_well = True
        seconds = time.monotonic() - started
        with database.read(self.engine) as session:
            self.lives.look_for_late_copies(session)
        # What leaves the house first: the check itself holds SQLite's one turn to write for minutes.
        outside = checker.told_outside(self.engine, self.receiver)
        counted = checker.check(self.engine, self.house, self.lives, self.registers) | outside
        unfounded = self.storm.without_cause()
        assert not unfounded, (
            f"503, and the database was there: {[round(at - started, 1) for at in unfounded]}"
        )
        assert self.house.stands, "tuoke up itself ended"
        client, done = self.lives.client, self.storm.done
        return {
            "seed": self.seed,
            "rounds, leads": f"{rounds}, {len(self.lives.codes)}",
            "storm (s)": round(seconds),
            "faults": sum(done.values()),
            **{f"fault: {name}": count for name, count in sorted(done.items())},
            **self.storm.notes,
            **{f"requests {what}": count for what, count in sorted(client.counted.items())},
            "requests told that the database is away": len(client.away),
            "late copies of refused requests": len(self.lives.late),
            **counted,
        }

    def live(self, number: int) -> None:
        """The phases of a month and a half, with the clock moved between them, all under the storm."""
        lives, registers = self.lives, self.registers
        lives.numbers = range(number * 100_000, number * 100_000 + self.leads)
        month, day = self.today()
        self.tell(f"round {number + 1}: figures of {month} are agreed")
        registers.next_round()
        self.by_hand(lambda session: registers.lay_down(session, self.now(session)))
        lives.set_figures(month)
        self.tell("arriving")
        lives.everybody(lives.arrive)
        self.tell("deals before the ten days are over")
        lives.everybody(lives.before_ten_days)
        lives.charge(day)
        eventually(
            lambda: self.by_hand(lambda session: registers.begin(session, self.now(session))), 120, "checked"
        )
        for days, phase in ((10, lives.after_ten_days), (31, lives.after_a_month)):
            self.pass_days(days)
            lives.everybody(phase)
        self.see_the_plan_through()
        self.tell("the registers are through, the month is closed")
        registers.finish()
        lives.decide_what_waits()
        lives.record_days(month)
        self.wait_drained("what was decided")
        lives.close_all(month)
        self.tell("the round is over")

    def pass_days(self, days: int) -> None:
        """The clock is moved, and what came due happens."""
        self.tell(f"{days} days pass")
        self.by_hand(self.lives.look_for_late_copies)
        self.by_hand(lambda session: machinery.move(session, timedelta(days=days)))
        self.wait_drained(f"what came due after {days} days")
        self.tell("people go on")

    def see_the_plan_through(self) -> None:
        """In a brief storm every fault strikes once: as long as one has not, more leads come."""
        end, lives = time.monotonic() + 180, self.lives
        while self.brief and not self.calm and not self.storm.through and not self.storm.failed:
            missing = self.storm.needed - set(self.storm.done)
            assert time.monotonic() < end, f"there was nobody to strike: {missing}"
            lives.numbers = range(lives.numbers.stop, lives.numbers.stop + 2)
            lives.everybody(lives.arrive)
            if any(name.startswith("sender") for name in missing):  # what waits for its next try is sent then
                self.by_hand(lambda session: machinery.move(session, timedelta(minutes=2)))

    def wait_drained(self, what: str) -> None:
        eventually(lambda: checker.drained(self.engine), 240 + self.leads, what)

    def by_hand(self, act: Callable[[Any], Any]) -> Any:
        """Something that the torturer does to the books or looks up in them; nothing strikes meanwhile."""
        with self.storm.lull():
            return database.in_transaction(self.engine, act)

    def now(self, session: Any) -> datetime:
        return datetime.now(UTC) + machinery.offset(session)

    def today(self) -> tuple[str, str]:
        """The company's month and day."""
        day = self.by_hand(lambda session: self.now(session).astimezone(zone(session)).date())
        return f"{day:%Y-%m}", day.isoformat()

    def tell(self, what: str) -> None:
        print(f"  {time.strftime('%H:%M:%S')} {what}", flush=True)


def hire(engine: Engine, hook: str) -> dict[str, str]:
    """The company with its people, yesterday; a token for each, the consultants on duty, another system that is told of leads,
    and somebody who is signed in."""
    at = datetime.now(UTC)
    with database.begin(engine) as session:
        staff.ensure_company(session)
        tokens = {}
        for name, (roles, team) in STAFF.items():
            person = staff.add_person(session, name, roles, team)
            tokens[name] = staff.issue_token(session, person, at)
            if name in CONSULTANTS:
                take(session, Ask(DutyFlow, "join", Actor.of(person), at))
        session.add(Endpoint(name="erp", url=hook, secret=HOOK_SECRET, topics=["lead"], made_at=at))
        reader = staff.person_named(session, "guo")
        session.add(
            WebSession(
                digest=staff.hashed(TOKEN), person_id=reader.id, made_at=at, seen_at=at, agent="torture"
            )
        )
        machinery.move(session, timedelta(days=1))
    return tokens


def cookie(token: str) -> str:
    """What the browser of somebody with this session sends."""
    app = Flask("torture")
    app.secret_key = SECRET
    signer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert signer
    return str(signer.dumps({"_user_id": token, "_fresh": True}))


def table(counted: dict[str, Any]) -> str:
    width = max(len(name) for name in counted)
    return "\n".join(f"  {name:<{width}}  {value}" for name, value in counted.items())
