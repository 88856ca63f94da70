"""What holds for every pool: random hosts, VMs, guidance and choices, carried out to the end or aborted anywhere.

``XSBOT_EXAMPLES=2000`` tries that many pools per test instead of a few.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.rollout import action as do
from bot.rollout.decision import Verdict
from bot.rollout.equipment import GuestTools, SnapshotSchedule, VmGroup
from bot.rollout.fixes import Remedy, subjects_of
from bot.rollout.guidance import Guidance, Level, Task, without_covered
from bot.rollout.homes import MIXED
from bot.rollout.lifecycle import State
from bot.rollout.memory import DebtKind
from bot.rollout.model import VM, AvailableUpdates, HaSettings, HostUpdates, PoolSnapshot, PowerState
from bot.rollout.proposal import Choices, propose
from bot.rollout.spec import StoppedVms, VmRestarts, VmTreatment, VmWay
from bot.rollout.vm_policy import VmWish

from ..unit.rollout.pools import NEW, NOW, host, pool_of, vm
from .ideal_pool import IdealPool, blockers, disc_of, tie_of

_ROUNDS = 600
_EXAMPLES = int(os.environ.get("XSBOT_EXAMPLES", "150"))
pytestmark = pytest.mark.timeout(120 + 2 * _EXAMPLES)
#: Most VMs can move; some have a device of their host, a disk on it, or an owner who forbids it.
_TIES: list[dict[str, Any]] = [
    *[{}] * 6,
    {"has_pci": True},
    {"has_vgpu": True},
    {"has_usb": True},
    {"has_sriov": True},
    {"local_srs": ("sr-local",)},
    {"allowed_operations": frozenset({"suspend", "clean_shutdown"})},
]
#: What VMs may be besides.
_WAYS: list[dict[str, Any]] = [
    *[{}] * 3,
    {"ha_restart_priority": "restart"},
    {"auto_poweron": True},
    {"tools": GuestTools.MISSING},
    {"pending": Guidance(recommended=frozenset({Task.RESTART_DEVICE_MODEL}))},
    {"pending": Guidance(full=frozenset({Task.RESTART_VM}))},
]
#: What earlier updates left on a host. What is mandatory among it keeps a rollout from being asked for.
_PENDING = [
    *[Guidance()] * 3,
    Guidance(recommended=frozenset({Task.RESTART_TOOLSTACK})),
    Guidance(recommended=frozenset({Task.REBOOT_HOST})),
    Guidance(full=frozenset({Task.REBOOT_HOST})),
]
_TASKS = st.frozensets(st.sampled_from([Task.RESTART_TOOLSTACK, Task.REBOOT_HOST, Task.EVACUATE_HOST]), max_size=2)


@st.composite
def guidances(draw: st.DrawFn) -> Guidance:
    """Guidance as XAPI lists it: each level without what the levels before it cover."""
    mandatory = without_covered(draw(_TASKS))
    recommended = without_covered(mandatory | draw(_TASKS)) - mandatory
    full = without_covered(mandatory | recommended | draw(_TASKS)) - mandatory - recommended
    return Guidance(mandatory, recommended, full)


@st.composite
def rollouts(draw: st.DrawFn) -> IdealPool:
    """An approved rollout of a random pool."""
    count = draw(st.integers(2, 4))
    hosts = [host(number, boot_time=1.0, agent_start_time=1.0) for number in range(1, count + 1)]
    coordinator = draw(st.integers(0, count - 1))
    hosts = [
        replace(entry, is_coordinator=index == coordinator, pending=draw(st.sampled_from(_PENDING)))
        for index, entry in enumerate(hosts)
    ]
    vms = [vm(f"vm{number}", draw(st.none() | st.integers(1, count))) for number in range(draw(st.integers(0, 5)))]
    vms = [replace(entry, **draw(st.sampled_from(_TIES)), **draw(st.sampled_from(_WAYS))) for entry in vms]
    vms = [
        replace(entry, power_state=PowerState.SUSPENDED) if entry.resident_on is None and draw(st.booleans()) else entry
        for entry in vms
    ]
    vms = [_with_disc(entry) if not entry.local_srs and draw(st.integers(0, 3)) == 0 else entry for entry in vms]
    hosts = [
        replace(entry, unplugged_srs=draw(st.sampled_from([(), (), ("sr-nfs",), ("sr-nfs", "sr-iscsi")])))
        for entry in hosts
    ]
    # A host that people took out of service, and emptied before they did.
    closed = draw(st.integers(0, count - 1)) if count > 2 and draw(st.booleans()) else None
    if closed is not None:
        hosts[closed] = replace(hosts[closed], enabled=False)
        vms = [entry for entry in vms if entry.resident_on != hosts[closed].uuid]
    snapshot: PoolSnapshot = replace(
        pool_of(
            hosts,
            vms,
            ha=HaSettings(draw(st.booleans()), ("sr-1",), (("timeout", "60"),), 1),
            wlb_enabled=draw(st.booleans()),
            update_sync_enabled=draw(st.booleans()),
            auto_poweron=draw(st.sampled_from([None, "true", "false"])),
        ),
        taken_at=NOW,
        schedules=draw(schedules(vms)),
    )
    snapshot = _with_group(snapshot) if draw(st.booleans()) else snapshot
    snapshot = replace(snapshot, pool=replace(snapshot.pool, coordinator=hosts[coordinator].uuid))
    rpms = draw(st.sampled_from([("kernel-4.19.0-8.x86_64.rpm",), ("xapi-core-26.2.0-1.x86_64.rpm",)]))
    guidance = draw(guidances())
    updates = AvailableUpdates(NEW, tuple(HostUpdates(entry.uuid, guidance, rpms, ("UP-1",)) for entry in hosts))
    stopped = draw(st.sampled_from([StoppedVms.SUSPEND, StoppedVms.SHUTDOWN]))
    keeping = {entry.uuid: blockers(snapshot, entry.uuid) for entry in hosts}
    fixes = draw(st.frozensets(st.sampled_from(Remedy)))
    choices = Choices(
        level=draw(st.sampled_from(Level)),
        stopped_vms=stopped,
        fixes=fixes,
        vms=draw(wishes(vms)),
        vm_restarts=draw(st.sampled_from(VmRestarts)),
        vms_at_once=draw(st.integers(0, 2)),
    )
    spec = propose(snapshot, updates, keeping, choices)
    return IdealPool(spec, updates, snapshot, NOW)


@st.composite
def schedules(draw: st.DrawFn, vms: list[VM]) -> tuple[SnapshotSchedule, ...]:
    """Up to two snapshot schedules, on and off, of any of the VMs."""
    covered = st.frozensets(st.sampled_from([entry.uuid for entry in vms])) if vms else st.just(frozenset[str]())
    return tuple(
        SnapshotSchedule(f"OpaqueRef:vmss-{number}", f"vmss-{number}", f"s{number}", draw(st.booleans()), draw(covered))
        for number in range(draw(st.integers(0, 2)))
    )


@st.composite
def wishes(draw: st.DrawFn, vms: list[VM]) -> tuple[VmWish, ...]:
    """Rules of their own for some VMs: stopped in some order although they could move."""
    ways = {entry.name: [VmWay.SHUTDOWN] if tie_of(entry) else [VmWay.SHUTDOWN, VmWay.SUSPEND] for entry in vms}
    chosen = sorted(name for name in ways if draw(st.integers(0, 5)) == 0)
    return tuple(VmWish(name, draw(st.sampled_from(ways[name])), draw(st.integers(0, 2))) for name in chosen)


def _with_group(snapshot: PoolSnapshot) -> PoolSnapshot:
    """The pool with a group of its first two VMs, that are better kept apart."""
    members = [entry.uuid for entry in snapshot.vms[:2]]
    vms = tuple(replace(entry, group="group-1") if entry.uuid in members else entry for entry in snapshot.vms)
    return replace(snapshot, vms=vms, groups=(VmGroup("group-1", "apart", frozenset(members)),))


def awkward(pool: IdealPool) -> set[str]:
    """What is awkward about the pool, in a word each."""
    snapshot, spec = pool.snapshot, pool.spec
    ties = {tie_of(entry) for entry in snapshot.vms if entry.resident_on is not None}
    asked = pool.updates.hosts[0].guidance
    found = {
        "HA": snapshot.pool.ha.enabled,
        "WLB": snapshot.pool.wlb_enabled,
        "periodic sync": snapshot.pool.update_sync_enabled,
        "auto-poweron of the pool": snapshot.pool.auto_poweron == "true",
        "auto-poweron of a VM": any(entry.auto_poweron for entry in snapshot.vms),
        "a VM that HA protects": any(entry.ha_restart_priority for entry in snapshot.vms),
        "PCI": "VM_HAS_PCI_ATTACHED" in ties,
        "vGPU": "VM_HAS_VGPU" in ties,
        "USB": "VM_HAS_VUSBS" in ties,
        "SR-IOV": "VM_HAS_SRIOV_VIF" in ties,
        "local storage": "VM_REQUIRES_SR" in ties,
        "pinned by its owner": "OPERATION_BLOCKED" in ties,
        "disc in a drive": any(entry.drives for entry in snapshot.vms),
        "anti-affinity": any(len(group.vms) > 1 for group in snapshot.groups),
        "no guest tools": any(entry.tools is GuestTools.MISSING for entry in snapshot.vms),
        "suspended VM": any(entry.power_state is PowerState.SUSPENDED for entry in snapshot.vms),
        "halted VM": any(entry.power_state is PowerState.HALTED for entry in snapshot.vms),
        "host out of service": not all(entry.enabled for entry in snapshot.hosts),
        "unplugged storage": any(entry.unplugged_srs for entry in snapshot.hosts),
        "coordinator not first": not snapshot.hosts[0].is_coordinator,
        "pending on a host": any(entry.pending != Guidance() for entry in snapshot.hosts),
        "pending on a VM": any(entry.pending != Guidance() for entry in snapshot.vms),
        "snapshot schedule on": bool(snapshot.schedules_at_work),
        "snapshot schedule off": any(not entry.enabled for entry in snapshot.schedules),
        "a rule for a VM": bool(spec.rules),
        "VMs in an order": any(rule.order for rule in spec.rules),
        "a fix": bool(spec.fixes),
        "new versions": pool.updates.changes_versions,
        **{f"level {level.value}": spec.level is level for level in Level},
        **{f"guidance up to {level.value}": bool(asked.at(level)) for level in Level},
        **{f"VM restarts {way.value}": spec.vm_restarts is way for way in VmRestarts},
    }
    return {name for name, there in found.items() if there} | {
        f"not {name}" for name, there in found.items() if not there
    }


def test_pools_with_every_awkward_property_and_without_it_are_drawn() -> None:
    seen: Counter[str] = Counter()

    @settings(max_examples=300, derandomize=True, database=None)
    @given(rollouts())
    def look(pool: IdealPool) -> None:
        seen.update(awkward(pool))

    look()
    every = {name.removeprefix("not ") for name in seen}
    assert [name for name in sorted(every) if not (seen[name] and seen[f"not {name}"])] == []


def _with_disc(entry: VM) -> VM:
    """The VM with a disc in its drive that only its host can read."""
    if entry.resident_on is None:
        return entry
    disc = disc_of(f"drive-{entry.uuid}", entry.resident_on)
    return replace(entry, drives=(disc,), local_srs=(disc.sr,), srs=(disc.sr,))


def carry_out(pool: IdealPool, abort_after: int | None) -> Verdict:
    for number in range(_ROUNDS):
        if number == abort_after:
            pool.aborting = True
        decision = pool.round()
        if decision.verdict is not None:
            waiting = {key for key, code in decision.waiting if code == MIXED}
            assert {debt.key for debt in pool.debts} <= waiting
            return decision.verdict
    raise AssertionError(f"no end: {decision.reason}")


def assert_within_the_rules(pool: IdealPool, before: PoolSnapshot) -> None:
    """Whatever was done was allowed, once, in order, and what is not owed any more is as it was."""
    suspended = {action.subject for action in pool.done if isinstance(action, do.SuspendVm)}
    stopped = {action.subject for action in pool.done if isinstance(action, do.ShutdownVm)}
    assert suspended <= {entry.uuid for entry in pool.spec.vms if entry.treatment is VmTreatment.SUSPEND}
    # One that must restart is stopped instead of being moved live, and starts at home; one to be suspended keeps its
    # memory.
    may_begin_anew = {entry.uuid for entry in pool.spec.vms if entry.treatment is not VmTreatment.SUSPEND}
    assert stopped <= may_begin_anew
    restarted = {action.subject for action in pool.done if isinstance(action, do.RestartVm)}
    assert restarted <= may_begin_anew
    for kind in (do.ApplyUpdates, do.RebootHost, do.RestartToolstack):
        subjects = [action.subject for action in pool.done if isinstance(action, kind)]
        assert len(subjects) == len(set(subjects)), kind
        if len(subjects) == len(pool.snapshot.hosts):
            assert subjects[0] == before.pool.coordinator
    after, owed = pool.snapshot, {debt.kind for debt in pool.debts}
    assert after.pool.claim is None
    assert (after.pool.wlb_enabled, after.pool.update_sync_enabled, after.pool.auto_poweron) == (
        before.pool.wlb_enabled,
        before.pool.update_sync_enabled,
        before.pool.auto_poweron,
    )
    if DebtKind.SNAPSHOT_SCHEDULE not in owed:
        assert after.schedules == before.schedules
    if DebtKind.HA not in owed:
        assert after.pool.ha == before.pool.ha
    for now, then in zip(after.hosts, before.hosts, strict=True):
        assert now.enabled == then.enabled
        chosen = now.uuid in subjects_of(pool.spec.fixes, Remedy.PLUG_STORAGE)
        assert set(now.unplugged_srs) <= set(then.unplugged_srs)
        assert chosen or now.unplugged_srs == then.unplugged_srs
    ejected = {action.vm for action in pool.done if isinstance(action, do.EjectDisc)}
    assert ejected <= set(subjects_of(pool.spec.fixes, Remedy.EJECT_CDS))
    lent = {action.host for action in pool.done if isinstance(action, do.LendHost)}
    assert lent <= set(subjects_of(pool.spec.fixes, Remedy.ENABLE_HOSTS))
    owed_discs = {debt.subject for debt in pool.debts if debt.kind is DebtKind.DISC}
    for vm_now, vm_then in zip(after.vms, before.vms, strict=True):
        assert vm_now.drives == vm_then.drives or f"drive-{vm_now.uuid}" in owed_discs
    for vm_now, vm_then in zip(after.vms, before.vms, strict=True):
        if not any(debt.subject == vm_now.uuid for debt in pool.debts):
            assert (vm_now.power_state, vm_now.resident_on) == (vm_then.power_state, vm_then.resident_on)


@settings(max_examples=_EXAMPLES)
@given(rollouts())
def test_every_rollout_ends_with_every_host_updated_and_the_pool_as_it_was(pool: IdealPool) -> None:
    before = pool.snapshot
    assert carry_out(pool, None).state is State.SUCCEEDED
    assert pool.debts == []
    assert_within_the_rules(pool, before)
    assert {entry.last_update_hash for entry in pool.snapshot.hosts} == {NEW}
    assert len({entry.version for entry in pool.snapshot.hosts}) == 1
    for entry in pool.snapshot.hosts:
        assert not entry.pending.at(pool.spec.level)


@settings(max_examples=_EXAMPLES)
@given(rollouts(), st.integers(0, 60))
def test_an_abort_at_any_moment_gives_back_what_it_may_and_owes_the_rest(pool: IdealPool, moment: int) -> None:
    before = pool.snapshot
    verdict = carry_out(pool, moment)
    assert verdict.state in (State.ABORTED, State.SUCCEEDED)
    assert_within_the_rules(pool, before)
    if pool.debts:
        assert pool.snapshot.pool.versions_mixed
    asleep = {entry.uuid for entry in before.vms if entry.power_state is PowerState.SUSPENDED}
    left_asleep = {entry.uuid for entry in pool.snapshot.vms if entry.power_state is PowerState.SUSPENDED} - asleep
    assert not left_asleep or pool.debts


@settings(max_examples=_EXAMPLES)
@given(rollouts(), st.integers(0, 2**32), st.none() | st.integers(0, 60))
def test_lost_answers_and_refusals_change_neither_the_end_nor_how_often_anything_happens(
    pool: IdealPool, seed: int, moment: int | None
) -> None:
    before, luck = pool.snapshot, Random(seed)
    pool.fate = lambda: luck.choice(["", "", "", "before", "after", "refused"])
    verdict = carry_out(pool, moment)
    assert verdict.state in ((State.SUCCEEDED,) if moment is None else (State.SUCCEEDED, State.ABORTED))
    assert_within_the_rules(pool, before)
