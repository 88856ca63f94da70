"""The prechecks about what production pools are like: each fires where it should, stays silent where it should."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.rollout.checks import Facts, Severity, run_checks
from bot.rollout.equipment import Drive, GuestTools, Probe, VmGroup
from bot.rollout.errors import InvalidSpec
from bot.rollout.fixes import Remedy, chosen_fixes, remaining_blockers
from bot.rollout.guidance import guidance_of
from bot.rollout.model import SR, VM, HaSettings, PoolSnapshot, Version, VmBlocker, XapiTask
from bot.rollout.proposal import Choices, choices_of
from bot.rollout.spec import Livepatch, StoppedVms, VmTreatment
from tests.unit.rollout.pools import GIB, NOW, REBOOT, facts_of, host, pool_of, updates_of, vm

BLOCKS, WARNS, INFORMS = Severity.BLOCKS, Severity.WARNS, Severity.INFORMS
HA_ON = HaSettings(enabled=True, heartbeat_srs=("sr-1",), failures_to_tolerate=1)
DISC = Drive("vbd-1", "OpaqueRef:vbd", "vdi-1", "OpaqueRef:vdi", "disc.iso", "sr-local")
TOOLS_DISC = replace(DISC, tools=True)
SHARED_DISC = replace(DISC, shared=True)
TOOLSTACK = guidance_of(recommended=["RestartToolstack"])


def said(check: str, facts: Facts) -> list[tuple[Severity, str, str]]:
    """What one check finds: severity, reason code, subject."""
    found = run_checks(facts).findings
    return [(entry.severity, entry.reason.code, entry.subject) for entry in found if entry.check == check]


def probed(**probes: Probe) -> Facts:
    """A healthy pool whose hosts answered like this."""
    return replace(facts_of(pool_of()), probes={name.replace("_", "-"): probe for name, probe in probes.items()})


def with_disc(drive: Drive = DISC, *chosen: str, **changes: Any) -> Facts:
    """A VM with a disc in its drive, which XAPI does not move for that."""
    ties = ("sr-local",) if drive.keeps else ()
    web = vm("web", 1, drives=(drive,), local_srs=ties, srs=("sr-shared", "sr-local"), **changes)
    snapshot = pool_of([host(1), host(2)], [web])
    blockers = (VmBlocker("vm-web", "VM_REQUIRES_SR", ("vm-web", "sr-local")),) if drive.keeps else ()
    return facts_of(snapshot, blockers={"host-1": blockers, "host-2": ()}, choices=Choices(fixes=frozenset(chosen)))


def unplugged(*chosen: str, used: bool = True) -> Facts:
    """A host without its storage, which a running VM uses, or none."""
    here = [host(1), host(2, unplugged_srs=("sr-nfs",))]
    snapshot = replace(
        pool_of(here, [vm("web", 1, srs=("sr-nfs",) if used else ())]),
        srs=(SR("OpaqueRef:sr", "sr-nfs", "nfs", shared=True),),
    )
    return facts_of(snapshot, choices=Choices(fixes=frozenset(chosen)))


def roomy(first: int, second: int, *, guidance: Any = REBOOT, **changes: Any) -> Facts:
    """Two hosts of 100 GiB; the VMs of xs-01 and xs-02 need so many GiB."""
    hosts = [host(number, memory_total=100 * GIB) for number in (1, 2)]
    vms = [vm("one", 1, memory_least=first * GIB, **changes), vm("two", 2, memory_least=second * GIB)]
    snapshot = pool_of(hosts, vms)
    return facts_of(snapshot, updates_of(snapshot, guidance))


def patched(**pool: Any) -> Facts:
    """Live patches stand in for the reboot."""
    snapshot = pool_of(**pool)
    return facts_of(snapshot, updates_of(snapshot, livepatches=("kernel 1 -> 2",)))


def suspended(free: int) -> Facts:
    """A VM of 4 GiB that is suspended, to storage with so many GiB free."""
    snapshot = replace(
        pool_of([host(1), host(2)], [vm("web", 1)], suspend_sr="sr-1"),
        srs=(SR("OpaqueRef:sr", "sr-1", "suspended", free=free * GIB),),
    )
    return facts_of(
        snapshot,
        blockers={"host-1": (VmBlocker("vm-web", "VM_REQUIRES_SR"),), "host-2": ()},
        choices=Choices(stopped_vms=StoppedVms.SUSPEND),
    )


def grouped(count: int) -> PoolSnapshot:
    """Three hosts and so many VMs that should stay apart."""
    vms = [vm(f"db{number}", 1 + number % 3) for number in range(count)]
    return replace(pool_of(vms=vms), groups=(VmGroup("group-1", "db", frozenset(entry.uuid for entry in vms)),))


def one(**changes: Any) -> Facts:
    """A pool of two hosts with one VM that differs."""
    return facts_of(pool_of([host(1), host(2)], [vm("web", 1, **changes)]))


def busy() -> Facts:
    return one(current_operations=frozenset({"snapshot"}))


FIRING: dict[str, tuple[Facts, str, list[tuple[Severity, str, str]]]] = {
    "the licence has no updates": (
        facts_of(pool_of(restrictions=frozenset({"updates"}))),
        "licence",
        [(BLOCKS, "check.licence_without_updates", "pool-1")],
    ),
    "a licence ended": (
        facts_of(pool_of([host(1), host(2, licence_until=NOW - timedelta(days=1))])),
        "licence",
        [(WARNS, "check.licence_ended", "host-2")],
    ),
    "an old toolstack": (
        facts_of(pool_of([host(1), host(2, version=Version(xapi="24.9.1"))])),
        "toolstack_version",
        [(BLOCKS, "check.toolstack_old", "host-2")],
    ),
    "a toolstack in emergency mode": (
        probed(host_1=Probe(), host_2=Probe(code="CANNOT_CONTACT_HOST")),
        "host_answers",
        [(BLOCKS, "check.host_silent", "host-2")],
    ),
    "a clock two minutes behind": (
        probed(host_1=Probe(), host_2=Probe(skew=-120.0)),
        "clocks",
        [(WARNS, "check.clock_off", "host-2")],
    ),
    "half a GiB free": (
        probed(host_2=Probe(disk_free=GIB // 2)),
        "disk_space",
        [(BLOCKS, "check.disk_little", "host-2")],
    ),
    "one and a half GiB free": (
        probed(host_2=Probe(disk_free=3 * GIB // 2, disk_alarm=True)),
        "disk_space",
        [(WARNS, "check.disk_little", "host-2")],
    ),
    "a full disk that only the alarm tells": (
        probed(host_2=Probe(disk_alarm=True)),
        "disk_space",
        [(WARNS, "check.disk_alarm", "host-2")],
    ),
    "an unfinished change of the pool secret": (
        facts_of(pool_of(secret_rotation_pending=True)),
        "secret_rotation",
        [(BLOCKS, "check.secret_rotation_pending", "pool-1")],
    ),
    "a link is down and a bond degraded": (
        facts_of(pool_of([host(1), host(2, links_down=("eth1",), bonds_degraded=("bond0",))])),
        "network_links",
        [(WARNS, "check.link_down", "host-2"), (WARNS, "check.bond_degraded", "host-2")],
    ),
    "storage that running VMs use": (
        unplugged(),
        "storage_plugged",
        [(BLOCKS, "check.storage_missing", "host-2")],
    ),
    "storage that nobody uses": (
        unplugged(used=False),
        "storage_plugged",
        [(WARNS, "check.storage_unplugged", "host-2")],
    ),
    "storage that will be plugged": (
        unplugged(Remedy.PLUG_STORAGE),
        "storage_plugged",
        [(INFORMS, "check.storage_unplugged", "host-2")],
    ),
    "clustered storage": (
        facts_of(replace(pool_of(), srs=(SR("OpaqueRef:sr", "sr-1", "gfs2", clustered=True),))),
        "clustered_storage",
        [(WARNS, "check.storage_clustered", "sr-1")],
    ),
    "hosts on different levels": (
        facts_of(pool_of([host(1), host(2), host(3, last_update_hash="5" * 64)])),
        "update_levels",
        [(INFORMS, "check.update_levels_differ", "pool-1")],
    ),
    "processors that differ": (
        facts_of(
            pool_of([host(number, cpu_vendor="Intel", cpu_features="f" * number) for number in (1, 1, 2)]),
        ),
        "cpu_levels",
        [(WARNS, "check.cpu_differs", "pool-1")],
    ),
    "an HA plan that no longer holds": (
        facts_of(pool_of(ha=HA_ON, ha_plan_exists_for=0)),
        "ha_plan",
        [(WARNS, "check.ha_plan_broken", "pool-1")],
    ),
    "HA has more to protect than fits": (
        facts_of(pool_of(ha=HA_ON, ha_plan_exists_for=1, ha_overcommitted=True)),
        "ha_plan",
        [(WARNS, "check.ha_plan_broken", "pool-1")],
    ),
    "no room at the first turn": (
        roomy(60, 60),
        "memory_room",
        [(BLOCKS, "check.memory_short", "host-1"), (BLOCKS, "check.memory_short", "host-2")],
    ),
    "no room at the second turn only": (
        facts_of(
            pool_of(
                [host(1, memory_total=60 * GIB), host(2, memory_total=200 * GIB)],
                [vm("one", 1, memory_least=10 * GIB), vm("two", 2, memory_least=90 * GIB)],
            )
        ),
        "memory_room",
        [(BLOCKS, "check.memory_short", "host-2")],
    ),
    "room in all, but not in one place": (
        facts_of(
            pool_of(
                [host(number, memory_total=100 * GIB) for number in (1, 2, 3)],
                [vm("one", 1, memory_least=80 * GIB)]
                + [vm(f"small{number}", number, memory_least=30 * GIB) for number in (2, 3)],
            )
        ),
        "memory_room",
        [(WARNS, "check.memory_tight", "host-1")],
    ),
    "a disc of its host's own in a drive": (
        with_disc(),
        "discs_in_drives",
        [(BLOCKS, "check.disc_in_drive", "vm-web")],
    ),
    "a disc that will be taken out": (
        with_disc(DISC, Remedy.EJECT_CDS),
        "discs_in_drives",
        [(INFORMS, "check.disc_in_drive", "vm-web")],
    ),
    "no tools": (one(tools=GuestTools.MISSING), "guest_tools", [(WARNS, "check.tools_missing", "pool-1")]),
    "old tools": (one(tools=GuestTools.OLD), "guest_tools", [(INFORMS, "check.tools_old", "pool-1")]),
    "a backup when somebody asks": (busy(), "backups_running", [(WARNS, "check.vm_busy", "vm-web")]),
    "a backup when the rollout would start": (
        replace(busy(), starting=True),
        "backups_running",
        [(BLOCKS, "check.vm_busy", "vm-web")],
    ),
    "a disk is copied": (
        facts_of(replace(pool_of(), tasks=(XapiTask("OpaqueRef:t", "t", "Async.VDI.copy"),))),
        "backups_running",
        [(WARNS, "check.task_running", "pool-1")],
    ),
    "a coordinator that waits for a reboot": (
        facts_of(
            pool_of([host(1, pending=guidance_of(full=["reboot_host"])), host(2)]),
            updates_of(pool_of([host(1), host(2)]), TOOLSTACK),
        ),
        "coordinator_pending",
        [(WARNS, "check.coordinator_pending", "host-1")],
    ),
    "no room for suspended VMs": (suspended(1), "suspend_space", [(BLOCKS, "check.suspend_space", "sr-1")]),
    "more VMs to keep apart than hosts left": (
        facts_of(grouped(3)),
        "anti_affinity",
        [(INFORMS, "check.group_crowded", "group-1")],
    ),
    "live patching is off": (
        patched(live_patching_disabled=True),
        "live_patching",
        [(WARNS, "check.live_patching_off", "pool-1")],
    ),
    "live patching is not licensed": (
        patched(restrictions=frozenset({"live_patching"})),
        "live_patching",
        [(WARNS, "check.live_patching_unlicensed", "pool-1")],
    ),
    "features that newer releases do not have": (
        facts_of(
            pool_of(
                [host(1, legacy_tls=True), host(2, power_on_mode="iLO")],
                [vm("old", 1, paravirtual=True, container_managed=True)],
                vswitch_controller="10.0.0.9",
            )
        ),
        "retired_features",
        [
            (WARNS, "check.retired.vswitch_controller", "pool-1"),
            (WARNS, "check.retired.legacy_tls", "host-1"),
            (WARNS, "check.retired.ilo", "host-2"),
            (WARNS, "check.retired.paravirtual", "vm-old"),
            (WARNS, "check.retired.containers", "vm-old"),
        ],
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
    "another feature is not licensed": (facts_of(pool_of(restrictions=frozenset({"wlb"}))), "licence"),
    "a licence that ends tomorrow": (
        facts_of(pool_of([host(1, licence_until=NOW + timedelta(days=1))])),
        "licence",
    ),
    "the oldest toolstack that will do": (
        facts_of(pool_of([host(1, version=Version(xapi="24.10.0"))])),
        "toolstack_version",
    ),
    "a toolstack that does not tell": (facts_of(pool_of()), "toolstack_version"),
    "a clock half a minute off": (probed(host_2=Probe(skew=30.0)), "clocks"),
    "two GiB free": (probed(host_2=Probe(disk_free=2 * GIB, disk_alarm=True)), "disk_space"),
    "an interrupted rollout": (facts_of(pool_of([host(1, last_update_hash="x" * 64), host(2)])), "hosts_live"),
    "a host that has the present updates": (
        facts_of(pool_of([host(1), host(2, last_update_hash=pool_of().checksum)])),
        "update_levels",
    ),
    "HA plans for the failures it should": (facts_of(pool_of(ha=HA_ON, ha_plan_exists_for=1)), "ha_plan"),
    "HA that protects nothing": (
        facts_of(pool_of(ha=replace(HA_ON, failures_to_tolerate=0), ha_plan_exists_for=0)),
        "ha_plan",
    ),
    "no plan, but HA is off": (facts_of(pool_of(ha_plan_exists_for=0)), "ha_plan"),
    "just enough room": (roomy(50, 50), "memory_room"),
    "no room, but no host is emptied": (roomy(90, 90, guidance=TOOLSTACK), "memory_room"),
    "no room, but the VM is paused": (roomy(60, 40, power_state="Paused"), "memory_room"),
    "the disc of the tools": (with_disc(TOOLS_DISC), "discs_in_drives"),
    "a disc on shared storage": (with_disc(SHARED_DISC), "discs_in_drives"),
    "a backup has ended": (one(), "backups_running"),
    "our own task": (
        facts_of(replace(pool_of(), tasks=(XapiTask("OpaqueRef:t", "t", "Async.VM.snapshot", ours=True),))),
        "backups_running",
    ),
    "a coordinator that this rollout reboots": (
        facts_of(pool_of([host(1, pending=guidance_of(full=["reboot_host"])), host(2)])),
        "coordinator_pending",
    ),
    "a member that waits for a reboot": (
        facts_of(
            pool_of([host(1), host(2, pending=guidance_of(full=["reboot_host"]))]),
            updates_of(pool_of([host(1), host(2)]), TOOLSTACK),
        ),
        "coordinator_pending",
    ),
    "room for suspended VMs": (suspended(4), "suspend_space"),
    "as many VMs to keep apart as hosts left": (facts_of(grouped(2)), "anti_affinity"),
    "live patching is off, but nothing is live patched": (
        facts_of(pool_of(live_patching_disabled=True)),
        "live_patching",
    ),
    "old tools on a host that is not emptied": (
        facts_of(
            pool_of([host(1), host(2)], [vm("web", 1, tools=GuestTools.OLD)]),
            updates_of(pool_of([host(1), host(2)]), TOOLSTACK),
        ),
        "guest_tools",
    ),
    "a powered-on mode that stays": (facts_of(pool_of([host(1, power_on_mode="DRAC")])), "retired_features"),
}


@pytest.mark.parametrize("case", QUIET)
def test_a_check_stays_quiet(case: str) -> None:
    facts, check = QUIET[case]
    assert said(check, facts) == []
    assert check in run_checks(facts).passed


def test_live_patching_does_not_matter_where_hosts_reboot_anyway() -> None:
    facts = replace(patched(live_patching_disabled=True), choices=Choices(livepatch=Livepatch.REBOOT_ANYWAY))
    assert said("live_patching", facts) == []


# -- the fixes that people choose -----------------------------------------------------------------------------


def spec_fixes(facts: Facts) -> tuple[str, ...]:
    assert facts.spec is not None
    return facts.spec.fixes


def test_a_chosen_fix_names_what_it_touches_and_the_rollout_may_go_on() -> None:
    assert run_checks(with_disc()).blocked
    chosen = with_disc(DISC, Remedy.EJECT_CDS)
    assert spec_fixes(chosen) == ("eject_cd:vm-web",)
    assert not run_checks(chosen).blocked
    assert run_checks(unplugged()).blocked
    plugged = unplugged(Remedy.PLUG_STORAGE)
    assert spec_fixes(plugged) == ("plug_storage:host-2",)
    assert not run_checks(plugged).blocked


def test_a_fix_is_chosen_for_one_host_or_vm_by_name_or_uuid_and_stays_chosen_for_that_alone() -> None:
    disc = with_disc()
    by_name = replace(disc, choices=Choices(fixes=frozenset({"eject_cd:web"})))
    assert spec_fixes(by_name) == ("eject_cd:vm-web",)
    assert not run_checks(by_name).blocked
    other = replace(disc, choices=Choices(fixes=frozenset({"eject_cd:db"})))
    assert spec_fixes(other) == ()
    assert run_checks(other).blocked
    closed = pool_of([host(1), host(2, enabled=False), host(3, enabled=False)])
    one = facts_of(closed, choices=Choices(fixes=frozenset({"enable_host:xs-03"})))
    assert spec_fixes(one) == ("enable_host:host-3",)
    assert one.spec is not None
    assert choices_of(one.spec).fixes == {"enable_host:host-3"}
    assert {(severity, uuid) for severity, _, uuid in said("disabled_hosts", one)} == {
        (WARNS, "host-2"),
        (INFORMS, "host-3"),
    }


def test_storage_that_two_hosts_lack_has_to_be_connected_to_both() -> None:
    both = unplugged("plug_storage:xs-02")
    lacking = tuple(replace(host, unplugged_srs=both.snapshot.hosts[1].unplugged_srs) for host in both.snapshot.hosts)
    blocked = {"host-1": (VmBlocker("vm-web", "VM_REQUIRES_SR"),)}
    snapshot = replace(both.snapshot, hosts=lacking)
    assert remaining_blockers(both.snapshot, blocked, both.choices.fixes)["host-1"] == ()
    assert remaining_blockers(snapshot, blocked, both.choices.fixes)["host-1"] != ()
    assert remaining_blockers(snapshot, blocked, {Remedy.PLUG_STORAGE})["host-1"] == ()


@pytest.mark.parametrize("word", ["eject", "eject_cds:web", "eject_cd:", "enable_host", "mend:web", "eject_cd:nobody"])
def test_a_fix_that_there_is_not_is_refused(word: str) -> None:
    with pytest.raises(InvalidSpec):
        chosen_fixes([word], pool_of())
    assert chosen_fixes(["plug_storage", "enable_host:xs-02"], pool_of()) == {"plug_storage", "enable_host:xs-02"}
    # What somebody approved may be gone since, and is named by its uuid.
    gone = "eject_cd:9a6ee9d5-0000-4000-8000-000000000001"
    assert chosen_fixes([gone], pool_of()) == {gone}


def test_a_disk_beside_the_disc_still_ties_the_vm() -> None:
    disk_too = with_disc(DISC, Remedy.EJECT_CDS)
    tied = replace(
        disk_too,
        snapshot=replace(
            disk_too.snapshot,
            vms=(replace(disk_too.snapshot.vms[0], local_srs=("sr-disk", "sr-local")),),
        ),
    )
    assert said("evacuation_possible", tied) == [(BLOCKS, "check.evacuation.storage", "vm-web")]


def test_a_vm_that_is_stopped_for_the_turn_keeps_its_disc() -> None:
    facts = replace(with_disc(), choices=Choices(stopped_vms=StoppedVms.SUSPEND))
    assert facts.spec is not None
    assert [entry.treatment for entry in facts.spec.vms] == [VmTreatment.SUSPEND]
    assert said("discs_in_drives", facts) == []
    assert spec_fixes(facts) == ()


def test_a_host_out_of_service_is_lent_only_when_somebody_chose_so() -> None:
    snapshot = pool_of([host(1), host(2, enabled=False)])
    assert spec_fixes(facts_of(snapshot)) == ()
    lent = facts_of(snapshot, choices=Choices(fixes=frozenset({Remedy.ENABLE_HOSTS})))
    assert spec_fixes(lent) == ("enable_host:host-2",)
    assert said("disabled_hosts", lent) == [(INFORMS, "check.host_lent", "host-2")]


def test_a_host_that_xapi_would_not_enable_is_not_offered() -> None:
    closed = host(2, enabled=False, pending=guidance_of(mandatory=["reboot_host"]))
    facts = facts_of(pool_of([host(1), closed]), choices=Choices(fixes=frozenset({Remedy.ENABLE_HOSTS})))
    assert spec_fixes(facts) == ()
    assert said("disabled_hosts", facts) == [(WARNS, "check.host_disabled", "host-2")]


def test_every_fix_that_is_offered_says_how_it_is_undone() -> None:
    for facts in (with_disc(), unplugged(), facts_of(pool_of([host(1), host(2, enabled=False)]))):
        fixes = [finding.fix for finding in run_checks(facts).findings if finding.fix is not None]
        assert fixes
        assert all(fix.undo.code.endswith(".undo") for fix in fixes)


def test_with_ha_on_what_vms_show_themselves_stands_in_for_xapis_noise() -> None:
    changes: list[tuple[dict[str, Any], str]] = [
        ({"tools": GuestTools.MISSING}, "check.evacuation.no_tools"),
        ({"has_vgpu": True}, "check.evacuation.device"),
        ({"has_usb": True}, "check.evacuation.device"),
    ]
    for changed, code in changes:
        record: VM = vm("web", 1, **changed)
        snapshot = pool_of([host(1), host(2)], [record], ha=HA_ON, ha_plan_exists_for=1)
        noise = {"host-1": (VmBlocker("vm-web", "HOST_EVACUATE_VM_NOT_HA_PROTECTED"),), "host-2": ()}
        assert (BLOCKS, code, "vm-web") in said("evacuation_possible", facts_of(snapshot, blockers=noise))
