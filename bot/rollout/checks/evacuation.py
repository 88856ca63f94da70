"""Every host that must be emptied can be emptied, or what stays behind may be stopped.

XAPI is asked per host which VMs it could not move. Each of them is named with its host and XAPI's code; a VM that
stopping would free is refused, suspended or shut down as the person chose, and the spec lists it.
"""

from __future__ import annotations

from bot.rollout.blocker import (
    HA_NOISE,
    PEOPLE_FIRST,
    Cause,
    can_suspend,
    cause_of,
    memory_alone,
    treatment_of,
)
from bot.rollout.checks.backups_running import OPERATIONS
from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Fix, Severity
from bot.rollout.fixes import remaining_blockers
from bot.rollout.guidance import Task
from bot.rollout.model import VM, PowerState, VmBlocker
from bot.rollout.proposal import preset_of
from bot.rollout.reason import Reason, because
from bot.rollout.spec import HostCeiling, Preset, Spec, StoppedVms, VmTreatment, VmWay
from bot.rollout.vm_policy import always_stopped

_STOPS = (VmTreatment.SUSPEND, VmTreatment.SHUTDOWN)


class EvacuationPossible:
    """Blocks for VMs that keep their host from being emptied, warns for those that will be stopped."""

    name = "evacuation_possible"
    needs_updates = True

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        if facts.spec is None:
            return ()
        emptied = [host for host in facts.spec.hosts if Task.EVACUATE_HOST in host.tasks]
        remaining = remaining_blockers(facts.snapshot, facts.blockers, facts.choices.fixes)
        found: list[Finding] = []
        for host in emptied:
            if host.uuid not in facts.blockers and _should_have_been_asked(facts, host.uuid):
                reason = because("check.evacuation.not_asked", host=host.name)
                found.append(Finding(self.name, Severity.BLOCKS, reason, host.uuid))
            found += [
                self._finding(facts, facts.spec, host, entry)
                for entry in remaining.get(host.uuid, ())
                # XAPI's own placement gives up where the planner may find a way; `Room` tells whether it does.
                if (preset_of(facts.spec) is Preset.SERIAL or not memory_alone(entry.code))
                and not _passes_before_start(facts, entry)
                and not _said_of_the_vm(facts.spec, entry.vm)
            ]
        return (*found, *self._asked_again(facts, emptied))

    def _finding(self, facts: Facts, spec: Spec, host: HostCeiling, entry: VmBlocker) -> Finding:
        vm = facts.snapshot.vm(entry.vm)
        allowance = spec.vm(entry.vm)
        if vm is not None and allowance is not None and allowance.treatment in _STOPS:
            return self._stopped(facts, host, vm, entry, allowance.treatment)
        paused = vm is not None and vm.power_state is not PowerState.RUNNING
        cause = Cause.POWER_STATE if paused else cause_of(entry.code)
        name = vm.name if vm is not None else entry.vm
        if spec.way(entry.vm) is VmWay.MIGRATE and cause not in PEOPLE_FIRST:
            reason = because("check.evacuation.must_move", vm=name, host=host.name, code=entry.code)
            return Finding(self.name, Severity.BLOCKS, reason, entry.vm)
        way_out = _way_out(vm, entry) if facts.choices.stopped_vms is StoppedVms.REFUSE else None
        if way_out is None and cause not in PEOPLE_FIRST:
            reason = because("check.evacuation.cannot_stop", vm=name, host=host.name, code=entry.code)
        else:
            reason = because(f"check.evacuation.{cause.value}", vm=name, host=host.name, code=entry.code)
        return Finding(self.name, Severity.BLOCKS, reason, entry.vm, way_out)

    def _stopped(self, facts: Facts, host: HostCeiling, vm: VM, entry: VmBlocker, treatment: VmTreatment) -> Finding:
        word = treatment.value
        if treatment is VmTreatment.SHUTDOWN and facts.choices.stopped_vms is StoppedVms.SUSPEND:
            word = "shutdown_to_restart" if can_suspend(vm, entry.code) else "shutdown_instead"
        reason = because(f"check.evacuation.{word}", vm=vm.name, host=host.name, code=entry.code)
        return Finding(self.name, Severity.WARNS, reason, vm.uuid, _fix(vm, host.name, treatment))

    def _asked_again(self, facts: Facts, emptied: list[HostCeiling]) -> tuple[Finding, ...]:
        """While HA is on XAPI does not say everything; people should know that it is asked once more."""
        noise = {entry.vm for host in emptied for entry in facts.blockers.get(host.uuid, ()) if entry.code == HA_NOISE}
        if not noise or not facts.snapshot.pool.ha.enabled:
            return ()
        reason = because("check.evacuation.asked_again", vms=len(noise))
        return (Finding(self.name, Severity.INFORMS, reason, facts.snapshot.pool.uuid),)


def _passes_before_start(facts: Facts, entry: VmBlocker) -> bool:
    """Whether only a backup keeps the VM: the check of backups speaks of it, and holds up the start."""
    vm = facts.snapshot.vm(entry.vm)
    if facts.starting or vm is None or cause_of(entry.code) is not Cause.BUSY:
        return False
    return bool(vm.current_operations & OPERATIONS)


def _said_of_the_vm(spec: Spec, vm: str) -> bool:
    """Whether a rule of its own says what becomes of the VM: the check of rules speaks of it."""
    return always_stopped(spec, vm) is not None or spec.way(vm) is VmWay.LEAVE


def _should_have_been_asked(facts: Facts, host: str) -> bool:
    """Whether VMs run there; a host that does not answer cannot be asked and is refused for that already."""
    record = facts.snapshot.host(host)
    return record is not None and record.live and bool(facts.snapshot.residents(host))


def _way_out(vm: VM | None, entry: VmBlocker) -> Fix | None:
    """The gentlest way to free the host of the VM: suspend it where that is possible, else shut it down."""
    if vm is None:
        return None
    if treatment_of(vm, entry.code, StoppedVms.SUSPEND) is VmTreatment.SUSPEND:
        return Fix("stopped_vms=suspend", because("fix.offer_suspend"), _undo(vm, VmTreatment.SUSPEND))
    if treatment_of(vm, entry.code, StoppedVms.SHUTDOWN) is VmTreatment.SHUTDOWN:
        return Fix("stopped_vms=shutdown", because("fix.offer_shutdown"), _undo(vm, VmTreatment.SHUTDOWN))
    return None


def _fix(vm: VM, host: str, treatment: VmTreatment) -> Fix:
    reason = because(f"fix.{treatment.value}", vm=vm.name, host=host)
    return Fix(f"stopped_vms={treatment.value}", reason, _undo(vm, treatment))


def _undo(vm: VM, treatment: VmTreatment) -> Reason:
    return because(f"fix.{treatment.value}.undo", vm=vm.name)
