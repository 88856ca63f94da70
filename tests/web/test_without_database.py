"""What readiness and metrics say while the database does not answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.measures import Measures
from bot.web import Readiness, figures
from storage.database import Database


@pytest.mark.failure("database-away")
def test_a_database_that_does_not_answer_is_said_and_nothing_falls_over(tmp_path: Path) -> None:
    path = tmp_path / "xsbot.sqlite"
    database = Database.open(f"sqlite:///{path}")
    database.upgrade()
    ready = Readiness(database, lambda: True, lambda: True)
    assert ready.ask() == {"database": True, "engine": True, "slack": True}
    database.close()
    path.write_bytes(b"this was a database once" * 500)
    for rest in (path.with_name("xsbot.sqlite-wal"), path.with_name("xsbot.sqlite-shm")):
        rest.unlink(missing_ok=True)
    assert ready.ask() == {"database": False, "engine": True, "slack": True}
    measures = Measures()
    measures.read_with(lambda: figures(database))
    text = measures.text().decode()
    assert "xsbot_database_up 0.0" in text
    assert "xsbot_rollouts" not in text
    assert "xsbot_slack_ack_seconds_count 0.0" in text
    database.close()
