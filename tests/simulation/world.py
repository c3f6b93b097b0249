"""One day of the office under faults, made of one whole number: people at the API, workers, clocks, a queue that cannot be
trusted, machines that die between any two statements, and time that passes. Afterwards the weather clears, everything that
waits is done, and the checker is called.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from rq import Queue

import workers.jobs
from models import database, machinery
from tests.simulation import poison, stories
from tests.simulation.asking import WEB_FORM, Answer, Request, Story, Wish, fill_in, post
from tests.simulation.ground import OPENS
from tests.simulation.house import Director, House
from tests.simulation.knocks import Door, Redis
from tests.simulation.seen import Seen
from tests.simulation.sight import Sight
from tests.simulation.stage import Died, Part, Stage
from tests.simulation.weather import CALM, Weather, lateness
from workers.clock import Clock
from workers.queue import NAME, OUTWARD
from workflows import policy
from workflows.telling.posting import SENT, Outcome, Parcel

LIMITS = [{}, {}, {"pool_claims_per_day": 2}, {"pool_held_max": 1, "pool_return_days": 3}]
AT_ONCE = 4  # parts that play together
TURNS = 4000
LONG = timedelta(hours=2)  # for how long a request may be on its way; a key is good for a day


@dataclass(eq=False)
class Teller:
    """A story that is being told: what it asked for, or until when it wants nothing."""

    story: Story
    asked: list[Request]
    wakes: datetime | None = None
    begun: bool = False


class World(Sight, Director):
    """The day of this seed in this house. `play` plays it."""

    def __init__(self, house: House, seed: int, seen: Seen, say: Callable[[str], None] | None = None) -> None:
        self.house, self.seed, self.seen, self.say = house, seed, seen, say
        self.rng, self.chance = random.Random(seed), random.Random(seed + 1)
        random.seed(seed)  # what the program itself draws
        self.beginning = "street" if self.rng.random() < 0.6 else "books"
        self.engine = house.ground.fresh(self.beginning)
        self.tokens, self.before = house.ground.tokens[self.beginning], house.ground.before[self.beginning]
        self.began = self.now = OPENS
        self.stage, self.wires = Stage(house.ground.locks()), house.wires
        self.wires.begin_day(self.stage, self.rng, seen.faults, seen.places)
        self.wires.rest_of = self.a_while
        self.weather = Weather.of(self.rng)
        self.redis = Redis(self.rng, seen.faults, lambda: self.wires.weather, lambda: self.now)
        self.doors = {name: Door(name, self.redis) for name in (NAME, OUTWARD)}
        self.keys = self.started = 0
        self.hosts = [lateness(self.rng, self.weather) for _unused in range(1 if self.wires.sqlite else 3)]
        self.ahead = timedelta(0)  # by how much all of them are fast
        self.clocks = [self.clock() for _unused in range(self.rng.choice((1, 1, 2)))]
        self.requests: list[Request] = []
        self.answered: list[Request] = []
        self.given_up: list[Request] = []
        self.carried_to: dict[str, int] = {}
        self.poisons = poison.Poisons(self)

    # -- what the house asks ----------------------------------------------------------------------------------------

    def time_of(self, part: Part | None) -> datetime:
        return self.now + self.ahead - part.late if part else self.now

    def rest(self, seconds: float) -> None:
        self.stage.pause()

    def a_while(self) -> Callable[[], bool]:
        """Until the clock has gone on without whoever stands still."""
        self.seen.faults["stood still"] += 1
        until = self.now + timedelta(seconds=self.rng.choice((5, 100, 1000, 6000)))
        return lambda: self.now >= until

    def carried(self, parcel: Parcel) -> Outcome:
        """A receiver gets a message, or says that it does not."""
        part, weather = self.stage.here(), self.wires.weather
        if part is not None and self.rng.random() < 0.3:
            self.stage.pause(self.a_while() if self.rng.random() < weather.stalls * 10 else None)
        if self.rng.random() < weather.fails:
            self.seen.faults["receiver failed"] += 1
            final = self.rng.random() < 0.1
            return Outcome("status 500", final=final)
        self.carried_to[parcel.uid] = self.carried_to.get(parcel.uid, 0) + 1
        if part is not None and self.rng.random() < weather.dies * 4:
            self.seen.faults["died after sending"] += 1
            part.dead = True
            raise Died
        return SENT

    # -- the play ---------------------------------------------------------------------------------------------------

    def play(self) -> None:
        """Play the day, let it become calm, and bring everything to its end. Raises what went wrong."""
        self.house.begin_day(self)
        with database.begin(self.engine) as session:
            policy.enact(session, self.rng.choice(LIMITS), OPENS - timedelta(days=90))
        self.meet()
        told = stories.STORIES[self.beginning]
        weights, kinds = [weight for weight, _story in told], [story for _weight, story in told]
        chosen = self.rng.choices(kinds, weights, k=self.rng.choice((1, 2, 2, 3)))
        self.tellers = [Teller(story(self), []) for story in chosen]
        self.wires.weather = self.weather
        try:
            for _unused in range(TURNS):
                if not self.tellers and not self.requests:
                    break
                self.turn()
            self.calm()
        except BaseException:
            self.end()
            raise

    def turn(self) -> None:
        """One of the things that can happen now."""
        options = self.options()
        weights = [weight for weight, _act in options]
        self.rng.choices([act for _weight, act in options], weights)[0]()

    def options(self) -> list[tuple[float, Callable[[], None]]]:
        found: list[tuple[float, Callable[[], None]]] = [(0.05, self.mischief)]
        ready = self.stage.ready()
        if ready:
            found.append((8, lambda: self.go_on(self.rng.choice(ready))))
        if len(self.stage.parts) < AT_ONCE:
            found += self.beginnings()
        if not self.requests and not any(self.may_tell(each) for each in self.tellers):
            found.append((1.5, self.time_passes))
        elif not ready:
            found.append((1, lambda: self.later(timedelta(seconds=self.rng.choice((1, 10, 60, 600))))))
        return found

    def beginnings(self) -> list[tuple[float, Callable[[], None]]]:
        found: list[tuple[float, Callable[[], None]]] = []
        if any(self.may_tell(each) for each in self.tellers):
            found.append((3, self.tell))
        if any(self.may_ask_again(each) for each in self.requests):
            found.append((3, self.ask_again))
        if not any(part.kind == "clock" for part in self.stage.parts):
            found.append((0.7, self.tick))
        if self.doors[NAME].heard():
            found.append((3, lambda: self.work(NAME)))
        if self.doors[OUTWARD].heard():
            found.append((2, lambda: self.work(OUTWARD)))
        return found

    def enter(self, kind: str, place: str, act: Callable[[], Any], slow: timedelta | None = None) -> Part:
        return self.stage.enter(
            Part(kind, act, self.rng.choice(self.hosts) if slow is None else slow, place=place)
        )

    def go_on(self, part: Part) -> None:
        self.stage.go_on(part)
        if part.ended:
            self.note(
                f"{part.kind} {part.place}: {part.broke!r}" if part.broke else f"{part.kind} {part.place}"
            )
            self.ended(part)

    def ended(self, part: Part) -> None:
        """What came of a part. A job may fail only because the database was away; else only death ends anything early."""
        if isinstance(part.broke, Died):
            self.seen.died[part.kind] += 1
            if part.kind == "clock":
                self.clocks[part.about] = self.clock()
        elif isinstance(part.broke, workers.jobs.DrainFailed):
            cause = part.broke.__context__
            if not isinstance(cause, Exception) or not database.away(cause):
                raise AssertionError(f"a job broke: {part.broke}") from cause
            self.seen.faults["job broken off"] += 1
        elif part.broke is not None:
            raise part.broke
        if part.kind == "request":
            self.came_back(part.about, part)

    # -- people -----------------------------------------------------------------------------------------------------

    def may_tell(self, teller: Teller) -> bool:
        return not any(r.answer is None for r in teller.asked) and (
            teller.wakes is None or teller.wakes <= self.now
        )

    def tell(self) -> None:
        """A story goes on: what it asked for was answered, or its time has come."""
        teller = self.rng.choice([each for each in self.tellers if self.may_tell(each)])
        answers = [r.answer for r in teller.asked if r.answer]
        try:
            wanted = teller.story.send(answers) if teller.begun else next(teller.story)
        except StopIteration:
            self.tellers.remove(teller)
            return
        teller.begun, teller.asked, teller.wakes = True, [], None
        if isinstance(wanted, timedelta):
            teller.wakes = self.now + wanted
            return
        self.now += timedelta(seconds=self.rng.choice((0, 0, 1, 20, 300)))
        teller.asked = [self.request(wish) for wish in wanted]

    def request(self, wish: Wish) -> Request:
        self.keys += 1
        made = Request(wish, f"key-{self.keys}", began=self.now)
        self.requests.append(made)
        self.send(made)
        if wish.who != WEB_FORM and self.rng.random() < self.wires.weather.doubled:
            self.seen.faults["request doubled"] += 1
            self.send(made)
        return made

    def send(self, request: Request) -> None:
        wish = request.wish
        request.tries, request.parts, request.again_at = request.tries + 1, request.parts + 1, None
        if wish.who == WEB_FORM:
            act: Callable[[], Answer] = lambda: fill_in(self.engine, wish, self.house.real_now())  # noqa: E731
        else:
            act = lambda: post(self.house.app, self.tokens[wish.who], request)  # noqa: E731
        part = self.enter("request", f"{wish.flow} {wish.event}", act)
        part.about = request

    def came_back(self, request: Request, part: Part) -> None:
        """An answer, or none: the server died, said that the database is away, or its answer was lost on the way."""
        request.parts -= 1
        answer = part.came_to
        if isinstance(answer, Answer) and answer.status not in (429, 503):
            if self.rng.random() < self.wires.weather.answer_lost:
                self.seen.faults["answer lost"] += 1
            else:
                request.heard.append(answer)
        elif isinstance(answer, Answer) and answer.status == 429:
            raise AssertionError(f"too many requests: {request}")
        if request.parts == 0:
            self.settle(request)

    def settle(self, request: Request) -> None:
        """All copies are back: done, refused (nobody else may still do it), asked again, or given up."""
        done = [each for each in request.heard if each.status < 300]
        if done or len(request.heard) == request.tries:
            self.answered_with(request, (done or request.heard)[-1])
        elif request.wish.who == WEB_FORM or self.hopeless(request):
            self.seen.faults["gave up"] += 1
            request.answer = Answer()
            self.requests.remove(request)
            self.given_up.append(request)
        else:
            request.heard, request.tries = [], 0
            request.again_at = self.now + timedelta(seconds=self.rng.choice((1, 5, 30)))

    def hopeless(self, request: Request) -> bool:
        assert request.began
        return self.now - request.began > LONG or self.rng.random() < self.wires.weather.gives_up

    def answered_with(self, request: Request, answer: Answer) -> None:
        for other in request.heard:
            assert other.status >= 300 or answer.status >= 300 or other.said == answer.said, (
                f"two answers: {request}"
            )
        self.note(
            f"  {request.wish} -> {answer.status} {answer.said.get('code')} {answer.said.get('rule', '')}"
        )
        request.answer = answer
        self.requests.remove(request)
        self.answered.append(request)

    def may_ask_again(self, request: Request) -> bool:
        return request.parts == 0 and request.again_at is not None

    def ask_again(self) -> None:
        request = self.rng.choice([each for each in self.requests if self.may_ask_again(each)])
        assert request.again_at
        self.now = max(self.now, request.again_at)
        self.send(request)

    # -- the house by itself ----------------------------------------------------------------------------------------

    def clock(self) -> Clock:
        """A clock as it starts. It counts the seconds that really pass."""
        elapsed = lambda: (self.now - OPENS).total_seconds()  # noqa: E731
        self.started += 1
        return Clock(self.engine, cast(dict[str, Queue], self.doors), f"clock {self.started}", elapsed)

    def tick(self) -> None:
        """One of the clocks looks. One that died is started anew, and knows nothing of what it was."""
        n = self.rng.randrange(len(self.clocks))
        part = self.enter("clock", "clock", self.clocks[n].tick, self.hosts[n % len(self.hosts)])
        part.about = n

    def work(self, name: str) -> None:
        self.doors[name].take()
        if name == NAME:
            self.enter("drain", "drain", workers.jobs.drain)
        else:
            self.enter("send", "send", workers.jobs.send)

    # -- time and mischief ------------------------------------------------------------------------------------------

    def later(self, by: timedelta) -> None:
        self.now += by

    def time_passes(self) -> None:
        """Nobody wants anything before some instant: on to it, at once, or over the timers that come due before."""
        wakes = min(
            (each.wakes for each in self.tellers if each.wakes), default=self.now + timedelta(minutes=1)
        )
        due = self.first_due()
        if due is not None and self.now < due < wakes and self.rng.random() < 0.7:
            wakes = due + timedelta(seconds=self.rng.choice((0, 0, 30)))
        self.note(f"time: {wakes}")
        self.now = max(self.now, wakes)

    def mischief(self) -> None:
        """Something goes wrong with the surroundings, or is put right."""
        weather, drawn = self.wires.weather, self.rng.random
        if self.redis.away or drawn() < weather.redis_goes * 10:
            self.redis.away = not self.redis.away
            self.seen.faults["Redis away"] += self.redis.away
        if self.ahead or drawn() < weather.jumps * 10:
            self.jump()
        if drawn() < weather.flushed * 10:
            self.redis.flush()
        if self.wires.base_away or drawn() < weather.base_goes * 10:
            self.wires.base_away = not self.wires.base_away
        if not self.stage.parts:
            self.poisons.mischief()

    def jump(self) -> None:
        """The clocks of the hosts run ahead, or are set back. Timers must not believe them (`workers.leading`)."""
        if self.ahead:
            self.ahead = timedelta(0)
        elif any(clock.leading.leads for clock in self.clocks):
            self.ahead = timedelta(minutes=self.rng.choice((5, 16, 90)))
            self.seen.faults["clocks jumped ahead"] += 1

    # -- the end of the day -----------------------------------------------------------------------------------------

    def calm(self) -> None:
        """The weather clears. Whoever asked is answered, and everything that waits is done."""
        self.wires.weather, self.wires.base_away, self.redis.away = CALM, False, False
        self.ahead = timedelta(0)
        while self.stage.parts or self.requests:
            ready = self.stage.ready()
            if ready:
                self.go_on(ready[0])
            elif any(self.may_ask_again(each) for each in self.requests):
                self.ask_again()
            else:
                self.later(timedelta(minutes=10))  # for who stands still
        self.drain()
        if self.rng.random() < 0.7 and self.poisons.heal():
            self.drain()

    def drain(self) -> None:
        """Work until nothing is left to do now, nor is to be tried again soon."""
        for _unused in range(200):
            inside, outward, again = self.waiting()
            if inside:
                self.vouch()
                workers.jobs.drain()
            elif outward:
                workers.jobs.send()
            elif again is None:
                return
            else:
                self.now = max(self.now, again)
        raise AssertionError("work without end")

    def vouch(self) -> None:
        """Let a clock lead that knows the time: timers fire no further than it vouches for. That of a host which was slow and
        is set right jumps ahead, and somebody says that it is right."""
        for turn in range(20):
            for clock in self.clocks:
                clock.tick()
            if self.vouched() == self.now:
                return
            if turn >= 5:
                database.in_transaction(self.engine, machinery.accept_jump)
            self.later(timedelta(seconds=5))
        raise AssertionError("no clock leads")

    def end(self) -> None:
        """Something went wrong: nobody plays on."""
        self.wires.weather = CALM
        for _unused in range(TURNS):
            for part in self.stage.parts:
                part.dead = True
            if not self.stage.parts:
                return
            for part in self.stage.ready()[:1] or [p for p in self.stage.parts if not p.stuck][:1]:
                self.stage.go_on(part)

    def note(self, what: str) -> None:
        if self.say:
            self.say(f"{self.now:%m-%d %H:%M:%S} {what}")


__all__ = ["World"]
