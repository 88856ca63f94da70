"""The VMs of every host fit on the others while it is emptied, at every turn and not only at the first.

While HA is on XAPI does not say so, and it only ever looks at one host. Simulated here: VMs are home again before the
next host's turn begins, as the rollout has it.
"""

from __future__ import annotations

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Severity
from bot.rollout.fixes import Remedy, can_enable, is_chosen
from bot.rollout.guidance import Task
from bot.rollout.model import VM, Host, PowerState
from bot.rollout.proposal import preset_of
from bot.rollout.reason import because
from bot.rollout.spec import Preset, VmTreatment

_GIB = 2**30


class MemoryRoom:
    """Blocks where all free memory together is too little, warns where the VMs hardly fit."""

    name = "memory_room"
    needs_updates = True

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        # A plan finds places in another way, and `Room` carries it out on paper.
        serial = facts.spec is not None and preset_of(facts.spec) is Preset.SERIAL
        hosts = facts.spec.hosts if facts.spec is not None and serial else ()
        emptied = [facts.snapshot.host(host.uuid) for host in hosts if Task.EVACUATE_HOST in host.tasks]
        return tuple(
            finding
            for host in emptied
            if host is not None and host.live and (finding := self._turn(facts, host)) is not None
        )

    def _turn(self, facts: Facts, host: Host) -> Finding | None:
        free = [_free(facts, other) for other in facts.snapshot.hosts if _takes_vms(facts, other, host)]
        needed = [vm.memory_least for vm in facts.snapshot.residents(host.uuid) if _moves(facts, vm)]
        if not free or not needed or not host.memory_total:
            return None  # nowhere to go is said by the check of evacuation; nothing to move, or nothing known
        if _fits(needed, free):
            return None
        severity = Severity.BLOCKS if sum(needed) > sum(free) else Severity.WARNS
        code = "check.memory_short" if severity is Severity.BLOCKS else "check.memory_tight"
        reason = because(code, host=host.name, vms=len(needed), need=_gib(sum(needed)), free=_gib(sum(free)))
        return Finding(self.name, severity, reason, host.uuid)


def _takes_vms(facts: Facts, other: Host, emptied: Host) -> bool:
    if other.uuid == emptied.uuid or not other.live or not other.version.at_least(emptied.version):
        return False
    return other.enabled or (can_enable(other) and is_chosen(facts.choices.fixes, Remedy.ENABLE_HOSTS, other))


def _moves(facts: Facts, vm: VM) -> bool:
    """Whether the VM has to find room elsewhere; one that is stopped for the turn does not."""
    allowed = facts.spec.vm(vm.uuid) if facts.spec is not None else None
    stopped = allowed is not None and allowed.treatment is not VmTreatment.RESTART
    return vm.power_state is PowerState.RUNNING and not stopped


def _free(facts: Facts, host: Host) -> int:
    """What XAPI counts as free: all memory less the hypervisor's, the control domain's and what its VMs need."""
    taken = sum(vm.memory_least for vm in facts.snapshot.residents(host.uuid))
    return max(0, host.memory_total - host.memory_overhead - host.control_domain_memory - taken)


def _fits(needed: list[int], free: list[int]) -> bool:
    """Whether XAPI's way of placing them succeeds: the biggest first, each where most is free."""
    room = list(free)
    for size in sorted(needed, reverse=True):
        best = max(range(len(room)), key=room.__getitem__)
        if room[best] < size:
            return False
        room[best] -= size
    return True


def _gib(size: int) -> str:
    return f"{size / _GIB:.0f} GiB" if size >= _GIB else f"{size / 2**20:.0f} MiB"
