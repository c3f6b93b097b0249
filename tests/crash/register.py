"""Two office registers that are brought in while the house is struck: one by `tuoke import`, killed at random and run again,
one in the background, by the workers."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.leads import Lead
from models.machinery import ImportedRow
from models.registers import RegisterImport
from tests.crash.house import House
from workers import ground
from workflows import staff
from workflows.registers import background
from workflows.registers.reading import read_register

HEADER = ["序号", "客户姓名", "联系电话", "来源渠道", "备注"]


@dataclass
class Registers:
    """Two of `rows` customers each in every round, whose phones nobody else has; in a brief storm in which the command is not
    killed, only the one for the workers."""

    folder: Path
    house: House
    rows: int
    rounds: int = 0
    is_commanded: bool = True

    def next_round(self) -> None:
        self.by_command = self._written("command", 13955000000)
        self.by_workers = self._written("workers", 13966000000)
        self.rounds += 1

    def _written(self, name: str, first: int) -> Path:
        path, first = self.folder / f"{name}-{self.rounds}.csv", first + self.rounds * self.rows
        with path.open("w", newline="") as file:
            lines = csv.writer(file)
            lines.writerow(HEADER)
            lines.writerows([n + 1, "王先生", first + n, "来电", "看学区"] for n in range(self.rows))
        return path

    def lay_down(self, session: Session, at: Any) -> None:
        """What the page “Import” does with a file that somebody sends."""
        rows = list(read_register(self.by_workers))
        sender = staff.person_named(session, "guo")
        paper = background.Paper(sender.id, staff.person_named(session, "bo"), "r.csv", "登记表", at)
        background.lay_down(session, rows, (), paper)

    def begin(self, session: Session, at: Any) -> bool:
        """Start it as soon as it is checked; whether it is under way."""
        latest = select(RegisterImport).order_by(RegisterImport.id.desc()).limit(1)
        found = session.scalars(latest.with_for_update()).one()
        if found.state == background.CHECKED:
            background.start(session, found.id, found.person_id, at)
        return found.state in (background.RUNNING, background.DONE)

    def killed_after(self, seconds: float) -> bool:
        """Run the command and kill it; whether it was still at it."""
        process = self._run()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()
        return process.returncode < 0

    def finish(self) -> None:
        """Run it until it comes through: what is in already is not brought in again."""
        end = time.monotonic() + 300
        while self.is_commanded:
            process = self._run()
            said, wrong = process.communicate()
            if process.returncode == 0:
                counts = json.loads(said)
                assert (counts["good"] + counts["already"], counts["bad"]) == (self.rows, 0), counts
                return
            assert time.monotonic() < end, wrong.decode()

    def _run(self) -> subprocess.Popen[bytes]:
        words = ["import", "leads", str(self.by_command), "--consent", "登记表", "--as", "mei", "--json"]
        parent = os.getpid()
        return subprocess.Popen(
            [sys.executable, "-m", "workers.command", *words],
            env={**os.environ, **self.house.env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=lambda: ground.die_with_parent(parent),
        )

    def imported(self, session: Session) -> set[str]:
        """The codes of the leads that they became. Fails when a row became none, or two."""
        expected = (1 + self.is_commanded) * self.rows * self.rounds
        codes = set(session.scalars(select(ImportedRow.lead_code)))
        assert len(codes) == expected == session.scalar(select(func.count(ImportedRow.digest)))
        for taken in session.scalars(select(RegisterImport)):
            assert (taken.state, taken.good) == (background.DONE, self.rows), (taken.state, taken.good)
        phones = select(func.count(func.distinct(Lead.phone_index))).where(Lead.code.in_(codes))
        assert session.scalar(phones) == expected, "a row became a lead twice"
        return codes
