"""Which VMs a rollout may stop, and how: those that cannot leave their host, that are named, or that must restart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.rollout.blocker import Blockers, memory_alone, treatment_of
from bot.rollout.fixes import remaining_blockers
from bot.rollout.guidance import Task
from bot.rollout.model import PoolSnapshot, PowerState
from bot.rollout.spec import HostCeiling, Preset, VmRestarts, VmRule, VmTreatment, VmWay
from bot.rollout.vm_policy import stopped_by_rule

if TYPE_CHECKING:
    from bot.rollout.proposal import Choices


def treatments_of(
    snapshot: PoolSnapshot,
    blockers: Blockers,
    hosts: tuple[HostCeiling, ...],
    choices: Choices,
    rules: tuple[VmRule, ...],
) -> dict[str, VmTreatment]:
    """How each of these VMs (by uuid) may be stopped, one way for each.

    A VM that cannot leave and must restart as well is shut down rather than suspended: only a fresh start gives it
    what the update brings. One that somebody wants suspended is suspended all the same.
    """
    ways = {rule.uuid: rule.way for rule in rules}
    left = {uuid for uuid, way in ways.items() if way is VmWay.LEAVE}
    restarting = _must_restart(snapshot, hosts, choices) - left
    treatments: dict[str, VmTreatment] = dict.fromkeys(restarting, VmTreatment.RESTART)
    keeping = remaining_blockers(snapshot, blockers, choices.fixes)
    for host in hosts:
        if Task.EVACUATE_HOST not in host.tasks:
            continue
        for entry in keeping.get(host.uuid, ()):
            if choices.preset is not Preset.SERIAL and memory_alone(entry.code):
                continue  # where XAPI's placement gives up, the planner may find a way
            if ways.get(entry.vm, VmWay.USUAL) is not VmWay.USUAL:
                continue  # somebody has said what becomes of it
            vm = snapshot.vm(entry.vm)
            treatment = treatment_of(vm, entry.code, choices.stopped_vms) if vm is not None else None
            if treatment is not None:
                treatments[entry.vm] = VmTreatment.SHUTDOWN if entry.vm in restarting else treatment
        for vm in snapshot.residents(host.uuid):
            by_rule = stopped_by_rule(vm, rules)
            if by_rule is not None:
                treatments[vm.uuid] = by_rule
    return treatments


def _must_restart(snapshot: PoolSnapshot, hosts: tuple[HostCeiling, ...], choices: Choices) -> frozenset[str]:
    if choices.vm_restarts is VmRestarts.PENDING:
        return frozenset()
    # XAPI asks every VM of the pool to restart as soon as one host's guidance has RestartVM.
    everywhere = any(Task.RESTART_VM in host.tasks for host in hosts)
    return frozenset(
        vm.uuid
        for vm in snapshot.vms
        if vm.power_state is PowerState.RUNNING and (everywhere or Task.RESTART_VM in vm.pending.at(choices.level))
    )
