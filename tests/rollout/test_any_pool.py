"""What holds for every pool: random hosts, VMs, guidance and choices, carried out to the end or aborted anywhere.

``XSBOT_EXAMPLES=2000`` tries that many pools per test instead of a few.
"""

from __future__ import annotations

import os
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.rollout import action as do
from bot.rollout.decision import Verdict
from bot.rollout.fixes import Remedy, subjects_of
from bot.rollout.guidance import Guidance, Level, Task, without_covered
from bot.rollout.homes import MIXED
from bot.rollout.lifecycle import State
from bot.rollout.memory import DebtKind
from bot.rollout.model import VM, AvailableUpdates, HaSettings, HostUpdates, PoolSnapshot, PowerState
from bot.rollout.proposal import Choices, propose
from bot.rollout.spec import StoppedVms, VmTreatment

from ..unit.rollout.pools import NEW, NOW, host, pool_of, vm
from .ideal_pool import IdealPool, blockers, disc_of

_ROUNDS = 600
_EXAMPLES = int(os.environ.get("XSBOT_EXAMPLES", "150"))
pytestmark = pytest.mark.timeout(120 + 2 * _EXAMPLES)
#: Most VMs can move; some have a device of their host, some a disk on it.
_TIES: list[dict[str, Any]] = [{}, {}, {}, {"has_pci": True}, {"local_srs": ("sr-local",)}]
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
    hosts = [replace(entry, is_coordinator=index == coordinator) for index, entry in enumerate(hosts)]
    vms = [
        vm(f"vm{number}", draw(st.none() | st.integers(1, count)), ha_restart_priority="")
        for number in range(draw(st.integers(0, 5)))
    ]
    vms = [replace(entry, **draw(st.sampled_from(_TIES))) for entry in vms]
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
    )
    snapshot = replace(snapshot, pool=replace(snapshot.pool, coordinator=hosts[coordinator].uuid))
    rpms = draw(st.sampled_from([("kernel-4.19.0-8.x86_64.rpm",), ("xapi-core-26.2.0-1.x86_64.rpm",)]))
    guidance = draw(guidances())
    updates = AvailableUpdates(NEW, tuple(HostUpdates(entry.uuid, guidance, rpms, ("UP-1",)) for entry in hosts))
    stopped = draw(st.sampled_from([StoppedVms.SUSPEND, StoppedVms.SHUTDOWN]))
    keeping = {entry.uuid: blockers(snapshot, entry.uuid) for entry in hosts}
    fixes = draw(st.frozensets(st.sampled_from(Remedy)))
    choices = Choices(level=draw(st.sampled_from(Level)), stopped_vms=stopped, fixes=fixes)
    spec = propose(snapshot, updates, keeping, choices)
    return IdealPool(spec, updates, snapshot, NOW)


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
    stopped = {action.subject for action in pool.done if isinstance(action, do.SuspendVm | do.ShutdownVm)}
    allowed = {entry.uuid for entry in pool.spec.vms if entry.treatment is not VmTreatment.RESTART}
    assert stopped <= allowed
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
    assert all(entry.power_state is not PowerState.SUSPENDED for entry in pool.snapshot.vms) or pool.debts


@settings(max_examples=_EXAMPLES)
@given(rollouts(), st.integers(0, 2**32), st.none() | st.integers(0, 60))
def test_lost_answers_change_neither_the_end_nor_how_often_anything_happens(
    pool: IdealPool, seed: int, moment: int | None
) -> None:
    before, luck = pool.snapshot, Random(seed)
    pool.fate = lambda: luck.choice(["", "", "", "before", "after"])
    verdict = carry_out(pool, moment)
    assert verdict.state in ((State.SUCCEEDED,) if moment is None else (State.SUCCEEDED, State.ABORTED))
    assert_within_the_rules(pool, before)
