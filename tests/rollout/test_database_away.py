"""The database is away in mid-run, or was left by an earlier release: what is there is enough to go on."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine, inspect

from bot.rollout.action import ApplyUpdates
from bot.rollout.lifecycle import State
from bot.rollout.preparing import hold_pool
from bot.rollout.pursuit import Round
from storage import database as databases

from .rehearsal import Killed, Rehearsal, rehearse, small
from .test_killed import assert_nothing_happened_twice


@contextmanager
def locked_by_somebody(rollout: Rehearsal, seconds: float) -> Iterator[None]:
    """A backup, an administrator's shell, a full disk: for a while nothing can be written."""
    file = rollout.settings.database_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(seconds, lambda: other.execute("ROLLBACK"))
        timer.start()
        yield
        timer.join()


@pytest.mark.failure("database-away")
def test_nothing_is_begun_while_nothing_can_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "_BUSY_SECONDS", 0.1)
    with rehearse(small()) as rollout:
        rollout.ask().approve()
        held: list[object] = []

        def lose_it() -> None:
            # Minutes pass on the pool, and the installation goes on by itself.
            rollout.wait(minutes=5)
            lock = locked_by_somebody(rollout, seconds=1.0)
            lock.__enter__()
            held.append(lock)

        rollout.when("apply_started", lose_it, host="xs-01")
        assert rollout.drive() is State.SUCCEEDED
        assert held
        rollout.assert_done()
        assert_nothing_happened_twice(rollout)
        assert not [row for row in rollout.audited() if row.action == "rollout.needs_attention"]


def as_the_release_before_left_it(file: Path, revision: str) -> None:
    """Take out of the database what later releases have added to it."""
    scratch = file.with_name("scratch.sqlite")
    engine = create_engine(f"sqlite:///{scratch}")
    with engine.begin() as connection:
        config = databases._alembic()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    then = inspect(engine)
    known = {table: {column["name"] for column in then.get_columns(table)} for table in then.get_table_names()}
    engine.dispose()
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        now = inspect(engine)
        for table in now.get_table_names():
            if table not in known:
                connection.exec_driver_sql(f"DROP TABLE {table}")
                continue
            for column in now.get_columns(table):
                if column["name"] not in known[table]:
                    connection.exec_driver_sql(f"ALTER TABLE {table} DROP COLUMN {column['name']}")
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{revision}'")
    engine.dispose()


@pytest.mark.failure("deployed-in-mid-run")
def test_a_release_with_one_more_operation_goes_on_where_an_earlier_one_was_killed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The earlier one knew neither the newer columns nor that the sync schedule is to be held."""
    with rehearse(small()) as rollout:
        rollout.ask().approve()

        def knows_nothing_of_the_schedule(round_: Round) -> bool:
            seen = round_.snapshot
            round_.snapshot = replace(seen, pool=replace(seen.pool, update_sync_enabled=False))
            try:
                return hold_pool(round_)
            finally:
                round_.snapshot = seen

        def die() -> None:
            raise Killed

        rollout.before(ApplyUpdates, die, subject="xs-01")
        with monkeypatch.context() as earlier:
            earlier.setattr("bot.rollout.decide.hold_pool", knows_nothing_of_the_schedule)
            with pytest.raises(Killed):
                rollout.drive()
        assert "sync_schedule" not in rollout.owed
        rollout.close()
        as_the_release_before_left_it(Path(rollout.settings.database_url.removeprefix("sqlite:///")), "0002")

        rollout._begin_process()
        assert not rollout.database.upgraded
        rollout.database.upgrade()
        assert rollout.drive() is State.SUCCEEDED
        rollout.assert_done()
        assert_nothing_happened_twice(rollout)
        schedule = [effect for effect in rollout.pool.effects if effect.detail.get("name") == "update_sync_enabled"]
        assert [effect.detail["new"] for effect in schedule] == [False, True]
