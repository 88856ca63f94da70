"""VMs with a rule of their own: whether it can be kept, and what it means for their host."""

from __future__ import annotations

from bot.rollout.blocker import can_shut_down, can_suspend
from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Fix, Severity
from bot.rollout.guidance import Task
from bot.rollout.model import VM, PowerState
from bot.rollout.reason import because
from bot.rollout.spec import Spec, VmTreatment, VmWay
from bot.rollout.vm_policy import always_stopped


class VmRules:
    """Blocks for a rule that cannot be kept, warns for a host left out because of one, informs of VMs that stop."""

    name = "vm_rules"
    needs_updates = True

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        if facts.spec is None:
            return ()
        found = [self._finding(facts, facts.spec, facts.snapshot.vm(rule.uuid)) for rule in facts.spec.rules]
        return tuple(finding for finding in found if finding is not None)

    def _finding(self, facts: Facts, spec: Spec, vm: VM | None) -> Finding | None:
        if vm is None or vm.resident_on is None or vm.power_state not in (PowerState.RUNNING, PowerState.PAUSED):
            return None
        host = facts.host_name(vm.resident_on)
        bound = spec.host(vm.resident_on)
        if spec.way(vm.uuid) is VmWay.LEAVE:
            if vm.resident_on in {uuid for uuid, _ in spec.left_out}:
                return Finding(self.name, Severity.WARNS, because("check.vm_left", vm=vm.name, host=host), vm.uuid)
            first = vm.resident_on == facts.snapshot.pool.coordinator
            if first and bound is not None and Task.EVACUATE_HOST in bound.tasks:
                reason = because("check.vm_left_on_coordinator", vm=vm.name, host=host)
                return Finding(self.name, Severity.BLOCKS, reason, vm.uuid)
            return None
        allowed = always_stopped(spec, vm.uuid)
        if allowed is None:
            return None
        treatment = allowed.treatment
        code = next((entry.code for entry in facts.blockers.get(vm.resident_on, ()) if entry.vm == vm.uuid), "")
        possible = can_suspend(vm, code) if treatment is VmTreatment.SUSPEND else can_shut_down(vm, code)
        if not possible:
            reason = because(f"check.vm_rule.cannot_{treatment.value}", vm=vm.name, host=host)
            return Finding(self.name, Severity.BLOCKS, reason, vm.uuid)
        fix = Fix(
            f"vm={treatment.value}",
            because(f"fix.{treatment.value}", vm=vm.name, host=host),
            because(f"fix.{treatment.value}.undo", vm=vm.name),
        )
        return Finding(self.name, Severity.INFORMS, because("check.vm_rule.stops", vm=vm.name, host=host), vm.uuid, fix)
