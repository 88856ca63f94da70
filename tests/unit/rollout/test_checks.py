"""The prechecks: each fires where it should, stays silent where it should, and says what to do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.rollout.blocker import HA_NOISE
from bot.rollout.checks import CHECKS, Facts, Finding, Report, Severity, run_checks
from bot.rollout.equipment import Network, SnapshotSchedule
from bot.rollout.guidance import Guidance, Level, guidance_of
from bot.rollout.model import (
    CLAIM_KEY,
    ROLLING_KEY,
    AvailableUpdates,
    HaSettings,
    HostUpdates,
    PowerState,
    VmBlocker,
)
from bot.rollout.proposal import Choices
from bot.rollout.spec import Livepatch, OnLivepatchFailure, Preset, StoppedVms
from bot.rollout.vm_policy import wishes_of
from tests.unit.rollout import test_conditions as conditions
from tests.unit.rollout.pools import GIB, NEW, NOW, OLD, facts_of, host, pool_of, updates_of, vm

HA_ON = HaSettings(enabled=True, heartbeat_srs=("sr-1",))
MANDATORY_REBOOT = guidance_of(mandatory=["reboot_host"])
FAILED_PATCH = guidance_of(recommended=["reboot_host_on_kernel_livepatch_failure"])
BLOCKS, WARNS, INFORMS = Severity.BLOCKS, Severity.WARNS, Severity.INFORMS


def of(check: str, facts: Facts) -> list[Finding]:
    """What one check finds."""
    return [finding for finding in run_checks(facts).findings if finding.check == check]


def said(check: str, facts: Facts) -> list[tuple[Severity, str, str]]:
    """What one check finds: severity, reason code, subject."""
    return [(finding.severity, finding.reason.code, finding.subject) for finding in of(check, facts)]


def test_a_healthy_pool_passes_every_check() -> None:
    report = run_checks(facts_of(pool_of()))
    assert report.findings == ()
    assert report.passed == tuple(check.name for check in CHECKS)
    assert not report.blocked


def _stopped_host() -> Facts:
    return facts_of(pool_of([host(1), host(2, live=False)]))


FIRING: dict[str, tuple[Facts, str, list[tuple[Severity, str, str]]]] = {
    "a host does not answer": (
        _stopped_host(),
        "hosts_live",
        [(BLOCKS, "check.host_not_live", "host-2")],
    ),
    "a network over which VMs move that there is not": (
        facts_of(pool_of(), choices=Choices(network="migration")),
        "migration_network",
        [(BLOCKS, "check.network_unknown", "pool-1")],
    ),
    "a host without an address on the network over which VMs move": (
        facts_of(
            replace(pool_of(), networks=(Network("ref", "net-1", "migration", frozenset({"host-1", "host-3"})),)),
            choices=Choices(network="migration"),
        ),
        "migration_network",
        [(BLOCKS, "check.network_without_address", "pool-1")],
    ),
    "a snapshot schedule is on": (
        facts_of(replace(pool_of(), schedules=(SnapshotSchedule("ref", "vmss-1", "nightly", True, frozenset({"v"})),))),
        "snapshot_schedules",
        [(INFORMS, "check.snapshots_on", "pool-1")],
    ),
    "a snapshot schedule is on and must stay so": (
        facts_of(
            replace(pool_of(), schedules=(SnapshotSchedule("ref", "vmss-1", "nightly", True, frozenset({"v"})),)),
            choices=Choices(hold_snapshots=False),
        ),
        "snapshot_schedules",
        [(WARNS, "check.snapshots_stay_on", "pool-1")],
    ),
    "a VM that is to be left as it is": (
        facts_of(pool_of(), choices=Choices(vms=wishes_of("db2=leave"))),
        "vm_rules",
        [(WARNS, "check.vm_left", "vm-db2")],
    ),
    "mandatory tasks of an earlier update on a host": (
        facts_of(pool_of([host(1), host(2, pending=MANDATORY_REBOOT)])),
        "pending_mandatory",
        [(BLOCKS, "check.pending_host", "host-2")],
    ),
    "mandatory tasks of an earlier update on a VM": (
        facts_of(pool_of(vms=[vm("web", 1, pending=guidance_of(mandatory=["restart_vm"]))])),
        "pending_mandatory",
        [(BLOCKS, "check.pending_vm", "vm-web")],
    ),
    "mandatory tasks of this update on a host that took it": (
        facts_of(pool_of([host(1, last_update_hash=NEW, pending=MANDATORY_REBOOT), host(2)])),
        "pending_mandatory",
        [(WARNS, "check.pending_host_resumed", "host-1")],
    ),
    "a VM restart that this update's coordinator asked for": (
        facts_of(
            pool_of(
                [host(1, last_update_hash=NEW), host(2)],
                [vm("web", 2, pending=guidance_of(mandatory=["restart_vm"]))],
            )
        ),
        "pending_mandatory",
        [(WARNS, "check.pending_vm_resumed", "vm-web")],
    ),
    "a device model that an earlier update of its host asked for": (
        facts_of(
            pool_of(
                [host(1, last_update_hash=NEW), host(2)],
                [vm("web", 2, pending=guidance_of(mandatory=["restart_device_model"]))],
            )
        ),
        "pending_mandatory",
        [(BLOCKS, "check.pending_vm", "vm-web")],
    ),
    "HA is on": (facts_of(pool_of(ha=HA_ON)), "ha", [(INFORMS, "check.ha_on", "pool-1")]),
    "WLB is on": (facts_of(pool_of(wlb_enabled=True)), "wlb", [(INFORMS, "check.wlb_on", "pool-1")]),
    "auto-poweron is on": (
        facts_of(pool_of(auto_poweron="true")),
        "auto_poweron",
        [(INFORMS, "check.auto_poweron_on", "pool-1")],
    ),
    "the sync schedule is on": (
        facts_of(pool_of(update_sync_enabled=True)),
        "sync_schedule",
        [(INFORMS, "check.sync_schedule_on", "pool-1")],
    ),
    "never synchronised": (
        facts_of(pool_of(last_update_sync=None, checksum=""), unread=True),
        "last_sync",
        [(BLOCKS, "check.never_synced", "pool-1")],
    ),
    "never synchronised, as XAPI writes it": (
        facts_of(pool_of(last_update_sync=datetime(1970, 1, 1, tzinfo=UTC))),
        "last_sync",
        [(BLOCKS, "check.never_synced", "pool-1")],
    ),
    "synchronised, but the coordinator changed since": (
        facts_of(pool_of(checksum=""), unread=True),
        "last_sync",
        [(BLOCKS, "check.sync_lost", "pool-1")],
    ),
    "synchronised 31 days ago": (
        facts_of(pool_of(last_update_sync=NOW - timedelta(days=31))),
        "last_sync",
        [(WARNS, "check.sync_stale", "pool-1")],
    ),
    "updated seven months ago": (
        facts_of(pool_of([host(1), host(2, last_software_update=NOW - timedelta(days=213))])),
        "update_age",
        [(WARNS, "check.update_level_old", "pool-1")],
    ),
    "nobody knows when it was updated": (
        facts_of(pool_of([host(1, last_software_update=None), host(2)])),
        "update_age",
        [(WARNS, "check.update_level_unknown", "pool-1")],
    ),
    "a sync is running": (
        facts_of(pool_of(current_operations=frozenset({"sync_updates"}))),
        "no_sync_running",
        [(BLOCKS, "check.sync_running", "pool-1")],
    ),
    "the channel is being changed": (
        facts_of(pool_of(current_operations=frozenset({"configure_repositories"}))),
        "no_sync_running",
        [(BLOCKS, "check.sync_running", "pool-1")],
    ),
    "somebody applies updates": (
        facts_of(pool_of(current_operations=frozenset({"apply_updates"}))),
        "other_operations",
        [(BLOCKS, "check.pool_busy", "pool-1")],
    ),
    "somebody empties a host": (
        facts_of(pool_of([host(1), host(2, current_operations=frozenset({"evacuate"}))])),
        "other_operations",
        [(BLOCKS, "check.host_busy", "host-2")],
    ),
    "XAPI says nothing about a host": (
        facts_of(pool_of(), AvailableUpdates(NEW, (HostUpdates("host-1"), HostUpdates("host-3")))),
        "updates_known",
        [(BLOCKS, "check.host_unknown", "host-2")],
    ),
    "the updates could not be read": (
        facts_of(pool_of(), unread=True),
        "updates_known",
        [(BLOCKS, "check.updates_unread", "pool-1")],
    ),
    "the updates belong to an earlier sync": (
        facts_of(pool_of(), updates_of(pool_of(), checksum=OLD)),
        "updates_known",
        [(BLOCKS, "check.updates_of_another_sync", "pool-1")],
    ),
    "another installation holds the pool": (
        facts_of(pool_of(other_config={CLAIM_KEY: "bot-2"})),
        "claim",
        [(BLOCKS, "check.claimed", "pool-1")],
    ),
    "an interrupted roll": (
        facts_of(pool_of(other_config={ROLLING_KEY: "true"})),
        "versions_mixed",
        [(WARNS, "check.versions_mixed", "pool-1")],
    ),
    "a host was disabled before": (
        facts_of(pool_of([host(1), host(2, enabled=False)])),
        "disabled_hosts",
        [(WARNS, "check.host_disabled", "host-2")],
    ),
    "a live patch failed earlier": (
        facts_of(pool_of([host(1, pending=FAILED_PATCH), host(2)]), updates_of(pool_of(), Guidance())),
        "livepatch_failed",
        [(WARNS, "check.livepatch_failed", "host-1")],
    ),
    "everything is up to date": (
        facts_of(pool_of([host(1, last_update_hash=NEW)])),
        "nothing_to_do",
        [(BLOCKS, "check.up_to_date", "pool-1")],
    ),
    "no update channel": (
        facts_of(replace(pool_of(), repository=None), unread=True),
        "repository",
        [(BLOCKS, "check.no_repository", "pool-1")],
    ),
    "the planner finds no room": (
        facts_of(
            pool_of(
                [host(number, memory_total=16 * GIB) for number in (1, 2)],
                [vm("web", 1, memory=12 * GIB), vm("db", 2, memory=12 * GIB)],
            ),
            choices=Choices(preset=Preset.STANDARD),
        ),
        "room",
        [(BLOCKS, "check.room", "host-1")],
    ),
}


@pytest.mark.parametrize("case", FIRING)
def test_a_check_fires(case: str) -> None:
    facts, check, expected = FIRING[case]
    assert said(check, facts) == expected
    report = run_checks(facts)
    assert check not in report.passed
    assert report.blocked == any(finding.severity is BLOCKS for finding in report.findings)


QUIET: dict[str, tuple[Facts, str]] = {
    "a snapshot schedule is off, another covers nothing": (
        facts_of(
            replace(
                pool_of(),
                schedules=(
                    SnapshotSchedule("ref", "vmss-1", "nightly", False, frozenset({"v"})),
                    SnapshotSchedule("ref", "vmss-2", "empty"),
                ),
            )
        ),
        "snapshot_schedules",
    ),
    "recommended tasks may be pending": (
        facts_of(pool_of([host(1, pending=guidance_of(recommended=["reboot_host"])), host(2)])),
        "pending_mandatory",
    ),
    "synchronised a week ago": (facts_of(pool_of(last_update_sync=NOW - timedelta(days=7))), "last_sync"),
    "updated five months ago": (
        facts_of(pool_of([host(1, last_software_update=NOW - timedelta(days=150))])),
        "update_age",
    ),
    "old, but up to date": (
        facts_of(pool_of([host(1), host(2, last_software_update=NOW - timedelta(days=400), last_update_hash=NEW)])),
        "update_age",
    ),
    "somebody reads the updates": (
        facts_of(pool_of(current_operations=frozenset({"get_updates"}))),
        "other_operations",
    ),
    "a VM arrives at a host": (
        facts_of(pool_of([host(1, current_operations=frozenset({"vm_migrate"})), host(2)])),
        "other_operations",
    ),
    "auto-poweron is off by name": (facts_of(pool_of(auto_poweron="false")), "auto_poweron"),
    "a host that the cache forgot but that took this checksum": (
        facts_of(
            pool_of([host(1), host(2, last_update_hash=NEW)]),
            AvailableUpdates(NEW, (HostUpdates("host-1", rpms=("a.rpm",)),)),
        ),
        "updates_known",
    ),
    "XAPI places the VMs itself": (facts_of(pool_of([host(1), host(2)])), "room"),
    "the planner finds room": (
        facts_of(
            pool_of([host(number, memory_total=64 * GIB) for number in (1, 2)]),
            choices=Choices(preset=Preset.STANDARD),
        ),
        "room",
    ),
    "our own claim": (facts_of(pool_of(other_config={CLAIM_KEY: "bot-1"})), "claim"),
    "a failed live patch that this rollout reboots away": (
        facts_of(pool_of([host(1, pending=FAILED_PATCH), host(2)])),
        "livepatch_failed",
    ),
    "an unreachable host is not called disabled": (
        facts_of(pool_of([host(1), host(2, live=False, enabled=False)])),
        "disabled_hosts",
    ),
}


@pytest.mark.parametrize("case", QUIET)
def test_a_check_stays_quiet(case: str) -> None:
    facts, check = QUIET[case]
    assert said(check, facts) == []
    assert check in run_checks(facts).passed


def test_every_check_has_a_case_in_which_it_fires() -> None:
    covered = {check for _, check, _ in [*FIRING.values(), *conditions.FIRING.values()]} | {"evacuation_possible"}
    assert covered == {check.name for check in CHECKS}


@pytest.mark.parametrize("updates", [None, AvailableUpdates("")], ids=["not read", "without a checksum"])
def test_what_cannot_be_told_without_updates_is_not_called_passed(updates: AvailableUpdates | None) -> None:
    facts = replace(facts_of(replace(pool_of(), repository=None)), updates=updates)
    assert facts.spec is None
    report = run_checks(facts)
    assert report.blocked
    assert not {"updates_known", "nothing_to_do", "update_age", "evacuation_possible"} & set(report.passed)


@pytest.mark.parametrize("setting", ["ha", "wlb", "auto_poweron", "sync_schedule"])
def test_what_the_rollout_switches_off_says_how_it_comes_back(setting: str) -> None:
    facts = facts_of(pool_of(ha=HA_ON, wlb_enabled=True, auto_poweron="true", update_sync_enabled=True))
    (finding,) = of(setting, facts)
    assert finding.fix is not None
    assert finding.fix.undo.code == f"{finding.fix.reason.code}.undo"
    assert facts.spec is not None
    assert finding.fix.id in facts.spec.fixes


# -- can every host be emptied? ------------------------------------------------------------------------------


def stuck(
    code: str, chosen: StoppedVms, *, vm_changes: Mapping[str, Any] | None = None, guidance: Guidance | None = None
) -> list[Finding]:
    """What is said when XAPI answers `code` for the VM web1 on xs-01."""
    changed = [vm("web1", 1, **(vm_changes or {})), vm("web2", 2)]
    snapshot = pool_of([host(1), host(2)], changed)
    blockers = {"host-1": (VmBlocker("vm-web1", code, ("vm-web1",)),), "host-2": ()}
    updates = updates_of(snapshot) if guidance is None else updates_of(snapshot, guidance)
    return of("evacuation_possible", facts_of(snapshot, updates, blockers, Choices(stopped_vms=chosen)))


@pytest.mark.parametrize(
    ("code", "reason", "fix"),
    [
        ("VM_REQUIRES_SR", "storage", "stopped_vms=suspend"),
        ("VM_REQUIRES_NETWORK", "network", "stopped_vms=suspend"),
        ("VM_HAS_PCI_ATTACHED", "device", "stopped_vms=shutdown"),
        ("HOST_NOT_ENOUGH_FREE_MEMORY", "memory", "stopped_vms=suspend"),
        ("NO_HOSTS_AVAILABLE", "no_host", "stopped_vms=suspend"),
        ("VM_INCOMPATIBLE_WITH_THIS_HOST", "cpu", "stopped_vms=suspend"),
        ("OPERATION_BLOCKED", "pinned", "stopped_vms=suspend"),
        ("SOMETHING_NEW", "other", "stopped_vms=suspend"),
        ("OTHER_OPERATION_IN_PROGRESS", "busy", None),
        ("VM_BAD_POWER_STATE", "power_state", None),
        ("VM_LACKS_FEATURE", "no_tools", None),
        ("HOST_NOT_LIVE", "host_state", None),
        ("NOT_SUPPORTED_DURING_UPGRADE", "mixed_versions", None),
    ],
)
def test_a_vm_that_cannot_leave_blocks_and_is_named_with_the_way_out(code: str, reason: str, fix: str | None) -> None:
    (finding,) = stuck(code, StoppedVms.REFUSE)
    assert (finding.severity, finding.subject) == (BLOCKS, "vm-web1")
    assert finding.reason.code == f"check.evacuation.{reason}"
    assert finding.reason.params == {"vm": "web1", "host": "xs-01", "code": code}
    assert (finding.fix.id if finding.fix else None) == fix


@pytest.mark.parametrize(
    ("code", "chosen", "reason"),
    [
        ("VM_REQUIRES_SR", StoppedVms.SUSPEND, "suspend"),
        ("VM_REQUIRES_SR", StoppedVms.SHUTDOWN, "shutdown"),
        ("VM_HAS_PCI_ATTACHED", StoppedVms.SUSPEND, "shutdown_instead"),
    ],
)
def test_a_vm_that_may_be_stopped_is_a_warning_that_says_what_happens_to_it(
    code: str, chosen: StoppedVms, reason: str
) -> None:
    (finding,) = stuck(code, chosen)
    assert (finding.severity, finding.reason.code) == (WARNS, f"check.evacuation.{reason}")
    assert finding.fix is not None
    assert finding.fix.undo.params == {"vm": "web1"}


def test_a_vm_that_must_restart_anyway_is_shut_down_though_suspending_was_chosen() -> None:
    (finding,) = stuck(
        "VM_REQUIRES_SR", StoppedVms.SUSPEND, guidance=guidance_of(recommended=["RebootHost", "RestartVM"])
    )
    assert (finding.severity, finding.reason.code) == (WARNS, "check.evacuation.shutdown_to_restart")


@pytest.mark.parametrize("chosen", [StoppedVms.SUSPEND, StoppedVms.SHUTDOWN])
@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("OTHER_OPERATION_IN_PROGRESS", "busy"),
        ("VM_LACKS_FEATURE", "no_tools"),
        ("HOST_DISABLED", "host_state"),
    ],
)
def test_what_stopping_does_not_solve_blocks_whatever_was_chosen(code: str, reason: str, chosen: StoppedVms) -> None:
    (finding,) = stuck(code, chosen)
    assert (finding.severity, finding.reason.code) == (BLOCKS, f"check.evacuation.{reason}")


def test_a_vm_that_xapi_will_not_stop_blocks() -> None:
    only_hard = {"allowed_operations": frozenset({"hard_shutdown"})}
    for chosen in StoppedVms:
        (finding,) = stuck("VM_REQUIRES_SR", chosen, vm_changes=only_hard)
        assert (finding.severity, finding.reason.code) == (BLOCKS, "check.evacuation.cannot_stop")
        assert finding.fix is None


def test_a_paused_vm_has_to_be_unpaused_first() -> None:
    (finding,) = stuck("NO_HOSTS_AVAILABLE", StoppedVms.SUSPEND, vm_changes={"power_state": PowerState.PAUSED})
    assert (finding.severity, finding.reason.code) == (BLOCKS, "check.evacuation.power_state")


def test_a_vm_that_the_snapshot_does_not_know_still_blocks() -> None:
    snapshot = pool_of()
    facts = facts_of(snapshot, blockers={**{h.uuid: () for h in snapshot.hosts}, "host-1": (VmBlocker("x", "BAD"),)})
    (finding,) = of("evacuation_possible", facts)
    assert (finding.severity, finding.reason.params["vm"]) == (BLOCKS, "x")


def test_where_nothing_has_to_be_emptied_nobody_asks() -> None:
    assert stuck("VM_REQUIRES_SR", StoppedVms.REFUSE, guidance=guidance_of(recommended=["RestartToolstack"])) == []


def test_a_host_that_was_not_asked_blocks_unless_it_is_empty() -> None:
    snapshot = pool_of([host(1), host(2)], [vm("web", 1)])
    assert said("evacuation_possible", facts_of(snapshot, blockers={})) == [
        (BLOCKS, "check.evacuation.not_asked", "host-1")
    ]
    silent = pool_of([host(1, live=False), host(2)], [vm("web", 1)])
    assert said("evacuation_possible", facts_of(silent, blockers={})) == []
    assert said("hosts_live", facts_of(silent, blockers={})) == [(BLOCKS, "check.host_not_live", "host-1")]


def test_a_single_host_names_every_vm_that_runs_there() -> None:
    snapshot = pool_of([host(1)])
    blockers = {"host-1": tuple(VmBlocker(entry.uuid, "NO_HOSTS_AVAILABLE") for entry in snapshot.vms)}
    found = of("evacuation_possible", facts_of(snapshot, blockers=blockers))
    assert [finding.reason.params["vm"] for finding in found] == ["web1", "db1"]
    suspended = facts_of(snapshot, blockers=blockers, choices=Choices(stopped_vms=StoppedVms.SUSPEND))
    assert not run_checks(suspended).blocked


def test_with_ha_on_its_noise_does_not_block_but_is_asked_about_again() -> None:
    snapshot = pool_of(ha=HA_ON)
    noise = {here.uuid: (VmBlocker(f"vm-web{here.uuid[-1]}", HA_NOISE),) for here in snapshot.hosts}
    report = run_checks(facts_of(snapshot, blockers=noise))
    assert not report.blocked
    (asked,) = [finding for finding in report.findings if finding.check == "evacuation_possible"]
    assert (asked.severity, asked.reason.params) == (INFORMS, {"vms": 3})


def test_with_ha_on_a_pinned_vm_is_still_refused_before_anything_is_touched() -> None:
    snapshot = pool_of([host(1), host(2)], [vm("cache", 1, local_srs=("sr-local",))], ha=HA_ON)
    blockers = {"host-1": (VmBlocker("vm-cache", HA_NOISE),), "host-2": ()}
    blocking = run_checks(facts_of(snapshot, blockers=blockers)).of(BLOCKS)
    assert [finding.reason.code for finding in blocking] == ["check.evacuation.storage"]


def test_a_reboot_agreed_to_for_a_failing_live_patch_must_be_possible() -> None:
    snapshot = pool_of([host(1), host(2)])
    updates = updates_of(snapshot, Guidance(), livepatches=("xen a -> b",))
    blockers = {"host-1": (VmBlocker("vm-web1", "VM_REQUIRES_SR"),), "host-2": ()}
    assert not run_checks(facts_of(snapshot, updates, blockers)).blocked
    agreed = Choices(on_livepatch_failure=OnLivepatchFailure.REBOOT)
    anyway = Choices(livepatch=Livepatch.REBOOT_ANYWAY)
    for choices in (agreed, anyway):
        assert run_checks(facts_of(snapshot, updates, blockers, choices)).blocked


# -- the report ----------------------------------------------------------------------------------------------


def test_the_weightiest_findings_come_first_and_survive_json() -> None:
    snapshot = pool_of([host(1), host(2, enabled=False)], ha=HA_ON, other_config={CLAIM_KEY: "bot-2"})
    report = run_checks(facts_of(snapshot))
    assert [finding.severity for finding in report.findings] == [BLOCKS, WARNS, INFORMS]
    assert Report.from_dict(json.loads(json.dumps(report.as_dict()))) == report


def test_levels_above_the_chosen_one_do_not_count_as_something_to_do() -> None:
    snapshot = pool_of([host(1, last_update_hash=NEW, pending=guidance_of(full=["reboot_host"]))])
    assert run_checks(facts_of(snapshot)).blocked
    assert not run_checks(facts_of(snapshot, choices=Choices(Level.FULL))).blocked
