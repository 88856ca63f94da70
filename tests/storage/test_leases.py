"""Leases: one holder at a time, no rollout meanwhile, and an end of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from bot.rollout.lifecycle import State
from storage import leases
from storage.database import Database
from storage.errors import Conflict, PoolBusy
from tests.storage.scene import ALICE, BOB, NOW, POOL, ask

UNTIL = NOW + timedelta(minutes=5)
LATER = NOW + timedelta(minutes=6)


def take(database: Database, *, pool: str = POOL, who: str = "alice") -> str:
    with database.transaction() as tx:
        return leases.take(tx, pool, "lab", "channel", ALICE if who == "alice" else BOB, NOW, UNTIL)


def test_one_holds_the_pool_until_the_end(database: Database) -> None:
    holder = take(database)
    with pytest.raises(PoolBusy) as busy:
        take(database, who="bob")
    assert busy.value.sentence == "alice is setting something on pool lab at this moment: channel."
    # How long an upload takes nobody knows: only a lease that is not renewed ends in time.
    assert busy.value.hint == "Try again when that is done; if it was cut off, the pool is free again in 5 min."
    take(database, pool="another")
    with database.transaction() as tx:
        leases.end(tx, POOL, "somebody else's")
        assert leases.held(tx, POOL, NOW) is not None
        leases.end(tx, POOL, holder)
        assert leases.held(tx, POOL, NOW) is None
    take(database, who="bob")


def test_no_rollout_is_asked_for_meanwhile(database: Database) -> None:
    holder = take(database)
    with pytest.raises(PoolBusy, match="alice is setting"), database.transaction() as tx:
        ask(tx)
    with database.transaction() as tx:
        leases.end(tx, POOL, holder)
        assert ask(tx).state is State.AWAITING_APPROVAL


def test_it_ends_by_itself_and_is_then_nobodys_to_renew(database: Database) -> None:
    holder = take(database)
    with database.transaction() as tx:
        leases.renew(tx, POOL, holder, NOW, LATER)
        with pytest.raises(PoolBusy):
            leases.require_free(tx, POOL, "lab", UNTIL)
        leases.require_free(tx, POOL, "lab", LATER)
        with pytest.raises(Conflict, match="took so long"):
            leases.renew(tx, POOL, holder, LATER, LATER + timedelta(minutes=5))
        ask(tx, at=LATER)


def test_whose_lease_was_taken_over_neither_renews_nor_ends_it(database: Database) -> None:
    first = take(database)
    with database.transaction() as tx:
        second = leases.take(tx, POOL, "lab", "proxy", BOB, LATER, LATER + timedelta(minutes=5))
        with pytest.raises(Conflict):
            leases.renew(tx, POOL, first, LATER, LATER + timedelta(minutes=9))
        leases.end(tx, POOL, first)
        present = leases.held(tx, POOL, LATER)
        assert present is not None
        assert (present.holder, present.what, present.by_name) == (second, "proxy", "bob")


def test_of_twenty_at_once_one_gets_it(database: Database) -> None:
    def try_(_: int) -> bool:
        try:
            take(database)
        except PoolBusy:
            return False
        return True

    with ThreadPoolExecutor(20) as people:
        assert sum(people.map(try_, range(20))) == 1
