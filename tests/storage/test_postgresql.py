"""What is PostgreSQL's own: its triggers, its queue of writers, and servers that stop."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from time import monotonic

import psycopg
import pytest

from bot.rollout.lifecycle import State
from storage import audit, posted, rollouts
from storage.database import Database
from storage.errors import StorageError
from storage.postgresql import libpq_address
from tests.postgres import PostgresServer
from tests.storage.scene import NOW, ask, asked, move

pytestmark = pytest.mark.postgresql


@pytest.fixture
def address(postgres: PostgresServer) -> str:
    return postgres.upgraded()


@pytest.fixture
def there(address: str) -> Iterator[Database]:
    database = Database.open(address)
    yield database
    database.close()


def run(address: str, *statements: str) -> None:
    """What somebody with an account on the database can do."""
    with psycopg.connect(address, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_events SET action = 'x' WHERE seq = 1",
        "DELETE FROM audit_events WHERE seq = 1",
        "TRUNCATE audit_events",
        "INSERT INTO audit_events SELECT * FROM audit_events ON CONFLICT (seq) DO UPDATE SET action = 'x'",
        "UPDATE specs SET body = '\\x00'",
        "DELETE FROM specs",
        "TRUNCATE specs",
    ],
)
def test_the_database_refuses_to_change_the_past(there: Database, address: str, statement: str) -> None:
    asked(there)
    with pytest.raises(psycopg.errors.RaiseException, match="never changed"):
        run(address, statement)
    with there.reading() as tx:
        assert audit.verify(tx).ok


@pytest.mark.parametrize(
    ("crime", "problem"),
    [
        ("UPDATE audit_events SET body = replace(body::text, '62', '63')::bytea WHERE seq = 2", "Line 2 was changed"),
        ("UPDATE audit_events SET at = at + interval '1 second' WHERE seq = 2", "Line 2 was changed"),
        ("DELETE FROM audit_events WHERE seq = 1", "Line 1 is missing"),
        ("DELETE FROM audit_events WHERE seq = 2", "ends at line 1, but its head says 2"),
        ("DELETE FROM audit_head", "head is missing"),
    ],
)
def test_who_switches_the_triggers_off_is_found(there: Database, address: str, crime: str, problem: str) -> None:
    asked(there, State.APPROVED)
    run(address, "ALTER TABLE audit_events DISABLE TRIGGER USER", crime)
    with there.reading() as tx:
        assert problem in audit.verify(tx).problem


def test_a_reader_sees_one_moment_and_waits_for_nobody(there: Database) -> None:
    rollout_id = asked(there)
    with there.reading() as reader:
        assert rollouts.get(reader, rollout_id).state is State.AWAITING_APPROVAL
        with there.transaction() as writer:
            move(writer, rollout_id, State.APPROVED)
        assert rollouts.get(reader, rollout_id).state is State.AWAITING_APPROVAL
    with there.reading() as reader:
        assert rollouts.get(reader, rollout_id).state is State.APPROVED


def test_a_process_that_is_frozen_in_a_write_holds_nobody_up_for_long(there: Database, address: str) -> None:
    frozen = Database.open(address)
    thawed = threading.Event()
    holding = threading.Event()
    outcome: list[Exception] = []

    def freeze() -> None:
        try:
            with frozen.transaction() as tx:
                posted.remember(tx, "key", "C", "frozen", NOW)
                holding.set()
                thawed.wait(60)
        except StorageError as error:
            outcome.append(error)

    thread = threading.Thread(target=freeze)
    thread.start()
    holding.wait()
    began = monotonic()
    with there.transaction() as tx:
        posted.remember(tx, "key", "C", "awake", NOW)
    assert monotonic() - began < 15
    thawed.set()
    thread.join()
    frozen.close()
    assert outcome, "what it wrote is gone, and it hears of it"
    with there.reading() as tx:
        found = posted.find(tx, "key")
        assert found is not None
        assert found.ts == "awake"


def test_names_with_a_nul_are_kept_without_it(there: Database) -> None:
    with there.transaction() as tx:
        row = ask(tx)
        row.reason_text = "a\0b"
        row.headline = {"code": "x", "params": {"vm": "a\0b"}}
        tx.add(row)
    with there.reading() as tx:
        assert rollouts.get(tx, row.id).reason_text == "a�b"


def test_a_server_that_comes_back_is_used_again(postgres: PostgresServer, address: str, there: Database) -> None:
    rollout_id = asked(there)
    postgres.stop()
    with pytest.raises(StorageError, match="refused"), there.reading() as tx:
        rollouts.get(tx, rollout_id)
    postgres.start()
    with there.transaction() as tx:
        move(tx, rollout_id, State.APPROVED)


def test_an_address_is_understood_in_both_spellings(address: str) -> None:
    other = "postgres://" + address.partition("://")[2]
    assert libpq_address(other) == address
    database = Database.open(other)
    assert database.upgraded
    database.close()


def test_a_refused_address_keeps_its_password_to_itself() -> None:
    with pytest.raises(StorageError) as refused:
        Database.open("postgresql://user:hunter2@127.0.0.1:1/name")
    assert "hunter2" not in str(refused.value)
    assert refused.value.hint
