"""One torture from beginning to end: a company, its house, a storm, leads that live through it, and the check."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from models import database, machinery, sealed
from tests.crash.checker import check, drained
from tests.crash.lives import CONSULTANTS, STAFF, Client, Lives
from tests.crash.storm import House, Storm, eventually
from workflows import staff
from workflows.engine import Actor, Ask, take
from workflows.policy import zone
from workflows.rotation import DutyFlow

DATA_KEY = bytes(range(32))


@dataclass
class Torture:
    """`leads` lives on this database under the faults of this seed."""

    folder: Path
    database_url: str
    leads: int
    seed: int
    pause: tuple[float, float] = (0.3, 1.5)

    def run(self) -> dict[str, Any]:
        """What was counted. Fails with what is not right."""
        sealed.use(DATA_KEY)
        engine = database.open_engine(self.database_url)
        database.migrate(engine)
        tokens = hire(engine)
        house = House(self.folder, self.database_url, DATA_KEY)
        house.start()
        client = Client(house.port, tokens, run=f"s{self.seed}")
        storm, lives = Storm(house, self.seed, self.pause), Lives(client, self.leads, self.seed)
        try:
            client.see("none")  # the house is open
            client.counted.clear()
            started = time.monotonic()
            storm.start()
            self.live(engine, lives)
            storm.stop()
            seconds = time.monotonic() - started
            counted = check(engine, house, lives)
            assert house.up.poll() is None, "tuoke up itself ended"
        finally:
            storm.over.set()
            house.stop()
            engine.dispose()
        faults = {f"fault: {name}": count for name, count in sorted(storm.done.items())}
        return {
            "seed": self.seed,
            "leads": self.leads,
            "storm (s)": round(seconds),
            "faults": sum(storm.done.values()),
            **faults,
        } | {
            **{f"requests {what}": count for what, count in sorted(client.counted.items())},
            **counted,
        }

    def live(self, engine: Engine, lives: Lives) -> None:
        """The phases of a month and a half, with the clock moved between them, all under the storm."""
        month, day = self.today(engine)
        self.tell("figures are agreed")
        lives.set_figures(month)
        self.tell("arriving")
        lives.everybody(lives.arrive)
        self.tell("deals before the ten days are over")
        lives.everybody(lives.before_ten_days)
        lives.charge(day)
        for days, phase in ((10, lives.after_ten_days), (31, lives.after_a_month)):
            self.tell(f"{days} days pass")
            database.in_transaction(engine, lambda session: machinery.move(session, timedelta(days=days)))  # noqa: B023
            eventually(lambda: drained(engine), 240 + self.leads, f"what came due after {days} days")
            self.tell("people go on")
            lives.everybody(phase)
        self.tell("the month is closed")
        lives.decide_what_waits()
        lives.record_days(month)
        eventually(lambda: drained(engine), 240 + self.leads, "what was decided")
        lives.close(month)
        self.tell("the storm is over")

    def today(self, engine: Engine) -> tuple[str, str]:
        """The company's month and day."""
        with database.read(engine) as session:
            day = (datetime.now(UTC) + machinery.offset(session)).astimezone(zone(session)).date()
        return f"{day:%Y-%m}", day.isoformat()

    def tell(self, what: str) -> None:
        print(f"  {time.strftime('%H:%M:%S')} {what}", flush=True)


def hire(engine: Engine) -> dict[str, str]:
    """The company with its people; a token for each, and the consultants on duty."""
    at = datetime.now(UTC)
    with database.begin(engine) as session:
        staff.ensure_company(session)
        tokens = {}
        for name, (roles, team) in STAFF.items():
            person = staff.add_person(session, name, roles, team)
            tokens[name] = staff.issue_token(session, person, at)
            if name in CONSULTANTS:
                take(session, Ask(DutyFlow, "join", Actor.of(person), at))
    return tokens


def table(counted: dict[str, Any]) -> str:
    width = max(len(name) for name in counted)
    return "\n".join(f"  {name:<{width}}  {value}" for name, value in counted.items())
