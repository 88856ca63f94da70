"""Each precheck on a simulated pool: a condition switched on makes it speak, switched off makes it silent again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from bot.lab.scenario import VmSpec
from bot.rollout.checks import CHECKS, Facts, Report, Severity, run_checks
from bot.rollout.equipment import GuestTools
from bot.rollout.fixes import Remedy
from bot.rollout.guidance import Level
from bot.rollout.proposal import Choices
from bot.rollout.spec import Preset, StoppedVms

from .rehearsal import Rehearsal, actor, rehearse, scene, small

BLOCKS, WARNS, INFORMS = Severity.BLOCKS, Severity.WARNS, Severity.INFORMS
HOST, VM, NONE = {"host": "xs-02"}, {"vm": "web-02"}, dict[str, Any]()
SUSPEND = Choices(stopped_vms=StoppedVms.SUSPEND)

#: condition, its arguments, the check that must speak, its severity and reason, and what was chosen.
CASES: list[tuple[str, dict[str, Any], str, Severity, str, Choices]] = [
    ("licence_without_updates", NONE, "licence", BLOCKS, "check.licence_without_updates", Choices()),
    ("licence_expired", HOST, "licence", WARNS, "check.licence_ended", Choices()),
    ("old_toolstack", HOST, "toolstack_version", BLOCKS, "check.toolstack_old", Choices()),
    ("never_synced", NONE, "last_sync", BLOCKS, "check.never_synced", Choices()),
    ("synced_long_ago", NONE, "last_sync", WARNS, "check.sync_stale", Choices()),
    ("updates_unknown", HOST, "updates_known", BLOCKS, "check.host_unknown", Choices()),
    ("toolstack_unreachable", HOST, "host_answers", BLOCKS, "check.host_silent", Choices()),
    ("somebody_works_on_host", HOST, "other_operations", BLOCKS, "check.host_busy", Choices()),
    ("backup_running", VM, "backups_running", WARNS, "check.vm_busy", Choices()),
    ("snapshot_schedule", VM, "snapshot_schedules", INFORMS, "check.snapshots_on", Choices()),
    ("secret_rotation_unfinished", NONE, "secret_rotation", BLOCKS, "check.secret_rotation_pending", Choices()),
    ("mandatory_pending", HOST, "pending_mandatory", BLOCKS, "check.pending_host", Choices()),
    ("interrupted_upgrade", NONE, "versions_mixed", WARNS, "check.versions_mixed", Choices()),
    ("other_update_level", HOST, "update_levels", INFORMS, "check.update_levels_differ", Choices()),
    ("host_in_maintenance", HOST, "disabled_hosts", WARNS, "check.host_disabled", Choices()),
    ("updated_long_ago", HOST, "update_age", WARNS, "check.update_level_old", Choices()),
    ("disk_full", HOST, "disk_space", WARNS, "check.disk_alarm", Choices()),
    ("clock_off", HOST, "clocks", WARNS, "check.clock_off", Choices()),
    ("link_down", HOST, "network_links", WARNS, "check.link_down", Choices()),
    ("bond_degraded", HOST, "network_links", WARNS, "check.bond_degraded", Choices()),
    ("storage_unplugged", HOST, "storage_plugged", BLOCKS, "check.storage_missing", Choices()),
    ("clustered_storage", NONE, "clustered_storage", WARNS, "check.storage_clustered", Choices()),
    ("other_processor", HOST, "cpu_levels", WARNS, "check.cpu_differs", Choices()),
    ("ha_overcommitted", NONE, "ha_plan", WARNS, "check.ha_plan_broken", Choices()),
    ("local_cd", VM, "discs_in_drives", BLOCKS, "check.disc_in_drive", Choices()),
    ("tools_missing", VM, "guest_tools", WARNS, "check.tools_missing", Choices()),
    ("tools_missing", VM, "evacuation_possible", BLOCKS, "check.evacuation.no_tools", Choices()),
    ("tools_old", VM, "guest_tools", INFORMS, "check.tools_old", Choices()),
    ("vgpu", VM, "evacuation_possible", BLOCKS, "check.evacuation.device", Choices()),
    ("usb_device", VM, "evacuation_possible", BLOCKS, "check.evacuation.device", Choices()),
    ("kept_apart", NONE, "anti_affinity", INFORMS, "check.group_crowded", Choices()),
    ("vswitch_controller", NONE, "retired_features", WARNS, "check.retired.vswitch_controller", Choices()),
    ("legacy_tls", HOST, "retired_features", WARNS, "check.retired.legacy_tls", Choices()),
    ("power_on_by_ilo", HOST, "retired_features", WARNS, "check.retired.ilo", Choices()),
    ("paravirtual", VM, "retired_features", WARNS, "check.retired.paravirtual", Choices()),
    ("container_managed", VM, "retired_features", WARNS, "check.retired.containers", Choices()),
]
#: Checks that the pool's own scenario or a test elsewhere makes speak.
ELSEWHERE = {
    "repository": "test_without_an_update_channel",
    "nothing_to_do": "test_an_up_to_date_pool",
    "hosts_live": "tests/rollout/test_trouble.py",
    "claim": "tests/rollout/test_other_people.py",
    "no_sync_running": "test_a_sync_at_work",
    "coordinator_pending": "test_a_coordinator_that_waits",
    "livepatch_failed": "test_an_old_failed_live_patch",
    "live_patching": "test_live_patching_switched_off",
    "ha": "test_a_healthy_pool",
    "room": "test_too_little_memory_is_seen_although_ha_is_on",
    "memory_room": "test_too_little_memory_is_seen_although_ha_is_on",
    "suspend_space": "test_no_room_for_a_suspended_vm",
    "wlb": "test_live_patching_switched_off",
    "auto_poweron": "test_automatic_power_on",
    "sync_schedule": "test_a_healthy_pool",
    "migration_network": "tests/rollout/test_vm_policy.py",
    "vm_rules": "tests/rollout/test_vm_policy.py",
}


@pytest.fixture(scope="module")
def pool() -> Iterator[Rehearsal]:
    with rehearse(small()) as rehearsal:
        yield rehearsal


def report(pool: Rehearsal, choices: Choices = Choices()) -> Report:  # noqa: B008
    return pool.desk.preview("lab", choices, actor("alice")).report


def said(found: Report, check: str) -> list[tuple[Severity, str]]:
    return [(entry.severity, entry.reason.code) for entry in found.findings if entry.check == check]


def test_a_healthy_pool_is_only_told_what_is_taken_care_of(pool: Rehearsal) -> None:
    found = report(pool)
    assert not found.blocked
    assert {(entry.check, entry.severity) for entry in found.findings} == {
        ("ha", INFORMS),
        ("sync_schedule", INFORMS),
        ("evacuation_possible", INFORMS),
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[2]}")
def test_a_condition_makes_its_check_speak(
    pool: Rehearsal, case: tuple[str, dict[str, Any], str, Severity, str, Choices]
) -> None:
    name, arguments, check, severity, code, choices = case
    pool.pool.fault(name, **arguments)
    try:
        found = report(pool, choices)
    finally:
        pool.pool.fault(name, **arguments, on=False)
    assert (severity, code) in said(found, check), found.findings
    assert found.blocked or severity is not BLOCKS


def test_switched_off_they_all_fall_silent(pool: Rehearsal) -> None:
    """After every condition was on and off again (runs last in this file's order on the shared pool)."""
    for name, arguments, *_ in CASES:
        pool.pool.fault(name, **arguments, on=False)
    assert {entry.check for entry in report(pool).findings} == {"ha", "sync_schedule", "evacuation_possible"}


def test_every_check_is_made_to_speak_by_a_pool() -> None:
    assert {case[2] for case in CASES} | set(ELSEWHERE) == {check.name for check in CHECKS}
    assert not {case[2] for case in CASES} & set(ELSEWHERE)


def test_an_account_that_may_call_plugins_sees_the_disk(pool: Rehearsal) -> None:
    gateway = pool.gateway
    pool.pool.fault("disk_full", host="xs-02")
    try:
        as_operator = gateway.probe(gateway.snapshot().hosts)
        root = replace(gateway._address, username="root")
        admin = type(gateway)(root, pool.time, pool.script)
        as_admin = admin.probe(gateway.snapshot().hosts)
        admin.close()
    finally:
        pool.pool.fault("disk_full", host="xs-02", on=False)
    (uuid,) = (host.uuid for host in pool.pool.hosts if host.name == "xs-02")
    assert (as_operator[uuid].disk_free, as_operator[uuid].disk_alarm) == (None, True)
    assert as_admin[uuid].disk_free == 2**28


def test_a_backup_holds_up_the_start_and_not_the_request() -> None:
    with rehearse(small(ha=False)) as rollout:
        rollout.pool.fault("backup_running", vm="web-01", seconds=240)
        rollout.ask().approve()
        assert rollout.effects("host_disabled") == []
        rollout.drive()
        rollout.assert_done()
        assert any("snapshot" in line for line in rollout.told())
        assert rollout.verdict.makespan_s > 0


def test_too_little_memory_is_seen_although_ha_is_on() -> None:
    with rehearse(small(more=[VmSpec("huge-01", "xs-01", 200), VmSpec("huge-02", "xs-02", 200)])) as pool:
        found = report(pool)
        assert said(found, "memory_room") == [(BLOCKS, "check.memory_short")] * 2
        assert report(pool, Choices(level=Level.MANDATORY)).blocked
        planned = report(pool, Choices(preset=Preset.STANDARD))
        assert said(planned, "memory_room") == []
        assert said(planned, "room") == [(BLOCKS, "check.room")]


def test_without_an_update_channel_and_with_a_sync_at_work() -> None:
    with rehearse(small(ha=False)) as pool:
        pool.somebody("Async.pool.sync_updates", pool.gateway.snapshot().pool.ref, False, "", "")
        assert said(report_of_busy(pool), "no_sync_running") == [(BLOCKS, "check.sync_running")]
        pool.wait(minutes=10)
        pool.somebody("pool.set_repositories", pool.gateway.snapshot().pool.ref, [])
        assert said(report(pool), "repository") == [(BLOCKS, "check.no_repository")]


def report_of_busy(pool: Rehearsal) -> Report:
    """The checks while a sync runs, without waiting for its end as reading the updates would."""
    snapshot = pool.gateway.snapshot()
    return run_checks(Facts(snapshot, None, Choices(), {}, snapshot.taken_at))


def test_live_patching_switched_off_and_workload_balancing_on() -> None:
    with rehearse(scene("livepatch")) as pool:
        pool.pool.fault("livepatching_off")
        found = report(pool)
        assert said(found, "live_patching") == [(WARNS, "check.live_patching_off")]
        assert said(found, "wlb") == [(INFORMS, "check.wlb_on")]
        pool.pool.fault("livepatch_failed_before", host="xs-02")
        assert said(report(pool), "livepatch_failed") == [(WARNS, "check.livepatch_failed")]


def test_a_coordinator_that_waits_for_a_reboot_that_is_left_out() -> None:
    with rehearse(scene("toolstack-only")) as pool:
        pool.pool.fault("restart_pending", host="xs-01")
        mandatory = report(pool, Choices(level=Level.MANDATORY))
        assert said(mandatory, "coordinator_pending") == [(WARNS, "check.coordinator_pending")]


def test_no_room_for_a_suspended_vm_and_automatic_power_on() -> None:
    with rehearse(scene("single", hosts=("xs-01",), vms=("web-01", "db-01"))) as pool:
        pool.pool.fault("suspend_storage_full")
        found = report(pool, SUSPEND)
        assert said(found, "suspend_space") == [(BLOCKS, "check.suspend_space")]
        assert said(found, "auto_poweron") == [(INFORMS, "check.auto_poweron_on")]


def test_an_up_to_date_pool() -> None:
    with rehearse(small(ha=False, updates=())) as pool:
        assert said(report(pool), "nothing_to_do") == [(BLOCKS, "check.up_to_date")]


def test_the_disc_of_the_tools_ties_nobody_and_an_sriov_interface_does(pool: Rehearsal) -> None:
    pool.pool.fault("tools_cd", vm="web-02")
    assert said(report(pool), "discs_in_drives") == []
    pool.pool.fault("tools_cd", vm="web-02", on=False)
    with rehearse(small(ha=False)) as other:
        other.pool.fault("sriov", vm="web-02")
        found = report(other)
        assert (BLOCKS, "check.evacuation.network") in said(found, "evacuation_possible")
        snapshot = other.gateway.snapshot()
        assert [vm.name for vm in snapshot.vms if vm.has_sriov] == ["web-02"]


def test_a_fix_that_is_chosen_no_longer_blocks(pool: Rehearsal) -> None:
    for condition, arguments, remedy, check in (
        ("local_cd", VM, Remedy.EJECT_CDS, "discs_in_drives"),
        ("storage_unplugged", HOST, Remedy.PLUG_STORAGE, "storage_plugged"),
        ("host_in_maintenance", HOST, Remedy.ENABLE_HOSTS, "disabled_hosts"),
    ):
        pool.pool.fault(condition, **arguments)
        found = report(pool, Choices(fixes=frozenset({remedy})))
        pool.pool.fault(condition, **arguments, on=False)
        assert [severity for severity, _ in said(found, check)] == [INFORMS]
        assert not found.blocked, found.of(BLOCKS)


def test_an_xapi_without_vm_groups_is_looked_at_all_the_same(pool: Rehearsal) -> None:
    pool.pool.fault("call_fails", method="VM_group.get_all_records", code="MESSAGE_METHOD_UNKNOWN, VM_group")
    assert "anti_affinity" in report(pool).passed


def test_what_a_full_look_reads_of_discs_links_and_tools(pool: Rehearsal) -> None:
    for name, arguments in (("local_cd", VM), ("link_down", HOST), ("bond_degraded", HOST), ("tools_old", VM)):
        pool.pool.fault(name, **arguments)
    try:
        full, quick = pool.gateway.snapshot(), pool.gateway.snapshot(disks=False)
    finally:
        for name, arguments in (("local_cd", VM), ("link_down", HOST), ("bond_degraded", HOST), ("tools_old", VM)):
            pool.pool.fault(name, **arguments, on=False)
    (vm,) = (entry for entry in full.vms if entry.name == "web-02")
    (drive,) = vm.drives
    assert (drive.name, drive.keeps, vm.tools, vm.agent_live) == ("driver-disc.iso", True, GuestTools.OLD, True)
    (host,) = (entry for entry in full.hosts if entry.name == "xs-02")
    assert (host.links_down, host.bonds_degraded) == ((), ("bond0",))
    assert {(entry.drives, entry.tools, entry.agent_live) for entry in quick.vms} == {((), GuestTools.UNKNOWN, None)}
    assert all(entry.links_down == entry.bonds_degraded == () for entry in quick.hosts)
