"""What one promoter's month costs to reckon does not grow with what the rest of the company did in it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine

from models import database as databases
from models.leads import Lead
from models.remembered import History
from tests.races.office import Office
from workflows import policy
from workflows.money import reading
from workflows.money.months import month_of


def others_visit(engine: Engine, code: str, many: int) -> None:
    """Somebody else brings so many visits: the lead with this code and the row of its visit, again and again."""
    with engine.begin() as connection:
        for kind, own, where in (
            (Lead, {"id": "1000 + n", "code": "'Z' || n", "phone_index": "'z' || n", "promoter_id": "NULL"}, "code = :code"),
            (History, {"id": "1000000 + n", "case_id": "1000 + n", "case_code": "'Z' || n", "seq": "1"}, "case_code = :code AND event = 'accept'"),
        ):  # fmt: skip
            table = kind.__tablename__
            names = [column.name for column in kind.__table__.columns]
            connection.exec_driver_sql(
                f"INSERT INTO {table} ({', '.join(names)})"
                f" SELECT {', '.join(own.get(name, name) for name in names)} FROM {table},"
                f" (WITH RECURSIVE up(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM up WHERE n < {many}) SELECT n FROM up)"
                f" WHERE {where.replace(':code', repr(code))}"
            )


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_visits_of_one_promoter_are_found_by_their_own_leads(database: Engine) -> None:
    office = Office(database)
    code = office.assigned()

    def steps() -> int:
        counted: list[None] = []
        with databases.read(database) as session:
            lead = session.query(Lead).filter_by(code=code).one()
            month = month_of(office.now, policy.zone(session))
            raw: Any = session.connection().connection.driver_connection
            raw.set_progress_handler(lambda: counted.append(None), 10)
            found = reading.confirmed(session, lead.project_id, month, lead.promoter_id)
            raw.set_progress_handler(None, 0)
        assert [each.visit.source.code for each in found] == [code]
        return len(counted)

    few = steps()
    others_visit(database, code, 3_000)
    assert steps() < 2 * few
