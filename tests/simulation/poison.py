"""Rows that break whoever handles them: a trigger in the database refuses what a consumer of some facts, or a timer, wants to
write. Some are healed after a few tries, some never: those are parked with a reason, and the others go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from models import database
from models.messages import Message
from workflows import facts, timers
from workflows.telling import posting

if TYPE_CHECKING:
    from tests.simulation.world import World

# What breaks, and when: `NEW` is the row that is written.
KINDS: dict[str, tuple[str, str]] = {
    "notices of offers": ("notification", "NEW.fact IN ('lead.offered', 'lead.assigned')"),
    "notices of approvals": ("notification", "NEW.fact LIKE 'approval.%'"),
    "notices to one person": ("notification", "NEW.person_id % 3 = 1"),
    "messages to endpoints": ("message", "NEW.endpoint_id IS NOT NULL AND NEW.fact LIKE 'lead.%'"),
    "messages to people": ("message", "NEW.channel_id IS NOT NULL"),
    "journals": ("journal", "NEW.flow = 'lead' OR NEW.month = '2026-04'"),
    "timers that lapse": ("history", "NEW.timer_id IS NOT NULL AND NEW.event = 'lapse'"),
    "timers that decline": ("history", "NEW.timer_id IS NOT NULL AND NEW.event = 'decline'"),
    "timers that expire": ("history", "NEW.timer_id IS NOT NULL AND NEW.event = 'expire'"),
    "timers that settle": ("history", "NEW.timer_id IS NOT NULL AND NEW.event = 'settle'"),
    "reminders": ("outbox", "NEW.cause LIKE 'timer:%'"),
}
SQLITE = "CREATE TRIGGER poison BEFORE INSERT ON {table} WHEN {when} BEGIN SELECT RAISE(ABORT, 'poison'); END"
POSTGRES = (
    (
        "CREATE OR REPLACE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'poison' USING ERRCODE = 'integrity_constraint_violation'; END $$"
    ),
    "CREATE TRIGGER poison BEFORE INSERT ON {table} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION poison()",
)


class Poisons:
    """The poison of one day: at most one at a time."""

    def __init__(self, world: World) -> None:
        self.world, self.table = world, ""

    def mischief(self) -> None:
        """Now and then something is poisoned, and now and then it is healed, after who knows how many tries."""
        rng = self.world.rng
        if self.table:
            if rng.random() < 0.3:
                self.mend()
        elif rng.random() < self.world.weather.poison * 2:
            kind = rng.choice(list(KINDS))
            self.table, when = KINDS[kind]
            self.world.seen.faults[f"poisoned: {kind}"] += 1
            self.world.note(f"poisoned: {kind}")
            kinds = (SQLITE,) if self.world.engine.dialect.name == "sqlite" else POSTGRES
            self._say(*(each.format(table=self.table, when=when) if "{" in each else each for each in kinds))

    def mend(self) -> None:
        """What was poisoned works again; what was parked meanwhile stays parked."""
        if self.table:
            self._say(
                "DROP TRIGGER poison"
                + ("" if self.world.engine.dialect.name == "sqlite" else f" ON {self.table}")
            )
            self.table = ""

    def heal(self) -> int:
        """It works again, and an operator lets everything that was parked be tried again; how much that was."""
        self.mend()
        faults, now = self.world.seen.faults, self.world.now
        with database.begin(self.world.engine) as session:
            told = [facts.retry(session, fact.id, now) for fact in facts.parked(session)]
            fired = [timers.retry(session, timer.id) for timer in timers.parked(session)]
            left = posting.log(session, None, 200, Message.state == "parked")
            sent = [posting.send_again(session, message.id, now) for message in left]
        faults["parked fact tried again"] += len(told)
        faults["parked timer tried again"] += len(fired)
        faults["parked message sent again"] += len(sent)
        return len(told) + len(fired) + len(sent)

    def _say(self, *statements: str) -> None:
        with self.world.engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement))
