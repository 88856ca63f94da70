"""Several hosts at once: the planned presets, from request to outcome, on simulated pools."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.lab.scenario import HostSpec, Scenario, VmSpec
from bot.rollout.action import MigrateVm
from bot.rollout.lifecycle import State
from bot.rollout.spec import Placement, Preset, StoppedVms

from .rehearsal import Killed, Rehearsal, actor, rehearse, scene
from .test_killed import assert_nothing_happened_twice, live_again_and_again, once_each

STANDARD = Preset.STANDARD
NAMES = tuple(f"xs-{number:02}" for number in range(1, 5))


def rack(*more: VmSpec, hosts: int = 4, vms: str = "ab") -> Scenario:
    """Hosts of 64 GiB with VMs of 12 GiB each."""
    names = NAMES[:hosts]
    made = tuple(VmSpec(f"vm-{name}-{letter}", name, 12) for name in names for letter in vms)
    return replace(scene("small"), hosts=tuple(HostSpec(name, 64) for name in names), vms=(*made, *more))


def assert_rolled(rollout: Rehearsal) -> None:
    """Every host is updated, nothing forbidden happened, nothing is owed; VMs run, wherever they are."""
    verdict = rollout.verdict
    assert rollout.state is State.SUCCEEDED, rollout.headline
    assert (verdict.violations, verdict.hosts_behind, verdict.vm_downtime) == ([], [], {})
    assert (verdict.ha_restored, verdict.settings_changed, rollout.owed) == (True, [], {})
    assert all(count == 1 for count in verdict.reboots_by_host.values())


@pytest.mark.parametrize("preset", [Preset.GENTLE, Preset.STANDARD, Preset.FAST])
def test_every_host_is_updated_and_each_vm_moves_little(preset: Preset) -> None:
    with rehearse(rack()) as rollout:
        rollout.ask(preset=preset, placement=Placement.LEAVE).approve()
        rollout.drive()
        assert_rolled(rollout)
        # Away and back would be two moves for each of the eight VMs.
        assert rollout.verdict.migrations <= 12
        assert rollout.effects("apply_started")[0].host == "xs-01"
        assert rollout.effects("host_rebooted")[0].host == "xs-01"
        assert rollout.calls("host.evacuate") == []


def test_placement_home_brings_every_vm_back() -> None:
    with rehearse(rack()) as rollout:
        rollout.ask(preset=STANDARD).approve()
        rollout.drive()
        rollout.assert_done()
        assert rollout.verdict.migrations <= 18


def test_people_read_each_line_once() -> None:
    with rehearse(rack()) as rollout:
        rollout.ask(preset=STANDARD, placement=Placement.LEAVE).approve()
        rollout.drive()
        told = rollout.told()
        assert len([line for line in told if "its VMs begin to leave" in line]) == 4
        assert len([line for line in told if " is done after " in line]) == 4


def test_nothing_is_in_flight_when_the_coordinator_goes_and_one_host_installs_at_a_time() -> None:
    with rehearse(rack()) as rollout:
        rollout.ask(preset=Preset.FAST, placement=Placement.LEAVE).approve()
        rollout.drive()
        assert_rolled(rollout)
        installing = 0
        for effect in rollout.pool.effects:
            installing += {"apply_started": 1, "apply_done": -1}.get(effect.kind, 0)
            assert installing in (0, 1)
        gone = next(effect.at for effect in rollout.effects("coordinator_lost"))
        back = next(effect.at for effect in rollout.effects("host_ready", host="xs-01"))
        assert not [moved for moved in rollout.effects("vm_migrated") if gone <= moved.at < back]


@pytest.mark.parametrize("asked", [False, True], ids=["before XAPI is asked", "before the answer is written down"])
def test_killed_at_every_action(asked: bool) -> None:
    with rehearse(rack(hosts=3, vms="a")) as rollout:
        rollout.ask(preset=STANDARD).approve()
        die = once_each()
        if asked:
            rollout.script.every_asked = die
        else:
            rollout.script.every_ask = die
        assert live_again_and_again(rollout) > 15
        rollout.assert_done()
        assert_nothing_happened_twice(rollout)


def test_killed_at_every_third_look() -> None:
    with rehearse(rack(hosts=3, vms="a")) as rollout:
        rollout.ask(preset=STANDARD, placement=Placement.LEAVE).approve()
        looks = 0

        def die_now_and_then() -> None:
            nonlocal looks
            looks += 1
            if looks % 3 == 0:
                raise Killed

        rollout.script.every_round = die_now_and_then
        assert live_again_and_again(rollout) > 8
        assert_rolled(rollout)
        assert_nothing_happened_twice(rollout)


def test_a_move_that_fails_is_tried_elsewhere() -> None:
    with rehearse(rack()) as rollout:
        rollout.pool.fault("migration_fails", vm="vm-xs-02-a", times=1)
        rollout.ask(preset=STANDARD, placement=Placement.LEAVE).approve()
        rollout.drive()
        assert_rolled(rollout)
        failed = rollout.effects("migration_failed")
        assert len(failed) == 1
        moved = [effect for effect in rollout.effects("vm_migrated") if effect.vm == "vm-xs-02-a"]
        assert moved[0].detail["to"] != failed[0].detail["to"]


@pytest.mark.parametrize("times", [2, 9])
def test_hosts_that_cannot_be_reached_for_a_while_do_not_make_the_pool_smaller(times: int) -> None:
    # Members find a restarted coordinator again at their own pace; until then moves from and to them are refused.
    with rehearse(rack(hosts=3)) as rollout:
        rollout.when(
            "host_ready",
            lambda: rollout.pool.fault("call_fails", method="VM.pool_migrate", code="CANNOT_CONTACT_HOST", times=times),
            host="xs-01",
        )
        rollout.ask(preset=STANDARD).approve()
        rollout.drive()
        rollout.assert_done()
        assert rollout.calls("host.evacuate") == []
        assert not [line for line in rollout.told() if "no place was found" in line]


def test_a_vm_that_nobody_takes_parks_its_host_until_people_help() -> None:
    with rehearse(rack()) as rollout:
        rollout.when("host_rebooted", lambda: rollout.pool.fault("evacuation_blocked", vm="vm-xs-03-a"), host="xs-01")
        rollout.ask(preset=STANDARD, placement=Placement.LEAVE).approve()
        assert rollout.drive() is State.NEEDS_ATTENTION
        assert rollout.problem.code == "vm.will_not_move"
        assert rollout.problem.params["vm"] == "vm-xs-03-a"
        assert rollout.verdict.hosts_behind == ["xs-03"]
        rollout.pool.fault("evacuation_blocked", vm="vm-xs-03-a", on=False)
        rollout.retry()
        assert_rolled(rollout)


def test_a_vm_that_nobody_takes_parks_the_coordinator_and_no_member_goes_before_it() -> None:
    with rehearse(rack()) as rollout:
        rollout.pool.fault("migration_fails", vm="vm-xs-01-a", times=99)
        rollout.ask(preset=STANDARD).approve()
        assert rollout.drive() is State.NEEDS_ATTENTION
        assert rollout.problem.code == "vm.will_not_move"
        assert rollout.problem.params["vm"] == "vm-xs-01-a"
        assert rollout.effects("apply_started") == []
        assert len([line for line in rollout.told() if "its VMs begin to leave" in line]) == 1
        rollout.pool.fault("migration_fails", vm="vm-xs-01-a", times=0)
        rollout.retry()
        assert_rolled(rollout)


def test_a_member_that_never_returns_is_the_only_one_lost() -> None:
    with rehearse(rack()) as rollout:
        for name in NAMES[1:]:
            rollout.pool.fault("host_never_returns", host=name)
        rollout.ask(preset=STANDARD, placement=Placement.LEAVE).approve()
        assert rollout.drive() is State.NEEDS_ATTENTION
        assert rollout.problem.code == "host.not_back"
        assert len(rollout.effects("host_rebooted")) == 2
        assert rollout.verdict.violations == []
        assert rollout.verdict.vm_downtime == {}


def test_an_abort_in_the_middle_brings_everything_back_that_may_go() -> None:
    with rehearse(rack()) as rollout:
        rollout.ask(preset=STANDARD).approve()
        rollout.when("host_rebooted", rollout.abort, times=3)
        assert rollout.drive() is State.ABORTED
        verdict = rollout.verdict
        assert verdict.violations == []
        assert verdict.settings_changed == []
        assert all(debt.kind.value in ("vm_home", "ha") for debt in rollout.owed.values())


def test_it_pauses_where_people_asked_for_it() -> None:
    with rehearse(rack()) as rollout:
        rollout.ask(preset=STANDARD, placement=Placement.LEAVE, pause_points=("coordinator", "canary")).approve()
        assert rollout.drive() is State.PAUSED
        assert len(rollout.effects("host_rebooted")) == 1
        rollout.desk.resume(rollout.id, actor("bob"))
        assert rollout.drive() is State.PAUSED
        assert len(rollout.effects("host_rebooted")) == 2
        rollout.desk.resume(rollout.id, actor("bob"))
        rollout.drive()
        assert_rolled(rollout)


def test_serial_pauses_too() -> None:
    with rehearse(scene("small")) as rollout:
        rollout.ask(pause_points=("coordinator",)).approve()
        assert rollout.drive() is State.PAUSED
        assert [effect.host for effect in rollout.effects("host_rebooted")] == ["xs-01"]
        rollout.desk.resume(rollout.id, actor("bob"))
        rollout.drive()
        rollout.assert_done()


def test_order_and_hosts_left_out() -> None:
    with rehearse(rack()) as rollout:
        rollout.ask(
            preset=STANDARD, placement=Placement.LEAVE, order=("xs-04",), left_out=("xs-03",), max_out=1
        ).approve()
        assert rollout.drive() is State.SUCCEEDED
        rebooted = [effect.host for effect in rollout.effects("host_rebooted")]
        assert rebooted[:2] == ["xs-01", "xs-04"]
        assert "xs-03" not in rebooted
        assert rollout.verdict.hosts_behind == ["xs-03"]


def test_what_cannot_move_stops_for_its_hosts_turn() -> None:
    with rehearse(rack(VmSpec("cache-01", "xs-02", 4, local=True))) as rollout:
        rollout.ask(preset=STANDARD, stopped_vms=StoppedVms.SUSPEND).approve()
        rollout.drive()
        assert rollout.state is State.SUCCEEDED, rollout.headline
        rollout.assert_as_it_was()
        # Suspended right before the installation, resumed as soon as its host is back.
        assert list(rollout.verdict.vm_downtime) == ["cache-01"]
        assert rollout.verdict.vm_downtime["cache-01"] < 110


def test_an_abort_while_vms_leave_brings_them_home() -> None:
    with rehearse(rack(hosts=3, vms="a")) as rollout:
        rollout.ask(preset=STANDARD).approve()
        rollout.before(MigrateVm, rollout.abort)
        assert rollout.drive() is State.ABORTED
        rollout.assert_as_it_was()
        assert rollout.effects("apply_started") == []


def test_a_vm_that_is_kept_apart_goes_where_no_other_of_its_group_is() -> None:
    kept = tuple(VmSpec(f"db-{number}", f"xs-{number:02}", 12) for number in (1, 2, 3))
    # If nobody minded, it would go to a host that is emptier than the one without any of them.
    filling = VmSpec("web-01", "xs-04", 24)
    with rehearse(replace(rack(vms=""), vms=(*kept, filling))) as rollout:
        rollout.pool.fault("kept_apart")
        alone = rollout.pool.vm(filling.name).ref
        rollout.pool.run(lambda: rollout.pool.world.db.set("VM", alone, groups=[]))
        places: list[str] = []
        rollout.when(
            "host_rebooted", lambda: places.extend(rollout.pool.vm(vm.name).resident_on for vm in kept), host="xs-01"
        )
        rollout.ask(preset=Preset.GENTLE, placement=Placement.LEAVE).approve()
        rollout.drive()
        assert_rolled(rollout)
        assert places == ["xs-04", "xs-02", "xs-03"]
