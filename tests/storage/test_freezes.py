"""Freezes, and when a rollout is looked at again, on both databases."""

from __future__ import annotations

from datetime import timedelta

from bot.rollout.lifecycle import State
from storage import freezes, rollouts, timing
from storage.database import Database

from .scene import BOB, CAROL, NOW, ask, move

HOUR = timedelta(hours=1)


def test_a_freeze_holds_until_its_end_and_a_new_one_takes_its_place(database: Database) -> None:
    with database.transaction() as tx:
        freezes.begin(tx, "lab", NOW + 2 * HOUR, "year-end closing", BOB, NOW)
        freezes.begin(tx, "far", NOW + 9 * HOUR, "moving house", BOB, NOW)
        freezes.begin(tx, "lab", NOW + 5 * HOUR, "still closing", CAROL, NOW + HOUR)
    with database.reading() as tx:
        held = freezes.active(tx, NOW + 4 * HOUR)
        assert {alias: (row.why, row.by) for alias, row in held.items()} == {
            "lab": ("still closing", CAROL),
            "far": ("moving house", BOB),
        }
        assert list(freezes.active(tx, NOW + 5 * HOUR)) == ["far"]
        assert list(freezes.active(tx, NOW, ("lab",))) == ["lab"]


def test_a_freeze_that_was_ended_holds_no_more(database: Database) -> None:
    with database.transaction() as tx:
        freezes.begin(tx, "lab", NOW + 2 * HOUR, "year-end closing", BOB, NOW)
        ended = freezes.end(tx, "lab", NOW + HOUR)
        assert ended is not None
        assert ended.ended_at == NOW + HOUR
        assert freezes.end(tx, "lab", NOW + HOUR) is None
        assert freezes.active(tx, NOW + HOUR) == {}


def test_a_planned_start_is_announced_once_and_another_one_anew(database: Database) -> None:
    with database.transaction() as tx:
        rollout_id = ask(tx).id
        assert not timing.announce(tx, rollout_id, NOW)
        move(tx, rollout_id, State.APPROVED)
        timing.plan_start(tx, rollout_id, NOW + HOUR, NOW + HOUR)
        assert timing.announce(tx, rollout_id, NOW)
        assert not timing.announce(tx, rollout_id, NOW)
        timing.plan_start(tx, rollout_id, NOW + 2 * HOUR, NOW + 2 * HOUR)
        assert timing.announce(tx, rollout_id, NOW)
        # Whoever takes back the approval takes back the start.
        row = move(tx, rollout_id, State.AWAITING_APPROVAL)
        assert (row.starts_at, row.due_at, row.announced_at) == (None, None, None)


def test_that_it_goes_on_is_announced_once_for_each_time(database: Database) -> None:
    with database.transaction() as tx:
        rollout_id = ask(tx, state=State.APPROVED).id
        timing.plan_start(tx, rollout_id, NOW, NOW)
        assert timing.announce(tx, rollout_id, NOW)
        move(tx, rollout_id, State.RUNNING)
        assert not timing.announce(tx, rollout_id, NOW)
        move(tx, rollout_id, State.PAUSED)
        # One that waits for people has no time to be announced.
        assert not timing.announce(tx, rollout_id, NOW)
        timing.set_due(tx, rollout_id, NOW + HOUR)
        assert timing.announce(tx, rollout_id, NOW)
        timing.set_due(tx, rollout_id, NOW + HOUR)
        assert not timing.announce(tx, rollout_id, NOW)
        timing.set_due(tx, rollout_id, NOW + 2 * HOUR)
        assert timing.announce(tx, rollout_id, NOW)


def test_a_pause_that_ends_by_itself_is_over_with_the_pause(database: Database) -> None:
    with database.transaction() as tx:
        rollout_id = ask(tx, state=State.APPROVED).id
        assert move(tx, rollout_id, State.RUNNING).working_since == NOW
        assert timing.warn(tx, rollout_id, NOW)
        assert not timing.warn(tx, rollout_id, NOW)
        move(tx, rollout_id, State.PAUSED)
        timing.set_due(tx, rollout_id, NOW + HOUR)
        row = move(tx, rollout_id, State.RUNNING, at=NOW + HOUR)
        assert (row.due_at, row.working_since, row.warned_at) == (None, NOW + HOUR, None)


def test_the_end_of_a_freeze_wakes_only_what_waits_for_it(database: Database) -> None:
    with database.transaction() as tx:
        own, frozen = ask(tx, state=State.APPROVED).id, ask(tx, "another-pool", state=State.APPROVED).id
        timing.plan_start(tx, own, NOW + HOUR, NOW + HOUR)
        timing.set_due(tx, frozen, NOW + 5 * HOUR)
        timing.look_now(tx, "lab", NOW)
        assert rollouts.get(tx, own).due_at == NOW + HOUR
        assert rollouts.get(tx, frozen).due_at == NOW
