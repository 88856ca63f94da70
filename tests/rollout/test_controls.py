"""Pausing, resuming and skipping a host; reminders while people are waited for."""

from __future__ import annotations

import pytest
from sqlmodel import select

from bot.rollout.action import ApplyUpdates, DisableHost, RebootHost
from bot.rollout.errors import NotAllowed
from bot.rollout.lifecycle import State
from bot.rollout.memory import DebtKind, TurnPhase
from bot.rollout.spec import StoppedVms
from storage.columns import Topic
from storage.tables import OutboxRow

from .rehearsal import Killed, Rehearsal, actor, rehearse, scene, small

THREE = ("xs-01", "xs-02", "xs-03")


def skip(rollout: Rehearsal, host: str) -> None:
    rollout.desk.skip(rollout.id, host, actor("bob"))


def phases(rollout: Rehearsal) -> dict[str, TurnPhase]:
    return {turn.name: turn.phase for turn in rollout.standing.turns}


def asked_for_debts(rollout: Rehearsal) -> int:
    return sum("is owed something" in entry.message.text for entry in rollout.messages()) // 2


# -- skip --------------------------------------------------------------------------------------------------------------


def test_a_host_that_cannot_be_updated_is_skipped_and_the_others_go_on() -> None:
    with rehearse(small(hosts=THREE)) as rollout:
        rollout.pool.host("xs-02").apply_fails(99)
        assert rollout.carry_out() is State.NEEDS_ATTENTION
        row = rollout.standing.row
        assert (row.problem_host, row.problem_options) == (rollout.pool.host("xs-02").uuid, ("retry", "skip", "abort"))
        skip(rollout, "xs-02")
        assert rollout.drive() is State.SUCCEEDED
        assert (rollout.headline.code, rollout.headline.params["hosts"]) == ("rollout.succeeded_without", "xs-02")
        assert phases(rollout) == {"xs-01": TurnPhase.DONE, "xs-02": TurnPhase.SKIPPED, "xs-03": TurnPhase.DONE}
        rollout.assert_as_it_was()
        assert rollout.verdict.hosts_behind == ["xs-02"]
        assert rollout.verdict.reboots_by_host == {"xs-01": 1, "xs-02": 0, "xs-03": 1}
        assert len(rollout.effects("apply_failed")) == 1
        assert any("bob skips xs-02" in line for line in rollout.told())
        assert [entry.sentence for entry in rollout.audited() if "bob skips" in entry.sentence] != []


@pytest.mark.failure("host-skipped")
def test_a_host_that_never_returns_is_skipped_and_gets_back_what_is_owed_once_it_does() -> None:
    with rehearse(small(hosts=THREE)) as rollout:
        host = rollout.pool.host("xs-02")
        host.never_returns()
        assert rollout.carry_out() is State.NEEDS_ATTENTION
        assert rollout.problem.code == "host.not_back"
        skip(rollout, host.uuid)
        assert rollout.drive() is State.SUCCEEDED
        assert phases(rollout)["xs-03"] is TurnPhase.DONE
        assert {debt.kind for debt in rollout.owed.values()} >= {DebtKind.HA, DebtKind.HOST_ENABLED}
        assert rollout.ha_owed is not None
        assert rollout.ha_owed.waiting_for == "HOST_OFFLINE"
        host.never_returns(False)
        with rollout.clock() as beat:
            for _ in range(12):
                if rollout.owed:
                    rollout.wait(minutes=6)
                    beat()
        rollout.assert_as_it_was()
        assert rollout.verdict.reboots_by_host["xs-02"] == 1


@pytest.mark.failure("coordinator-skip-refused")
def test_the_coordinator_cannot_be_skipped() -> None:
    with rehearse(small()) as rollout:
        rollout.pool.host("xs-01").apply_fails(1)
        assert rollout.carry_out() is State.NEEDS_ATTENTION
        assert "skip" not in rollout.standing.row.problem_options
        with pytest.raises(NotAllowed, match="coordinator and cannot be skipped"):
            skip(rollout, "xs-01")
        assert rollout.state is State.NEEDS_ATTENTION
        assert rollout.retry() is State.SUCCEEDED


def test_a_host_that_has_not_had_its_turn_is_not_touched() -> None:
    with rehearse(small()) as rollout:
        rollout.when("apply_started", lambda: skip(rollout, "XS-02"), host="xs-01")
        assert rollout.carry_out() is State.SUCCEEDED
        rollout.assert_as_it_was()
        assert rollout.effects("host_disabled", host="xs-02") == []
        assert rollout.verdict.reboots_by_host == {"xs-01": 1, "xs-02": 0}


@pytest.mark.parametrize("moment", [DisableHost, ApplyUpdates, RebootHost])
def test_a_host_in_hand_is_given_back(moment: type[DisableHost | ApplyUpdates | RebootHost]) -> None:
    """What was decided just before the skip is not carried out; what cannot be left half done is finished."""
    with rehearse(small()) as rollout:
        rollout.before(moment, lambda: skip(rollout, "xs-02"), subject="xs-02")
        assert rollout.carry_out() is State.SUCCEEDED
        rollout.assert_as_it_was()
        # Once the call is on its way it is finished: an installed update is followed by its reboot.
        assert rollout.verdict.reboots_by_host == {"xs-01": 1, "xs-02": 0 if moment is DisableHost else 1}


def test_what_was_decided_just_before_a_skip_is_not_done() -> None:
    with rehearse(small()) as rollout:
        # The round in which xs-02 would be taken out of service, because the VMs of xs-01 are home again: what it knows
        # was read before the skip.
        rollout.when("vm_migrated", lambda: skip(rollout, "xs-02"), times=4)
        assert rollout.carry_out() is State.SUCCEEDED
        assert rollout.standing.row.skipped == [rollout.pool.host("xs-02").uuid]
        assert rollout.effects("host_disabled", host="xs-02") == []


def test_a_skip_survives_the_bot() -> None:
    with rehearse(small()) as rollout:
        rollout.pool.host("xs-02").apply_fails(99)
        rollout.carry_out()
        skip(rollout, "xs-02")

        def die() -> None:
            raise Killed

        rollout.script.at_round.append((lambda: True, die))
        with pytest.raises(Killed):
            rollout.drive()
        rollout.new_process()
        assert rollout.drive() is State.SUCCEEDED
        # No VM goes back to a host that is older than the one it runs on: that one waits for the host's update.
        assert {(name, debt.waiting_for) for name, debt in rollout.owed.items()} == {
            ("vm_home web-02", "NOT_SUPPORTED_DURING_UPGRADE")
        }
        assert (rollout.verdict.ha_restored, rollout.verdict.settings_changed) == (True, [])
        assert len(rollout.effects("apply_failed")) == 1


def test_vms_that_were_stopped_for_a_skipped_host_run_again() -> None:
    with rehearse(scene("pinned", hosts=THREE, vms=("gpu-01", "web-01"))) as rollout:
        rollout.pool.host("xs-02").apply_fails(99)
        rollout.ask(stopped_vms=StoppedVms.SHUTDOWN).approve()
        if rollout.drive() is State.NEEDS_ATTENTION:
            skip(rollout, "xs-02")
            assert rollout.drive() is State.SUCCEEDED
        assert rollout.verdict.violations == []
        assert rollout.verdict.vms_away == {}


def test_a_rollout_with_a_skipped_host_can_be_ended() -> None:
    with rehearse(small(hosts=THREE)) as rollout:
        rollout.pool.host("xs-02").never_returns()
        rollout.carry_out()
        skip(rollout, "xs-02")
        rollout.before(DisableHost, rollout.abort, subject="xs-03")
        assert rollout.drive() is State.ABORTED
        assert rollout.effects("apply_started", host="xs-03") == []


def test_what_cannot_be_skipped_is_refused_with_a_reason() -> None:
    with rehearse(small()) as rollout:
        rollout.ask()
        with pytest.raises(NotAllowed, match="awaiting approval"):
            skip(rollout, "xs-02")
        rollout.approve()
        rollout.pool.host("xs-02").apply_fails(1)
        assert rollout.drive() is State.NEEDS_ATTENTION
        with pytest.raises(NotAllowed, match="no host called 'xs-9'"):
            skip(rollout, "xs-9")
        with pytest.raises(NotAllowed, match="You cannot decide"):
            rollout.desk.skip(rollout.id, "xs-02", actor("mallory"))
        skip(rollout, "xs-02")
        with pytest.raises(NotAllowed, match="skipped already"):
            skip(rollout, "xs-02")
        rollout.abort()
        with pytest.raises(NotAllowed, match="aborting"):
            skip(rollout, "xs-02")


# -- pause and resume --------------------------------------------------------------------------------------------------


@pytest.mark.failure("left-paused")
def test_a_paused_rollout_begins_nothing_reminds_and_goes_on_where_it_was() -> None:
    with rehearse(small()) as rollout:
        rollout.when("apply_started", lambda: rollout.desk.pause(rollout.id, actor("bob")), host="xs-01")
        assert rollout.carry_out() is State.PAUSED
        with rollout.clock() as beat:
            beat()
            rollout.wait(minutes=20)
            beat()
            assert not any("Still paused" in line for line in rollout.told())
            rollout.wait(minutes=15)
            beat()
            beat()
            reminded = [line for line in rollout.told() if "Still paused" in line]
            assert len(reminded) == 1
            assert "for 35 minutes" in reminded[0]
            assert f"/xs resume {rollout.id}" in reminded[0]
        assert rollout.effects("host_rebooted") == []
        rollout.desk.resume(rollout.id, actor("carol"))
        assert rollout.drive() is State.SUCCEEDED
        rollout.assert_done()
        assert len(rollout.effects("apply_started", host="xs-01")) == 1


@pytest.mark.failure("nobody-answers")
def test_people_who_do_not_answer_are_reminded() -> None:
    with rehearse(small()) as rollout:
        rollout.pool.host("xs-02").apply_fails(1)
        rollout.carry_out()

        def calls() -> int:
            return sum("needs attention" in entry.message.text for entry in rollout.messages()) // 2

        before = calls()
        with rollout.clock() as beat:
            beat()
            rollout.wait(minutes=31)
            beat()
        assert calls() > before


@pytest.mark.failure("clock-killed")
@pytest.mark.parametrize("paused", [False, True], ids=["needs attention", "paused"])
def test_a_restart_neither_forgets_a_reminder_nor_repeats_it(paused: bool) -> None:
    """Each beat is another process: what was told and when is in the database."""
    with rehearse(small()) as rollout:
        if paused:
            rollout.when("apply_started", lambda: rollout.desk.pause(rollout.id, actor("bob")), host="xs-01")
        else:
            rollout.pool.host("xs-02").apply_fails(1)
        rollout.carry_out()

        def reminders() -> int:
            with rollout.database.reading() as tx:
                rows = tx.exec(select(OutboxRow)).all()
            if paused:
                return sum("rollout.still_paused" in str(row.payload) for row in rows)
            return sum(row.topic is Topic.ATTENTION for row in rows) - 1

        def beats_of_a_new_process() -> None:
            rollout.new_process()
            with rollout.clock() as beat:
                beat()
                beat()

        for minutes, told in ((20, 0), (9, 0), (3, 1), (10, 1), (19, 1), (2, 2)):
            rollout.wait(minutes=minutes)
            beats_of_a_new_process()
            assert reminders() == told, minutes


# -- debts -------------------------------------------------------------------------------------------------------------


@pytest.mark.failure("debt-a-day-old")
def test_a_debt_is_asked_about_after_a_day_and_again_each_day() -> None:
    with rehearse(scene("split-guidance")) as rollout:
        rollout.before(DisableHost, rollout.abort, subject="xs-02")
        assert rollout.carry_out() is State.ABORTED
        assert rollout.ha_owed is not None
        with rollout.clock() as beat:
            rollout.wait(minutes=23 * 60)
            beat()
            assert asked_for_debts(rollout) == 0
            rollout.wait(minutes=2 * 60)
            beat()
            beat()
            assert asked_for_debts(rollout) == 1
        # Another process does not ask again.
        with rollout.clock() as beat:
            beat()
            assert asked_for_debts(rollout) == 1
        told = next(entry for entry in rollout.messages() if "is owed something" in entry.message.text)
        assert told.channel == "C0UPDATES"
        assert "Restore now" in str(told.message.blocks)
        assert "high availability" in told.message.text
