"""The ground of the tests themselves: both databases are real, migrated and fresh."""

from sqlalchemy import Engine, text

from models import database as databases
from models.machinery import Heartbeat, beat
from workers import ground


def test_a_database_is_fresh_and_migrated(database: Engine) -> None:
    with databases.begin(database) as session:
        assert session.query(Heartbeat).count() == 0
        beat(session, "clock", "clock", ground.real_now())
    with databases.read(database) as session:
        assert session.get_one(Heartbeat, "clock").seen_at.tzinfo is not None
        assert session.scalar(text("SELECT count(*) FROM alembic_version")) == 1
