"""What XAPI was asked for is known before it is asked, and survives everything."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.rollout.lifecycle import State
from bot.rollout.memory import Intent, IntentState
from storage import intents, rollouts
from storage.database import Database
from storage.errors import NotFound
from tests.storage.scene import NOW, asked

REBOOT = "RebootHost:h1"
LATER = NOW + timedelta(minutes=10)


def test_a_reboot_from_asking_to_done(database: Database) -> None:
    rollout_id = asked(database, State.APPROVED, State.RUNNING)
    with database.transaction() as tx:
        intents.open_intent(tx, rollout_id, REBOOT, at=NOW, boot_time=1.7e9, agent_start_time=1.8e9)
        intents.set_task(tx, rollout_id, REBOOT, "OpaqueRef:task")
    with database.transaction() as tx:
        known = intents.all_intents(tx, rollout_id)[REBOOT]
        assert known == Intent(
            REBOOT, IntentState.OPEN, NOW, task_ref="OpaqueRef:task", boot_time=1.7e9, agent_start_time=1.8e9
        )
        done = intents.finish(tx, rollout_id, REBOOT, LATER, result={"vms": ["a"]})
    assert (done.state, done.finished_at, done.result) == (IntentState.DONE, LATER, {"vms": ["a"]})


def test_asking_again_counts_and_clears_the_last_answer(database: Database) -> None:
    rollout_id = asked(database)
    with database.transaction() as tx:
        intents.open_intent(tx, rollout_id, REBOOT, at=NOW, boot_time=1.0)
        intents.set_task(tx, rollout_id, REBOOT, "OpaqueRef:task")
        failed = intents.fail(tx, rollout_id, REBOOT, NOW, ("HOST_OFFLINE", "h1"), transient=True)
        assert (failed.state, failed.error, failed.transient) == (IntentState.FAILED, ("HOST_OFFLINE", "h1"), True)
        again = intents.open_intent(tx, rollout_id, REBOOT, at=LATER, boot_time=2.0)
        # What the try before ended with is kept, for those who watch, until one works.
        assert again == Intent(
            REBOOT, IntentState.OPEN, LATER, attempts=2, boot_time=2.0, earlier=("HOST_OFFLINE", "h1")
        )
        assert intents.open_intent(tx, rollout_id, REBOOT, at=LATER).earlier == ("HOST_OFFLINE", "h1")
        assert intents.finish(tx, rollout_id, REBOOT, LATER).earlier == ()


def test_a_lost_task_keeps_what_the_host_looked_like(database: Database) -> None:
    rollout_id = asked(database)
    with database.transaction() as tx:
        intents.open_intent(tx, rollout_id, REBOOT, at=NOW, boot_time=1.0)
        lost = intents.lose(tx, rollout_id, REBOOT, LATER)
        assert (lost.state, lost.boot_time, lost.started_at) == (IntentState.LOST, 1.0, NOW)
        assert intents.finish(tx, rollout_id, REBOOT, LATER).state is IntentState.DONE


def test_a_retry_forgives_what_failed_and_what_is_named_but_repeats_nothing_under_way(database: Database) -> None:
    rollout_id = asked(database, State.APPROVED, State.RUNNING)
    with database.transaction() as tx:
        for key in ("ApplyUpdates:h1", "EvacuateHost:h1", "MigrateVm:v1", REBOOT, "EnableHost:h2"):
            intents.open_intent(tx, rollout_id, key, at=NOW)
        intents.fail(tx, rollout_id, "ApplyUpdates:h1", NOW, ("APPLY_UPDATES_FAILED",), False)
        intents.finish(tx, rollout_id, "EvacuateHost:h1", NOW)
        intents.finish(tx, rollout_id, "MigrateVm:v1", NOW)
        forgiven = intents.forgive(tx, rollout_id, LATER, ["MigrateVm:v1", REBOOT])
        left = intents.all_intents(tx, rollout_id)
        assert forgiven == ("ApplyUpdates:h1", "MigrateVm:v1", REBOOT)
        assert set(left) == {"EvacuateHost:h1", REBOOT, "EnableHost:h2"}
        assert (left[REBOOT].state, left[REBOOT].attempts, left[REBOOT].started_at) == (IntentState.OPEN, 1, LATER)
        assert left["EnableHost:h2"].started_at == NOW
        assert rollouts.get(tx, rollout_id).forgiven == ["h1", "v1"]
        assert intents.forgive(tx, rollout_id, LATER) == ()


def test_what_was_never_asked_for_cannot_end(database: Database) -> None:
    rollout_id = asked(database)
    with database.transaction() as tx:
        for end in (intents.finish, intents.lose):
            with pytest.raises(NotFound, match="never asked"):
                end(tx, rollout_id, REBOOT, NOW)
        with pytest.raises(NotFound):
            intents.set_task(tx, rollout_id, REBOOT, "OpaqueRef:task")
