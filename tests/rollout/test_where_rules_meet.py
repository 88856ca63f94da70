"""Where the plan, the gate, amendments, kinds and ends meet: each rule holds by itself and beside the others."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.rollout.kind import Kind
from bot.rollout.lifecycle import State
from bot.rollout.memory import DebtKind
from bot.rollout.spec import Placement, Preset

from .rehearsal import _FAST, Rehearsal, rehearse
from .test_kinds import leave_pending
from .test_rolling import STANDARD, assert_rolled, rack


def test_a_member_that_people_took_out_does_not_keep_the_coordinator_from_restarting() -> None:
    scenario = rack(vms="a")
    scenario = replace(scenario, vms=tuple(vm for vm in scenario.vms if vm.host != "xs-03"))
    with rehearse(scenario) as rollout:
        rollout.somebody("host.disable", rollout.pool.host("xs-03").ref)
        rollout.ask(preset=STANDARD).approve()
        rollout.drive()
        assert_rolled(rollout)


def test_a_coordinator_that_only_restarts_its_toolstack_is_no_dead_end() -> None:
    with rehearse(rack(hosts=3, vms="a")) as rollout:
        for name in ("xs-01", "xs-02"):
            leave_pending(rollout, name, pending_guidances_recommended=["restart_toolstack"])
        rollout.ask(preset=STANDARD, kind=Kind.TASKS).approve()
        assert rollout.drive() is State.SUCCEEDED, rollout.headline
        restarted = [effect.host for effect in rollout.effects("toolstack_restarted")]
        assert restarted == ["xs-01", "xs-02"]


@pytest.mark.parametrize("preset", [Preset.SERIAL, STANDARD])
def test_an_aborted_restart_that_xapi_insists_on_is_the_way_back(preset: Preset) -> None:
    with rehearse(rack(hosts=3, vms="a")) as rollout:
        leave_pending(rollout, "xs-02", pending_guidances=["reboot_host"])
        rollout.ask(preset=preset, kind=Kind.TASKS).approve()
        rollout.when("host_disabled", rollout.abort, host="xs-02")
        assert rollout.drive() is State.ABORTED, rollout.headline
        assert rollout.pool.host("xs-02").enabled
        assert not any(debt.kind is DebtKind.HOST_ENABLED for debt in rollout.owed.values())


def test_an_abort_waits_for_what_is_in_flight_before_the_coordinator_restarts() -> None:
    slow = replace(_FAST, apply=90.0, migration_gib_per_s=0.4)
    with rehearse(replace(rack(), durations=slow)) as rollout:
        rollout.ask(preset=Preset.FAST).approve()

        def installing_for_a_while() -> bool:
            began = rollout.effects("apply_started", host="xs-01")
            return bool(began) and rollout.time.now() - began[0].at >= timedelta(seconds=60)

        rollout.script.at_round.append((installing_for_a_while, rollout.abort))
        assert rollout.drive() is State.ABORTED, rollout.headline
        assert [lost.detail.get("vms") for lost in rollout.effects("coordinator_lost")] == [[]]
        assert rollout.verdict.violations == []


def other_updates(rollout: Rehearsal) -> None:
    """Somebody synchronises again, and the vendor has newer updates."""
    rollout.pool.fault("foreign_sync")


def test_hosts_that_are_done_have_another_turn_when_other_updates_are_agreed_on() -> None:
    with rehearse(rack()) as rollout:
        rollout.when("host_enabled", lambda: other_updates(rollout), times=2)
        rollout.ask(preset=STANDARD, placement=Placement.LEAVE).approve()
        rollout.drive()
        for _ in range(6):
            if rollout.state is not State.NEEDS_ATTENTION or "checksum" in rollout.offered():
                break
            rollout.wait(minutes=5)
            rollout.retry()
        rollout.amend("checksum")
        rollout.agree()
        assert rollout.state is State.SUCCEEDED, rollout.headline
        verdict = rollout.verdict
        assert (verdict.violations, verdict.hosts_behind, verdict.vm_downtime) == ([], [], {})
        assert rollout.owed == {}
