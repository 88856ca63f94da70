"""Snapshot schedules are off while a rollout is at work and on again at every end, or people are told otherwise."""

from __future__ import annotations

import pytest

from bot.rollout.action import RebootHost, SetSnapshotSchedule
from bot.rollout.checks import Severity
from bot.rollout.lifecycle import State
from bot.rollout.memory import DebtKind
from bot.rollout.proposal import Choices
from bot.xen.gateway import Gateway

from .rehearsal import Killed, Rehearsal, actor, rehearse, small


def scheduled(rollout: Rehearsal) -> Rehearsal:
    """web-02 is covered by a schedule that takes a snapshot every 20 seconds."""
    rollout.pool.fault("snapshot_schedule", vm="web-02", seconds=20)
    rollout.pool.begin_here()
    return rollout


def at_work(rollout: Rehearsal) -> list[str]:
    return [schedule.name for schedule in rollout.gateway.snapshot(disks=False).schedules_at_work]


def test_a_schedule_is_off_for_the_run_and_on_again_at_its_end() -> None:
    with rehearse(small()) as rollout:
        scheduled(rollout).ask()
        assert "snapshots_off" in rollout.standing.spec.fixes
        rollout.approve()
        seen: list[list[str]] = []
        rollout.before(RebootHost, lambda: seen.append(at_work(rollout)))
        rollout.drive()
        rollout.assert_done()
        assert seen == [[]]
        assert at_work(rollout) == ["nightly"]
        assert rollout.calls("VMSS.set_enabled") == ["VMSS.set_enabled"] * 2
        assert {row.action for row in rollout.audited()} >= {"step.SetSnapshotSchedule"}


@pytest.mark.parametrize("end", ["abort", "failure"])
def test_it_comes_back_at_every_end(end: str) -> None:
    with rehearse(small(ha=False)) as rollout:
        scheduled(rollout).ask().approve()
        if end == "abort":
            rollout.before(RebootHost, rollout.abort)
            assert rollout.drive() is State.ABORTED
        else:
            rollout.before(SetSnapshotSchedule, lambda: rollout.pool.fault("evacuation_blocked", vm="web-02"))
            assert rollout.drive() is State.FAILED
        rollout.assert_as_it_was()
        assert at_work(rollout) == ["nightly"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("on", [False, True], ids=["off", "on"])
def test_killed_around_the_switch_it_ends_the_same(on: bool, when: str) -> None:
    with rehearse(small(ha=False, vms=("web-02",))) as rollout:
        scheduled(rollout).ask().approve()
        killed: list[bool] = []

        def kill(asked: object) -> None:
            if isinstance(asked, SetSnapshotSchedule) and asked.enabled is on and not killed:
                killed.append(True)
                raise Killed

        if when == "before":
            rollout.script.every_ask = kill
        else:
            rollout.script.every_asked = kill
        with pytest.raises(Killed):
            rollout.drive()
        rollout.new_process()
        rollout.drive()
        rollout.assert_done()
        assert at_work(rollout) == ["nightly"]


def test_a_schedule_that_somebody_removed_is_owed_to_nobody() -> None:
    with rehearse(small(ha=False)) as rollout:
        scheduled(rollout).ask().approve()
        rollout.before(RebootHost, lambda: rollout.pool.fault("snapshot_schedule", vm="web-02", on=False))
        assert rollout.drive() is State.SUCCEEDED
        assert rollout.owed == {}


def test_an_account_that_may_not_switch_it_is_warned_and_the_rollout_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Gateway.missing_permissions

    def lacks(gateway: Gateway, wanted: list[str]) -> tuple[str, ...]:
        return (*real(gateway, wanted), *(name for name in wanted if name == "vmss.set_enabled"))

    monkeypatch.setattr(Gateway, "missing_permissions", lacks)
    with rehearse(small(ha=False)) as rollout:
        report = scheduled(rollout).desk.preview("lab", Choices(), actor("alice")).report
        said = [(entry.severity, entry.reason.code) for entry in report.findings if entry.check == "snapshot_schedules"]
        assert said == [(Severity.WARNS, "check.snapshots_stay_on")]
        assert not report.blocked
        rollout.ask().approve().drive()
        # The snapshots of the schedule may hold up a move, and do not end the rollout.
        rollout.assert_done()
        assert rollout.calls("VMSS.set_enabled") == []
        assert rollout.effects("vm_snapshot", by="schedule") != []
        assert DebtKind.SNAPSHOT_SCHEDULE not in {debt.kind for debt in rollout.owed.values()}
