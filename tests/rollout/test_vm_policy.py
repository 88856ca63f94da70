"""VMs with a rule of their own, on a simulated pool: stopped, left alone or only moved, in order, whatever happens."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.lab.scenario import VmSpec
from bot.rollout.action import ResumeVm, SuspendVm
from bot.rollout.checks import Severity
from bot.rollout.guidance import Level
from bot.rollout.lifecycle import State
from bot.rollout.proposal import Choices
from bot.rollout.spec import Preset, VmRestarts
from bot.rollout.vm_policy import wishes_of

from .rehearsal import Killed, Rehearsal, actor, rehearse, scene, small

BOTH = pytest.mark.parametrize("preset", [Preset.SERIAL, Preset.STANDARD], ids=str)
SUSPENDING = {"vms": {"tags": ["batch=suspend"]}}


def tag(rollout: Rehearsal, vm: str, name: str) -> None:
    ref = next(entry.ref for entry in rollout.gateway.snapshot().vms if entry.name == vm)
    rollout.somebody("VM.add_tags", ref, name)
    rollout.pool.begin_here()


def of(rollout: Rehearsal, vm: str) -> list[str]:
    """What happened to the VM, in order."""
    return [effect.kind for effect in rollout.pool.effects if effect.vm == vm and effect.kind.startswith("vm_")]


@BOTH
def test_a_vm_with_a_tag_is_suspended_for_its_hosts_turn_and_never_moved(preset: Preset) -> None:
    with rehearse(small(), pool_settings=SUSPENDING) as rollout:
        tag(rollout, "dns-01", "batch")
        rollout.ask(preset=preset)
        assert [(vm.name, vm.treatment.value) for vm in rollout.standing.spec.vms] == [("dns-01", "suspend")]
        rollout.approve().drive()
        rollout.assert_done()
        assert of(rollout, "dns-01") == ["vm_suspended", "vm_resumed"]
        assert "vm_migrated" in of(rollout, "web-01")


def test_a_tag_taken_away_after_the_request_changes_nothing_and_one_set_later_neither() -> None:
    with rehearse(small(ha=False), pool_settings=SUSPENDING) as rollout:
        tag(rollout, "dns-01", "batch")
        rollout.ask()
        snapshot = rollout.gateway.snapshot()
        refs = {vm.name: vm.ref for vm in snapshot.vms}
        rollout.somebody("VM.remove_tags", refs["dns-01"], "batch")
        rollout.somebody("VM.add_tags", refs["web-02"], "batch")
        rollout.approve().drive()
        assert of(rollout, "dns-01") == ["vm_suspended", "vm_resumed"]
        assert "vm_suspended" not in of(rollout, "web-02")


@BOTH
def test_a_vm_that_is_left_keeps_its_host_out_of_the_rollout(preset: Preset) -> None:
    with rehearse(small(hosts=("xs-01", "xs-02", "xs-03"), ha=False)) as rollout:
        rollout.ask(preset=preset, vms=wishes_of("web-02=leave"))
        assert [name for _, name in rollout.standing.spec.left_out] == ["xs-02"]
        assert rollout.approve().drive() is State.SUCCEEDED
        assert of(rollout, "web-02") == []
        assert rollout.verdict.hosts_behind == ["xs-02"]
        assert rollout.effects("host_disabled", host="xs-02") == []


def test_a_vm_that_is_left_and_came_to_another_host_makes_the_rollout_ask() -> None:
    with rehearse(small(hosts=("xs-01", "xs-02", "xs-03"), ha=False)) as rollout:
        snapshot = rollout.gateway.snapshot()
        refs = {vm.name: vm.ref for vm in snapshot.vms} | {host.name: host.ref for host in snapshot.hosts}
        rollout.ask(vms=wishes_of("web-02=leave")).approve()
        move = ("VM.pool_migrate", refs["web-02"], refs["xs-03"], {"live": "true"})
        rollout.when("host_ready", lambda: rollout.somebody(*move), host="xs-01")
        assert rollout.drive() is State.NEEDS_ATTENTION
        assert (rollout.problem.code, rollout.problem.params["host"]) == ("host.vm_must_stay", "xs-03")
        assert of(rollout, "web-02") == ["vm_migrated"]
        rollout.desk.skip(rollout.id, "xs-03", actor("bob"))
        assert rollout.drive() is State.SUCCEEDED
        assert of(rollout, "web-02") == ["vm_migrated"]


@BOTH
def test_vms_of_one_host_go_down_and_come_back_in_their_order(preset: Preset) -> None:
    more = [VmSpec(name, "xs-02", 2) for name in ("app", "db")]
    with rehearse(small(more=more, ha=False)) as rollout:
        rollout.ask(preset=preset, vms=wishes_of("db=shutdown:10, app=shutdown:20")).approve().drive()
        rollout.assert_done()
        stops = [effect.vm for effect in rollout.effects("vm_shut_down")]
        starts = [effect.vm for effect in rollout.effects("vm_started")]
        assert (stops, starts) == (["app", "db"], ["db", "app"])


def test_one_vm_at_a_time_where_that_was_chosen() -> None:
    more = [VmSpec(f"batch-{number}", "xs-02", 2) for number in range(3)]
    wishes = wishes_of(",".join(f"batch-{number}=suspend" for number in range(3)))
    with rehearse(small(more=more, ha=False)) as rollout:
        most = 0

        def look() -> None:
            nonlocal most
            running = [vm["current_operations"].values() for _, vm in rollout.pool.world.db.items("VM")]
            most = max(most, sum("suspend" in operations for operations in running))

        rollout.script.every_asked = lambda _: look()
        rollout.ask(vms=wishes, vms_at_once=1).approve().drive()
        rollout.assert_done()
        assert most == 1


@pytest.mark.parametrize("action", [SuspendVm, ResumeVm], ids=lambda kind: str(kind.__name__))
def test_killed_around_a_chosen_stop_it_ends_the_same(action: type) -> None:
    with rehearse(small(ha=False)) as rollout:
        rollout.ask(vms=wishes_of("dns-01=suspend")).approve()
        killed: list[bool] = []

        def kill(asked: object) -> None:
            if isinstance(asked, action) and not killed:
                killed.append(True)
                raise Killed

        rollout.script.every_asked = kill
        with pytest.raises(Killed):
            rollout.drive()
        rollout.new_process()
        rollout.drive()
        rollout.assert_done()
        assert of(rollout, "dns-01") == ["vm_suspended", "vm_resumed"]


def test_an_abort_brings_a_chosen_stop_back() -> None:
    with rehearse(small(ha=False)) as rollout:
        rollout.ask(vms=wishes_of("dns-01=shutdown")).approve()
        rollout.when("vm_shut_down", rollout.abort)
        assert rollout.drive() is State.ABORTED
        rollout.assert_as_it_was()


def test_at_an_abort_a_vm_that_does_not_come_back_keeps_no_later_one_waiting() -> None:
    more = [VmSpec(name, "xs-02", 2) for name in ("app", "db")]
    with rehearse(small(more=more, ha=False)) as rollout:
        rollout.ask(vms=wishes_of("db=shutdown:10, app=shutdown:20")).approve()
        rollout.pool.fault("call_fails", method="VM.start_on", code="SR_BACKEND_FAILURE_46, , The SR is busy,")
        assert rollout.drive() is State.NEEDS_ATTENTION
        rollout.abort()
        rollout.drive()
        assert "app" in {effect.vm for effect in rollout.effects("vm_started")}


# -- restarts that guidance asks for ---------------------------------------------------------------------------


def restarts(rollout: Rehearsal) -> dict[str, list[str]]:
    """The hosts on which each VM started anew."""
    found: dict[str, list[str]] = {}
    for effect in rollout.pool.effects:
        if effect.kind in ("vm_started", "vm_rebooted"):
            found.setdefault(effect.vm, []).append(effect.host)
    return found


@BOTH
def test_restarts_that_need_not_wait_happen_where_the_vm_is_and_it_still_comes_home(preset: Preset) -> None:
    with rehearse(scene("split-guidance")) as rollout:
        rollout.ask(level=Level.FULL, preset=preset, vm_restarts=VmRestarts.NOW).approve().drive()
        rollout.assert_done()
        assert {vm: len(hosts) for vm, hosts in restarts(rollout).items()} == {"web-01": 1, "dns-01": 1, "web-02": 1}
        if preset is Preset.SERIAL:
            # It had left for the coordinator, which was updated by then.
            assert restarts(rollout)["web-02"] == ["xs-01"]
        assert all(vm.pending == {"mandatory": [], "recommended": [], "full": []} for vm in rollout.pool.vms)


def test_restarts_are_left_pending_where_that_was_chosen_and_the_thread_says_so() -> None:
    with rehearse(scene("split-guidance")) as rollout:
        rollout.ask(level=Level.FULL, vm_restarts=VmRestarts.PENDING)
        assert rollout.standing.spec.vms == ()
        rollout.approve().drive()
        rollout.assert_done()
        assert restarts(rollout) == {}
        assert any("restart_vm" in vm.pending["full"] for vm in rollout.pool.vms)
        assert any("web-01" in line and "pending" in line for line in rollout.told())


def test_a_device_model_is_not_restarted_without_the_tools_that_it_takes() -> None:
    with rehearse(scene("toolstack-only")) as rollout:
        snapshot = rollout.gateway.snapshot()
        assert snapshot.vms
        for vm in ("web-01", "web-02"):
            ref = next(entry.ref for entry in snapshot.vms if entry.name == vm)
            rollout.pool.world.db.set("VM", ref, pending_guidances_recommended=["restart_device_model"])
        rollout.pool.fault("tools_missing", vm="web-02")
        rollout.pool.begin_here()
        rollout.carry_out()
        assert {effect.vm for effect in rollout.effects("device_model_restarted")} == {"web-01"}
        assert not [key for key in rollout.intents() if key.startswith("RestartDeviceModel") and "web-02" in key]
        assert len([key for key in rollout.intents() if key.startswith("RestartDeviceModel")]) == 1


# -- how VMs travel ----------------------------------------------------------------------------------------------


def address(rollout: Rehearsal, *hosts: str) -> None:
    """Give these hosts an address on the guests' network."""
    db = rollout.pool.world.db
    for ref, pif in db.items("PIF"):
        if pif["device"] == "eth1" and db.get("host", pif["host"], "name_label") in hosts:
            db.set("PIF", ref, IP="10.9.0.1")


@BOTH
def test_vms_move_over_the_network_of_the_configuration_away_and_home(preset: Preset) -> None:
    with rehearse(small(ha=False), pool_settings={"vms": {"network": "Guests", "evacuate_at_once": 1}}) as rollout:
        address(rollout, "xs-01", "xs-02")
        choices = replace(rollout.desk.usual("lab"), preset=preset)
        standing = rollout.desk.propose("lab", choices, actor("alice"), "", "C0UPDATES")
        rollout.id, rollout.digest = standing.row.id, standing.digest
        assert (standing.spec.network[1], standing.spec.evacuate_at_once) == ("Guests", 1)
        rollout.approve().drive()
        rollout.assert_done()
        moves = rollout.effects("vm_migrated")
        assert len(moves) >= 6
        assert {effect.detail["network"] for effect in moves} == {"Guests"}


def test_a_network_on_which_a_host_has_no_address_blocks_and_names_the_host() -> None:
    with rehearse(small(ha=False)) as rollout:
        address(rollout, "xs-01")
        for network, code in (("Guests", "check.network_without_address"), ("Gusts", "check.network_unknown")):
            report = rollout.desk.preview("lab", Choices(network=network), actor("alice")).report
            (finding,) = [entry for entry in report.findings if entry.check == "migration_network"]
            assert (finding.severity, finding.reason.code) == (Severity.BLOCKS, code)
            assert finding.reason.params.get("hosts", "xs-02") == "xs-02"


def test_xapi_empties_a_host_one_vm_at_a_time_where_that_was_chosen() -> None:
    with rehearse(small(ha=False)) as rollout:
        most = 0

        def look() -> None:
            nonlocal most
            running = [vm["current_operations"].values() for _, vm in rollout.pool.world.db.items("VM")]
            most = max(most, sum("pool_migrate" in operations for operations in running))

        rollout.script.every_round = look
        rollout.ask(evacuate_at_once=1, vms_at_once=1).approve().drive()
        rollout.assert_done()
        assert most == 1
