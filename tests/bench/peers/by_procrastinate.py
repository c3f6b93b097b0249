"""procrastinate: a job for each transition, scheduled jobs for timers; PostgreSQL only.

As its documentation advises: asynchronous tasks and the `PsycopgConnector`, so that one worker runs several jobs at once
(`concurrency`), with one connection more in the pool than jobs at once ("Mind the size of your PostgreSQL pool"); what must
be told is a job deferred on the connection of the transition, in its transaction ("Using an external database connection",
its transactional outbox), in a queue that these workers leave alone; finished jobs are kept, which is its default and the
history of what ran. The transition is a transaction on a connection of a second pool.

Transitions one after the other: each is deferred by itself, as people's requests come, and one worker, one job at a time,
runs them. The figure counts both halves, as its own benchmark does, but no waiting between them. Timers count from when
the processes begin, all of them started and connected, until they find no job left.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from procrastinate import App, PsycopgConnector
from psycopg_pool import AsyncConnectionPool

from tests.bench.peers import work as done

PROCESSES, CONCURRENCY = 2, 10


class Office:
    """The application: its two tasks, the connections of its jobs and those of the transitions."""

    def __init__(self, url: str, concurrency: int) -> None:
        self.concurrency = concurrency
        connector = PsycopgConnector(
            conninfo=done.bare(url), min_size=concurrency + 1, max_size=concurrency + 1
        )
        self.app = App(connector=connector)
        self.books = AsyncConnectionPool(
            done.bare(url), min_size=concurrency, max_size=concurrency, open=False
        )
        self.read = done.spelled(url, done.locking(url, done.READ))
        self.write = [done.spelled(url, sql) for sql in (done.WRITE, done.REMEMBER)]

        @self.app.task(name="tell", queue="told")
        async def tell(fact: str, body: str) -> None:
            raise AssertionError("nobody tells facts here")

        @self.app.task(name="move", queue="moves")
        async def move(event: str, lead_id: int, who: str, demand: str) -> None:
            async with self.books.connection() as connection:
                found = await connection.execute(self.read, {"id": lead_id})
                made = {each.event: each for each in (done.SCREEN, done.LAPSE)}[event]
                values: dict[str, Any] = made.checked(lead_id, await found.fetchone(), who, demand)
                for sql in self.write:
                    await connection.execute(sql, values)
                await tell.configure(connection=connection).defer_async(
                    fact=values["fact"], body=values["body"]
                )

        self.move = move

    async def __aenter__(self) -> Office:
        await self.app.open_async()
        await self.books.open(wait=True)
        return self

    async def __aexit__(self, *_unused: object) -> None:
        await self.books.close()
        await self.app.close_async()

    async def run(self) -> None:
        """Run jobs until none is left."""
        await self.app.run_worker_async(
            queues=["moves"], concurrency=self.concurrency, wait=False, install_signal_handlers=False
        )


def transition(url: str, number: int) -> float:
    return asyncio.run(_transition(url, number))


async def _transition(url: str, number: int) -> float:
    leads = done.lay(url, number + done.WARM, done.SCREEN.source)
    async with Office(url, 1) as office:
        await office.app.schema_manager.apply_schema_async()
        for some in (leads[: done.WARM], leads[done.WARM :]):
            done.settle(url)
            started = time.perf_counter()
            for lead_id in some:
                await office.move.defer_async(
                    event=done.SCREEN.event, lead_id=lead_id, who=done.WHO, demand=done.DEMAND
                )
            await office.run()
            seconds = time.perf_counter() - started
    done.prove(url, done.SCREEN, len(leads), outbox=False)
    return number / seconds


def sweep(url: str, number: int) -> float:
    asyncio.run(_schedule(url, number))
    begun, ended = done.crew("procrastinate", url, PROCESSES)
    done.prove(url, done.LAPSE, number, outbox=False)
    return number / (ended - begun)


async def _schedule(url: str, number: int) -> None:
    leads = done.lay(url, number, done.LAPSE.source)
    overdue = datetime.now(UTC) - timedelta(days=1)
    async with Office(url, 1) as office:
        await office.app.schema_manager.apply_schema_async()
        same = {"event": done.LAPSE.event, "who": "clock", "demand": done.DEMAND}
        scheduled = office.move.configure(schedule_at=overdue)
        await scheduled.batch_defer_async(*[{"lead_id": lead_id, **same} for lead_id in leads])


def work(url: str) -> None:
    """One process that runs what is due until nothing is left."""
    asyncio.run(_work(url))


async def _work(url: str) -> None:
    async with Office(url, CONCURRENCY) as office:
        done.await_start()
        begun = time.time()
        await office.run()
        done.say(begun, time.time())
