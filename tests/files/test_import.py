"""A register becomes leads through the same engine as any capture, once, whatever happens on the way."""

from __future__ import annotations

import json
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from models import database as databases
from models.leads import Lead
from models.machinery import ImportedRow
from models.people import Person
from models.remembered import History, Timer
from models.settings import Settings
from tests.conftest import Process, Starter, eventually
from tests.files import registers
from workflows import staff
from workflows.registers import taking
from workflows.registers.reading import BadRow, GoodRow, read_register
from workflows.registers.taking import Terms, bring

AT = datetime(2026, 4, 1, 2, tzinfo=UTC)


@pytest.fixture
def company(database: Engine) -> Engine:
    """A company with 小梅 of 拓客一组 on its staff, and 阿强 of another team."""
    with databases.begin(database) as session:
        staff.ensure_company(session)
        staff.add_person(session, "小梅", ["member"], "拓客一组")
        staff.add_person(session, "阿强", ["member"], "拓客三组")
        staff.add_person(session, "guo", ["manager"])
    return database


def register(tmp_path: Path, good: int = 30) -> list[GoodRow | BadRow]:
    return list(read_register(registers.messy_workbook(tmp_path / "r.xlsx", good)))


def terms(timezone, **more) -> Terms:
    return Terms(AT, timezone, "当面同意", **more)


def leads(engine: Engine) -> int:
    with databases.read(engine) as session:
        return session.scalar(select(func.count()).select_from(Lead)) or 0


def counts(brought: taking.Brought) -> tuple[int, int, int]:
    return brought.count("good"), brought.count("bad"), brought.count("already")


def test_every_good_row_is_a_capture_of_its_registrar(company, tmp_path, timezone):
    brought = bring(company, register(tmp_path), terms(timezone))
    assert counts(brought) == (30, registers.bad_among(30), 0)
    with databases.read(company) as session:
        first = session.scalars(select(Lead).order_by(Lead.id).limit(1)).one()
        assert (first.name, first.phone, first.channel) == ("王0", "+8613800000001", "flyer")
        assert (str(first.registered_on), first.consent, first.captured_at) == (
            "2026-03-25",
            "当面同意",
            AT,
        )
        assert first.note == "意向 A"
        assert set(session.scalars(select(History.event))) == {"capture"}
        assert session.scalar(select(func.count()).select_from(Timer).where(Timer.name == "expire")) == 6
        by = dict(
            session.execute(
                select(Person.name, func.count())
                .join(Lead, Lead.promoter_id == Person.id)
                .group_by(Person.name)
            ).all()
        )
    assert by == {"小梅": 10, "小丽": 10, "阿强（拓客一组）": 10}


def test_registrars_not_on_the_staff_join_it_without_a_log_in(company, tmp_path, timezone):
    brought = bring(company, register(tmp_path), terms(timezone))
    assert brought.hired == {"小丽": "拓客二组", "阿强（拓客一组）": "拓客一组"}
    with databases.read(company) as session:
        new = session.scalars(select(Person).where(Person.name == "小丽")).one()
        assert (new.roles, new.team and new.team.name, new.password_hash) == (["member"], "拓客二组", None)


def test_as_captures_what_nobody_on_the_staff_did(company, tmp_path, timezone):
    brought = bring(company, register(tmp_path), terms(timezone, stand_in="guo"))
    assert not brought.hired
    with databases.read(company) as session:
        by = dict(
            session.execute(
                select(Person.name, func.count())
                .join(Lead, Lead.promoter_id == Person.id)
                .group_by(Person.name)
            ).all()
        )
    assert by == {"小梅": 10, "guo": 20}


def test_twice_is_once_also_from_another_file(company, tmp_path, timezone):
    bring(company, register(tmp_path), terms(timezone))
    assert counts(bring(company, register(tmp_path), terms(timezone))) == (0, registers.bad_among(30), 30)
    good = [
        row for row in registers.messy_rows(30) if row[0] and len(str(row[2])) < 4 and row[2][1:].isdigit()
    ]
    other = registers.workbook(tmp_path / "other.xlsx", {"别的": [registers.HEADER, *reversed(good)]})
    assert counts(bring(company, list(read_register(other)), terms(timezone)))[0::2] == (0, 30)
    assert leads(company) == 30


def test_two_runs_at_once_bring_in_each_row_once_and_call_none_bad(
    postgres_url, tmp_path, timezone, monkeypatch
):
    """The second run looked before the first had committed; on SQLite a run writes alone."""
    engine = databases.open_engine(postgres_url)
    with databases.begin(engine) as session:
        staff.ensure_company(session)
        staff.add_person(session, "guo", ["manager"])
    rows, given, looks = register(tmp_path), terms(timezone, stand_in="guo"), taking.Desk.already

    def overtaken(desk: taking.Desk, batch):
        found = looks(desk, batch)
        monkeypatch.setattr(taking.Desk, "already", looks)
        assert counts(bring(engine, rows, given))[0] == 30
        return found

    monkeypatch.setattr(taking.Desk, "already", overtaken)
    assert counts(bring(engine, rows, given)) == (0, registers.bad_among(30), 30)
    assert leads(engine) == 30
    engine.dispose()


def test_what_the_engine_refuses_is_a_bad_row_with_its_reason(company, tmp_path, timezone):
    with databases.begin(company) as session:
        staff.declare_phone(session, staff.person_named(session, "guo"), registers.phone(2), "self")
    bring(company, register(tmp_path, 1), terms(timezone))
    rows = registers.workbook(tmp_path / "n.xlsx", {"s": [registers.HEADER, *[
        [1, None, "别人", registers.phone(1), "来电", "小梅", None, None],
        [2, None, "员工", registers.phone(2), "来电", "小梅", None, None],
        [3, None, "新人", registers.phone(3), "来电", "小梅", None, None],
        [4, None, "无主", registers.phone(4), "来电", None, None, None],
    ]]})  # fmt: skip
    brought = bring(company, list(read_register(rows)), terms(timezone))
    said = {
        row: str(outcome.reason) for (_s, row), outcome in brought.outcomes.items() if outcome.result == "bad"
    }
    assert "registered since 1 Apr 2026" in said[2]
    assert "staff list" in said[3]
    assert "--as" in said[5]
    assert leads(company) == 2


def test_a_dry_run_says_the_same_and_writes_nothing(company, tmp_path, timezone):
    rows = register(tmp_path, 120)
    dry = bring(company, rows, terms(timezone, dry=True))
    assert leads(company) == 0
    with databases.read(company) as session:
        assert session.scalar(select(func.count()).select_from(Person)) == 3
        assert session.scalar(select(func.count()).select_from(ImportedRow)) == 0
    real = bring(company, rows, terms(timezone))
    assert dry.count("would") == real.count("good") == 120
    assert dry.count("bad") == real.count("bad")
    assert dry.hired == real.hired


def test_no_personal_data_in_what_remembers_an_import(company, tmp_path, timezone):
    bring(company, register(tmp_path, 1), terms(timezone))
    with databases.read(company) as session:
        row = session.scalars(select(ImportedRow)).one()
        assert len(row.digest) == 64
        assert row.lead_code == session.scalar(select(Lead.code))


def said_json(process: Process) -> dict[str, Any]:
    return json.loads(  # type: ignore[no-any-return]
        next(line for line in process.said.splitlines() if line.startswith("{"))
    )


@pytest.mark.processes
def test_the_command_from_nothing_and_again(tmp_path, settings: Settings, tuoke: Starter):
    path = registers.messy_workbook(tmp_path / "三月.xlsx", 20)
    words = ("import", "leads", str(path), "--consent", "当面同意", "--json")
    first, second = tuoke(*words), None
    assert first.popen.wait(60) == 0
    second = tuoke(*words)
    assert second.popen.wait(60) == 0
    bad = registers.bad_among(20)
    told = said_json(first)
    assert (told["good"], told["bad"], len(told["rows"])) == (20, bad, bad)
    assert set(told["rows"][0]) == {"row", "sheet", "reason"}
    assert {k: said_json(second)[k] for k in ("good", "bad", "already")} == {
        "good": 0,
        "bad": bad,
        "already": 20,
    }
    assert registers.phone(1) not in first.said
    assert registers.first_sheet(settings.var / "import" / "三月-result.xlsx").max_row == 1 + 20 + bad
    assert str(settings.var / "import" / "三月-result.xlsx") in first.said


@pytest.mark.processes
def test_a_users_mistake_is_one_line(tmp_path, tuoke: Starter):
    (tmp_path / "x.csv").write_text("nothing here")
    good = str(registers.messy_workbook(tmp_path / "r.xlsx", 1))
    for words in ([str(tmp_path / "x.csv"), "--consent", "x"], [str(tmp_path / "no.csv"), "--consent", "x"],
                  [good, "--consent", " "], [good, "--consent", "x", "--as", "nobody"]):  # fmt: skip
        process = tuoke("import", "leads", *words)
        assert process.popen.wait(60) == 2
        assert process.said.startswith("tuoke: ")
        assert len(process.said.splitlines()) == 1


@pytest.mark.processes
def test_a_kill_half_way_and_a_second_run_is_exactly_once(
    tmp_path, database: Engine, database_url: str, tuoke: Starter
):
    path = registers.messy_workbook(tmp_path / "big.xlsx", 400)
    words = ("import", "leads", str(path), "--consent", "当面同意", "--json")
    first = tuoke(*words, DATABASE_URL=database_url)
    eventually(lambda: leads(database) > 0, 60)
    first.popen.send_signal(signal.SIGKILL)
    first.popen.wait(10)
    half = leads(database)
    assert 0 < half < 400
    assert half % taking.BATCH == 0
    second = tuoke(*words, DATABASE_URL=database_url)
    assert second.popen.wait(120) == 0
    told = said_json(second)
    assert (told["good"], told["already"]) == (400 - half, half)
    assert leads(database) == 400
    with databases.read(database) as session:
        assert session.scalar(select(func.count(Lead.phone_index.distinct()))) == 400
        assert session.scalar(select(func.count()).select_from(ImportedRow)) == 400
