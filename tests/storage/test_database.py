"""Opening, upgrading, locking, and what survives a restart."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta, timezone
from importlib import resources
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from bot.rollout.lifecycle import State
from bot.rollout.memory import Debt, DebtKind
from storage import approvals, audit, debts, intents, outbox, posted, rollouts, specs, threads
from storage.database import Database
from storage.errors import DatabaseOutdated, StorageError
from storage.migrations.versions import r0002_procrastinate
from storage.tables import METADATA
from tests.storage.scene import BOB, NOW, POOL, ask, asked, move, tamper


def test_the_migrations_make_exactly_the_tables_of_the_models(database: Database) -> None:
    def ours(_thing: object, name: str | None, kind: str, _reflected: bool, _other: object) -> bool:
        return kind != "table" or not str(name).startswith("procrastinate_")

    opts = {"compare_type": True, "compare_server_default": True, "include_object": ours}
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=opts), METADATA) == []


@pytest.mark.sqlite
def test_the_migrations_make_exactly_the_schema_of_the_models(database: Database, tmp_path: Path) -> None:
    fresh = tmp_path / "fresh.sqlite"
    engine = create_engine(f"sqlite:///{fresh}")
    METADATA.create_all(engine)
    engine.dispose()
    assert _schema(tmp_path / "xsbot.sqlite") == _schema(fresh)


def _schema(path: Path) -> set[str]:
    """Columns, keys and indexes (with conditions of partial ones), triggers and Alembic's left out.

    In which order the columns stand is not compared: a later migration puts its own at the end.
    """
    with closing(sqlite3.connect(path)) as raw:
        made = raw.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
        found = {" ".join(sql.split()) for kind, _, sql in made if kind == "index"}
        for name, sql in [(name, sql) for kind, name, sql in made if kind == "table" and name != "alembic_version"]:
            columns = raw.execute(f"PRAGMA table_xinfo({name})").fetchall()
            keys = raw.execute(f"PRAGMA foreign_key_list({name})").fetchall()
            found |= {f"{name} {column[1:]}" for column in columns} | {f"{name} {key[2:]}" for key in keys}
            found.add(f"{name} {'AUTOINCREMENT' in sql}")
        return found


def test_the_job_queue_is_the_one_of_the_installed_release() -> None:
    """A newer Procrastinate needs a migration of ours with its steps."""
    installed = resources.files("procrastinate").joinpath("sql/schema.sql").read_text(encoding="utf-8")
    assert r0002_procrastinate.SCHEMA.read_text(encoding="utf-8") == installed


def test_a_new_database_says_how_to_make_its_tables(url: str) -> None:
    database = Database.open(url)
    assert not database.upgraded
    with pytest.raises(DatabaseOutdated, match=r"no tables yet.*xsbot db upgrade"):
        database.require_upgraded()
    database.upgrade()
    database.require_upgraded()
    assert database.upgraded
    database.close()


def test_tables_of_a_newer_release_are_left_alone(database: Database, path: Path) -> None:
    tamper(path, "UPDATE alembic_version SET version_num = '9999'", disarm=False)
    assert not database.upgraded
    for attempt in (database.upgrade, database.require_upgraded):
        with pytest.raises(DatabaseOutdated, match="newer release"):
            attempt()


def test_several_processes_may_upgrade_at_once(url: str) -> None:
    databases = [Database.open(url) for _ in range(4)]
    with ThreadPoolExecutor(4) as processes:
        list(processes.map(Database.upgrade, databases))
    assert all(database.upgraded for database in databases)
    for database in databases:
        database.close()


def test_a_path_with_odd_characters_works(tmp_path: Path) -> None:
    (tmp_path / "100% x").mkdir()
    database = Database.open(f"sqlite:///{tmp_path}/100% x/xsbot.sqlite")
    database.upgrade()
    assert (tmp_path / "100% x" / "xsbot.sqlite").exists()
    database.close()


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///:memory:",
        "nonsense",
        "oracle+nothing://x",
        "sqlite:////no/such/folder/x.sqlite",
        "postgresql://127.0.0.1:1/x",
    ],
)
def test_an_address_that_cannot_be_used_is_named_with_its_remedy(url: str) -> None:
    with pytest.raises(StorageError) as refused:
        Database.open(url)
    assert refused.value.hint


def test_a_wrong_address_does_not_repeat_its_password() -> None:
    with pytest.raises(StorageError) as refused:
        Database.open("nosuch://user:hunter2@host/name")
    assert "hunter2" not in str(refused.value)


@pytest.mark.sqlite
def test_commits_survive_a_power_cut(database: Database) -> None:
    with database.reading() as tx:
        settings = {
            name: tx.connection().execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30000}


def test_keys_are_checked(database: Database) -> None:
    with pytest.raises(StorageError, match=r"(?i)foreign key"), database.transaction() as tx:
        intents.open_intent(tx, 4711, "RebootHost:h1", at=NOW)


def test_a_reading_session_cannot_write_and_does_not_wait_for_writers(database: Database) -> None:
    rollout_id = asked(database)
    with database.transaction() as writer:
        move(writer, rollout_id, State.APPROVED)
        with database.reading() as reader:
            assert rollouts.get(reader, rollout_id).state is State.AWAITING_APPROVAL
    with pytest.raises(StorageError, match=r"read-?only"), database.reading() as tx:
        posted.remember(tx, "key", "C", "1", NOW)
    with database.transaction() as tx:
        posted.remember(tx, "key", "C", "1", NOW)


def test_another_process_waits_its_turn(database: Database) -> None:
    other = Database.open(database.engine.url.render_as_string(hide_password=False))
    entered = threading.Event()
    order = []

    def write() -> None:
        entered.wait()
        with other.transaction() as tx:
            order.append("second")
            posted.remember(tx, "key", "C", "2", NOW)

    thread = threading.Thread(target=write)
    thread.start()
    with database.transaction() as tx:
        entered.set()
        posted.remember(tx, "key", "C", "1", NOW)
        thread.join(0.2)
        order.append("first")
    thread.join()
    other.close()
    assert order == ["first", "second"]


def test_a_transaction_inside_a_transaction_is_a_mistake_that_shows_at_once(database: Database) -> None:
    def nested() -> None:
        with database.transaction(), database.transaction():
            pass

    with pytest.raises(RuntimeError, match="inside"):
        nested()
    with database.transaction() as tx:
        posted.remember(tx, "key", "C", "1", NOW)


def test_moments_are_kept_in_utc_and_naive_ones_refused(database: Database) -> None:
    zone = timezone(timedelta(hours=5, minutes=30))
    with database.transaction() as tx:
        posted.remember(tx, "key", "C", "1", datetime(2026, 11, 20, 14, 30, tzinfo=zone))
    with database.reading() as tx:
        found = posted.find(tx, "key")
        assert found is not None
        assert (found.at, found.at.utcoffset()) == (NOW, timedelta(0))

    def naive() -> None:
        with database.transaction() as tx:
            posted.remember(tx, "another", "C", "1", datetime(2026, 11, 20))

    with pytest.raises(Exception, match="time zone"):
        naive()


def test_a_reopened_database_knows_everything(url: str) -> None:
    before = Database.open(url)
    before.upgrade()
    with before.transaction() as tx:
        row = ask(tx)
        approvals.approve(tx, row.id, row.digest, BOB, NOW)
        move(tx, row.id, State.APPROVED)
        move(tx, row.id, State.RUNNING)
        debts.open_debt(tx, POOL, Debt(DebtKind.HA, original={"failures": 1}), row.id, NOW)
        intents.open_intent(tx, row.id, "RebootHost:h1", at=NOW, boot_time=12.5)
        posted.remember(tx, threads.card_key(row.id), "C", "1", NOW)
    with before.reading() as tx:
        head, waiting = audit.head(tx), outbox.depth(tx)
    before.close()

    after = Database.open(url)
    after.upgrade()
    with after.reading() as tx:
        assert rollouts.get(tx, row.id).state is State.RUNNING
        assert specs.of(tx, row.id)[2] == row.digest
        assert [entry.user for entry in approvals.of(tx, row.id)] == [BOB.id]
        assert debts.open_debts(tx, POOL)[0].original == {"failures": 1}
        assert intents.all_intents(tx, row.id)["RebootHost:h1"].boot_time == 12.5
        assert posted.find(tx, threads.card_key(row.id)) is not None
        assert audit.verify(tx, head) == audit.VerifyResult(True, 4, head)
        assert outbox.depth(tx) == waiting
    after.close()


def test_what_need_not_last_does_not_wait_for_the_disk(database: Database) -> None:
    asked = "PRAGMA synchronous" if database.engine.dialect.name == "sqlite" else "SHOW synchronous_commit"
    waits, hurries = {"sqlite": ("2", "1"), "postgresql": ("on", "off")}[database.engine.dialect.name]
    for lasting, expected in ((True, waits), (False, hurries), (True, waits)):
        with database.transaction(lasting=lasting) as tx:
            assert str(tx.connection().exec_driver_sql(asked).scalar()) == expected
