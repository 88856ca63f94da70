"""Planned rollouts in which everything takes time: random pools whose members find a restarted coordinator late."""

from __future__ import annotations

import os
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.rollout import action as do
from bot.rollout.lifecycle import State
from bot.rollout.memory import DebtKind
from bot.rollout.model import VM
from bot.rollout.proposal import Choices, propose
from bot.rollout.spec import Placement, Preset

from ..unit.rollout.pools import GIB, NO_BLOCKERS, host, pool_of, updates_of, vm
from .timed_pool import TimedPool

_EXAMPLES = int(os.environ.get("XSBOT_EXAMPLES", "40"))
pytestmark = pytest.mark.timeout(120 + 2 * _EXAMPLES)
PLANNED = (Preset.GENTLE, Preset.STANDARD, Preset.FAST)


def timed(hosts: int, load: float, choices: Choices, luck: Random, most: int = 16) -> TimedPool:
    """Hosts of 64 GiB, that share of them full of VMs of at most `most` GiB."""
    records = [
        host(number, boot_time=1.0, agent_start_time=1.0, memory_total=64 * GIB) for number in range(1, hosts + 1)
    ]
    vms: list[VM] = []
    for number in range(1, hosts + 1):
        left = load * 64
        while (size := luck.choice([size for size in (2, 4, 8, 16) if size <= most])) <= left:
            vms.append(vm(f"v{number}-{len(vms)}", number, memory=size * GIB))
            left -= size
    snapshot = pool_of(records, vms)
    updates = updates_of(snapshot)
    spec = propose(snapshot, updates, NO_BLOCKERS, choices)
    return TimedPool(spec, updates, snapshot, snapshot.taken_at)


def carried_out(pool: TimedPool, rounds: int = 3000) -> State:
    for _ in range(rounds):
        decision = pool.round()
        if decision.verdict is not None:
            return decision.verdict.state
    raise AssertionError("it does not come to an end")


@given(
    hosts=st.integers(3, 6),
    load=st.floats(0.1, 0.55),
    seed=st.integers(0, 10**6),
    preset=st.sampled_from(PLANNED),
    placement=st.sampled_from(Placement),
    longest=st.sampled_from([0.0, 20.0, 90.0, 400.0]),
    slower=st.sampled_from([0.5, 1.0, 3.0]),
)
@settings(max_examples=_EXAMPLES, deadline=None)
def test_members_that_find_their_coordinator_late_are_waited_for(
    hosts: int, load: float, seed: int, preset: Preset, placement: Placement, longest: float, slower: float
) -> None:
    luck = Random(seed)
    pool = timed(hosts, load, Choices(preset=preset, placement=placement), luck)
    pool.slower, pool.finds_back = slower, lambda host: luck.uniform(0.0, longest)
    assert carried_out(pool) is State.SUCCEEDED
    # Nobody took the pool for smaller than it is: XAPI was never left to squeeze VMs.
    assert [action for action in pool.done if isinstance(action, do.EvacuateHost)] == []
    reboots = [action.host for action in pool.done if isinstance(action, do.RebootHost)]
    assert reboots[0] == "host-1"
    assert sorted(reboots) == sorted(host.uuid for host in pool.snapshot.hosts)
    assert not any(pool.owes(DebtKind.VM_HOME, vm.uuid) for vm in pool.snapshot.vms)
    if placement is Placement.HOME:
        assert all(vm.resident_on == f"host-{vm.name[1]}" for vm in pool.snapshot.vms)


@pytest.mark.parametrize("preset", PLANNED)
def test_a_host_that_comes_into_service_between_installation_and_restart_is_taken_out_again(preset: Preset) -> None:
    pool = timed(4, 0.4, Choices(preset=preset, placement=Placement.LEAVE), Random(1))
    pool.enables_itself = lambda host: host != "host-1"
    assert carried_out(pool) is State.SUCCEEDED
    reboots = [action.host for action in pool.done if isinstance(action, do.RebootHost)]
    assert sorted(reboots) == ["host-1", "host-2", "host-3", "host-4"]


@pytest.mark.parametrize("placement", [Placement.LEAVE, Placement.BALANCE, Placement.HOME])
def test_an_abort_brings_vms_home_only_where_people_chose_that(placement: Placement) -> None:
    pool = timed(4, 0.4, Choices(preset=Preset.STANDARD, placement=placement), Random(2))
    while not (installed := [host for host in pool.snapshot.hosts[1:] if host.last_update_hash == pool.spec.checksum]):
        assert pool.round().verdict is None
    # A VM that somebody moved there keeps the host from its restart, which is due even now.
    host, guest = installed[0].uuid, pool.snapshot.residents("host-1")[0].uuid
    pool._vm(guest, resident_on=host)
    known = {debt.subject for debt in pool.debts if debt.kind is DebtKind.VM_HOME}
    pool.aborting = True
    assert carried_out(pool) is State.ABORTED
    assert [action.host for action in pool.done if isinstance(action, do.EvacuateHost)] == [host]
    assert (known == set()) is (placement is not Placement.HOME)
    assert (pool.vm(guest).resident_on == host) is (placement is Placement.HOME)
