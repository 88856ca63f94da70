"""Of several processes one leads, and another one as soon as that one is gone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from time import monotonic, sleep

import pytest
from sqlalchemy import text

from storage.database import Database
from storage.leadership import Leadership
from tests.postgres import PostgresServer


class Candidates:
    """Processes on one database."""

    def __init__(self, address: str, stack: ExitStack) -> None:
        self._address, self._stack = address, stack

    def one(self, what: str = "timers") -> Leadership:
        database = Database.open(self._address)
        self._stack.callback(database.close)
        leadership = Leadership(database, what)
        self._stack.callback(leadership.end)
        return leadership


@pytest.fixture
def candidates(postgres: PostgresServer) -> Iterator[Candidates]:
    with ExitStack() as stack:
        yield Candidates(postgres.upgraded(), stack)


def seconds_until_it_leads(leadership: Leadership) -> float:
    began = monotonic()
    while not leadership.leads():
        assert monotonic() - began < 20
        sleep(0.05)
    return monotonic() - began


def test_on_sqlite_the_one_process_leads(tmp_path: Path) -> None:
    database = Database.open(f"sqlite:///{tmp_path / 'xsbot.sqlite'}")
    leadership = Leadership(database, "timers")
    leadership.start()
    assert leadership.leads()
    leadership.end()
    database.close()


@pytest.mark.postgresql
def test_one_leads_and_another_when_it_steps_back(candidates: Candidates) -> None:
    first, second, elsewhere = candidates.one(), candidates.one(), candidates.one("messages")
    first.start()
    assert (first.leads(), second.leads(), elsewhere.leads()) == (True, False, True)
    assert (first.leads(), second.leads()) == (True, False)
    first.end()
    assert (second.leads(), first.leads()) == (True, False)


@pytest.mark.postgresql
def test_a_leader_that_lives_stays_one_however_long_it_is_busy(candidates: Candidates) -> None:
    first, second = candidates.one(), candidates.one()
    assert first.leads()
    first.start()
    sleep(7.5)
    assert (second.leads(), first.leads()) == (False, True)


@pytest.mark.postgresql
def test_a_frozen_leader_is_replaced_and_knows_it_when_it_thaws(candidates: Candidates) -> None:
    frozen, second = candidates.one(), candidates.one()
    assert frozen.leads()
    assert seconds_until_it_leads(second) < 9
    assert not frozen.leads()


@pytest.mark.postgresql
def test_a_leader_whose_connection_breaks_is_replaced_at_once(candidates: Candidates) -> None:
    first, second = candidates.one(), candidates.one()
    assert first.leads()
    with second._database.transaction() as tx:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        tx.connection().execute(text(f"{others} AND pid <> pg_backend_pid()"))
    assert seconds_until_it_leads(second) < 1
    assert not first.leads()


@pytest.mark.postgresql
def test_a_server_that_restarts_has_one_leader_again(postgres: PostgresServer, candidates: Candidates) -> None:
    first, second = candidates.one(), candidates.one()
    assert first.leads()
    postgres.stop()
    assert not first.leads()
    assert not second.leads()
    postgres.start()
    assert sorted((first.leads(), second.leads())) == [False, True]
