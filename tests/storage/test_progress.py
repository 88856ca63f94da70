"""How far the hosts are, where messages went, and how long things take."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.rollout.decision import Estimates
from bot.rollout.memory import TurnPhase, TurnProgress
from bot.rollout.vm_progress import VmProgress, VmStep
from storage import durations, posted, turns
from storage.database import Database
from storage.turns import News
from tests.storage.scene import NOW, POOL, asked

LATER = NOW + timedelta(minutes=5)


def test_hosts_keep_their_place_and_stamps(database: Database) -> None:
    rollout_id = asked(database)
    with database.transaction() as tx:
        for host in ("h2", "h1"):
            assert turns.record(tx, rollout_id, TurnProgress(host, f"xs-{host}", TurnPhase.WAITING), NOW)
        moving = TurnProgress("h2", "xs-h2", TurnPhase.EVACUATING, left=7, total=7)
        assert turns.record(tx, rollout_id, moving, NOW)
        assert not turns.record(tx, rollout_id, moving, LATER)
        assert turns.record(tx, rollout_id, TurnProgress("h2", "xs-h2", TurnPhase.EVACUATING, left=6, total=7), LATER)
        assert turns.record(tx, rollout_id, TurnProgress("h2", "xs-h2", TurnPhase.FAILED), LATER)
        first, second = turns.of(tx, rollout_id)
        assert (first.host, first.started_at, first.finished_at) == ("h2", NOW, LATER)
        assert (second.host, second.started_at, second.progress.phase) == ("h1", None, TurnPhase.WAITING)
        turns.record(tx, rollout_id, moving, LATER)
        assert (first.started_at, first.finished_at, first.progress) == (NOW, None, moving)
        assert not turns.record(tx, rollout_id, TurnProgress("h1", "renamed", TurnPhase.WAITING), LATER)
        assert second.name == "renamed"


def test_what_is_new_about_vms_is_told_apart_from_how_far_they_got(database: Database) -> None:
    rollout_id = asked(database)

    def turn(*vms: VmProgress) -> TurnProgress:
        return TurnProgress("h1", "xs-1", TurnPhase.EVACUATING, 3, 3, vms)

    waits = VmProgress("v3", "web-3")
    moves = VmProgress("v1", "web-1", VmStep.MOVING, 40, "xs-2")
    failed = VmProgress("v2", "web-2", error=("INTERNAL_ERROR", "no"), tries=1)
    steps = [
        ((moves, waits), News.OTHER),
        ((moves, waits), News.NOTHING),
        ((replace(moves, percent=45), waits), News.FURTHER),
        ((replace(moves, percent=45),), News.NOTHING),  # whoever waits is counted, and not named
        ((replace(moves, percent=50), failed), News.OTHER),
        ((replace(moves, percent=50), replace(failed, tries=2)), News.OTHER),
        ((), News.OTHER),
    ]
    with database.transaction() as tx:
        for vms, news in steps:
            assert turns.record(tx, rollout_id, turn(*vms), NOW) is news
            (row,) = turns.of(tx, rollout_id)
            assert row.progress == turn(*vms)
    with database.reading() as tx:
        assert turns.of(tx, rollout_id)[0].vms_progress == ()


def test_messages_are_found_again_until_they_are_gone(database: Database) -> None:
    with database.transaction() as tx:
        assert posted.find(tx, "rollout:1:card") is None
        posted.remember(tx, "rollout:1:card", "C1", "1700000000.000100", NOW)
        posted.remember(tx, "rollout:1:card", "C1", "1700000009.000100", LATER)
    with database.transaction() as tx:
        found = posted.find(tx, "rollout:1:card")
        assert found is not None
        assert (found.channel, found.ts, found.at) == ("C1", "1700000009.000100", LATER)
        posted.forget(tx, "rollout:1:card")
        posted.forget(tx, "rollout:1:card")
        assert posted.find(tx, "rollout:1:card") is None


def test_estimates_follow_the_latest_measurements_of_that_pool(database: Database) -> None:
    with database.transaction() as tx:
        assert durations.estimates(tx, POOL) == Estimates()
        for value in (9999.0, *[400.0] * 10, *[500.0] * 10):
            durations.learn(tx, POOL, "reboot", value, NOW)
        durations.learn(tx, POOL, "migrate_rate", 2.0**30, NOW)
        durations.learn(tx, "another", "apply", 1.0, NOW)
        assert durations.estimates(tx, POOL) == Estimates(reboot=450.0, migrate_rate=2.0**30, learned_from=21)


@pytest.mark.parametrize("value", [0.0, -3.0, float("nan"), float("inf")])
def test_a_clock_that_jumped_teaches_nothing(database: Database, value: float) -> None:
    with database.transaction() as tx, pytest.raises(ValueError, match="reboot"):
        durations.learn(tx, POOL, "reboot", value, NOW)


def test_turns_that_are_done_are_counted_by_how_long_they_took(database: Database) -> None:
    rollout_id = asked(database)
    with database.transaction() as tx:
        assert turns.durations(tx, (60, 600)) == ([0, 0, 0], 0.0)
        for number, (phase, minutes) in enumerate(
            [(TurnPhase.DONE, 1), (TurnPhase.DONE, 5), (TurnPhase.DONE, 90), (TurnPhase.SKIPPED, 2)]
        ):
            host = TurnProgress(f"h{number}", f"xs-{number}", TurnPhase.EVACUATING)
            turns.record(tx, rollout_id, host, NOW)
            turns.record(tx, rollout_id, TurnProgress(host.host, host.name, phase), NOW + timedelta(minutes=minutes))
        turns.record(tx, rollout_id, TurnProgress("h9", "xs-9", TurnPhase.APPLYING), NOW)
        assert turns.durations(tx, (60, 600)) == ([1, 2, 3], 96 * 60.0)
