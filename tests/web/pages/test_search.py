"""One field for code, phone and name: it finds what one may see and read, and tells nobody more than the lists do."""

from __future__ import annotations

import re

import pytest
from alembic import command
from sqlalchemy import Engine, delete, func, select, text

from models import database as databases
from models import sealed
from models.leads import Lead
from models.names import NamePrint, prints
from models.settings import WrongSetting
from tests.web.office.conftest import BOTH, Office

NAMES = ("王文杰", "王 小文", "李文杰", "Wang Wenjie", "阿依古丽·买买提", "Ｌｉ Na")
FINDS = {
    "王": {"王文杰", "王 小文"},
    "文杰": {"王文杰", "李文杰"},
    " 王文 杰 ": {"王文杰"},
    "小文": {"王 小文"},
    "wang": {"Wang Wenjie"},
    "wangwen": {"Wang Wenjie"},
    "WENJIE": {"Wang Wenjie"},
    "li na": {"Ｌｉ Na"},
    "买提": {"阿依古丽·买买提"},
    "杰": set(),
    "张三": set(),
}


def captured(office: Office, *names: str, by: str = "mei") -> dict[str, str]:
    """The codes of new leads with these names."""
    found = {}
    for name in names:
        office.phones += 1
        phone = f"1390000{office.phones:04d}"
        found[name] = office.act(by, "capture", name=name, phone=phone, channel="flyer", consent=True)
    return found


def test_a_name_is_found_by_its_pieces(office: Office) -> None:
    codes = captured(office, *NAMES)
    mei = office.seat("mei")
    for sought, expected in FINDS.items():
        page = mei.post("/search", sought=sought)
        assert {name for name, code in codes.items() if code in page.html} == expected, sought
        assert page.status == (200 if expected else 404), sought
        if not expected:
            assert f"“{sought.strip()}” among those you may see. Try the family name alone" in page
    for short in ("w", "·", "1"):
        assert "at least two letters or one Chinese sign" in mei.post("/search", sought=short)
    assert "The number is too short." in mei.post("/search", sought="1390000")


def test_only_what_one_may_see_is_found_and_only_by_what_one_reads_of_it(office: Office) -> None:
    code = captured(office, "王文杰")["王文杰"]
    found = {
        (who, sought): code in office.seat(who).post("/search", sought=sought).html
        for who in ("mei", "hua", "lin", "sun", "desk", "zhi")
        for sought in ("王", "文杰")
    }
    assert {who for (who, sought), seen in found.items() if seen and sought == "文杰"} == {
        "mei", "lin", "sun", "desk",
    }  # fmt: skip
    assert {who for (who, sought), seen in found.items() if seen and sought == "王"} == {
        "mei", "lin", "sun", "desk", "zhi",
    }  # fmt: skip
    assert "only its first sign can be found" in office.seat("zhi").post("/search", sought="文杰")


def test_a_print_shared_by_chance_shows_nobody(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.sealed.Sealer.short", lambda self, piece: 7)
    codes = captured(office, "王文杰", "李文杰")
    page = office.seat("mei").post("/search", sought="王文")
    assert codes["王文杰"] in page.html
    assert codes["李文杰"] not in page.html


def test_further_pages_are_asked_for_in_the_body_and_show_each_once(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.pages.search.PAGE", 2)
    monkeypatch.setattr("workflows.search.BATCH", 3)
    monkeypatch.setattr("workflows.search.MOST", 3)
    codes = captured(office, *(f"王{given}" for given in "一二三四五"), *("李一",) * 4)
    mei, seen, after = office.seat("mei"), [], ""
    for _page in range(9):
        page = mei.post("/search", sought="王", after=after)
        seen += re.findall(r'href="/leads/(L[2-9A-Z]{8})"', page.html)
        further = re.findall(r'name="after" value="(\d+)"', page.html)
        if not further:
            break
        after = further[0]
    assert seen == [codes[f"王{given}"] for given in "五四三二一"]
    assert "王" not in str(re.findall(r'(?:href|action)="([^"]+)"', page.html))


def printed(office: Office, code: str) -> set[int]:
    with databases.read(office.engine) as session:
        return set(
            session.scalars(
                select(NamePrint.print).join(Lead, Lead.id == NamePrint.lead_id).where(Lead.code == code)
            )
        )


def test_prints_follow_a_changed_name_and_die_with_an_erased_one(office: Office) -> None:
    code = captured(office, "王文杰")["王文杰"]
    for name in ("王小文", None):
        with databases.begin(office.engine) as session:
            session.scalars(select(Lead).where(Lead.code == code)).one().name = name
        assert printed(office, code) == prints(name)
        assert len(prints(name)) == (3 if name else 0)


@BOTH
def test_leads_from_before_are_found_after_the_migration(office: Office, database: Engine) -> None:
    codes = captured(office, *NAMES)
    with databases.begin(database) as session:
        session.execute(delete(NamePrint))
    with database.connect() as connection:
        config = databases.alembic_config()
        config.attributes["connection"] = connection
        command.downgrade(config, "0005")
        connection.commit()
    with sealed.using(bytes(32)), pytest.raises(WrongSetting):
        databases.migrate(database)
    databases.migrate(database)
    for name, code in codes.items():
        assert printed(office, code) == prints(name)
    assert codes["王文杰"] in office.seat("mei").post("/search", sought="文杰").html
    with databases.begin(database) as session:
        session.execute(text("DELETE FROM history"))
        session.execute(text("DELETE FROM timer"))
        session.execute(delete(Lead))
        assert session.scalar(select(func.count()).select_from(NamePrint)) == 0
