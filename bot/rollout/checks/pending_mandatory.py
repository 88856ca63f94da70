"""No mandatory task is left over from an earlier update.

``host.apply_updates`` refuses a host with pending mandatory guidance. Tasks of *this* update on a host that has
taken it already (an interrupted rollout) are carried out by the rollout and only mentioned.
"""

from __future__ import annotations

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Severity
from bot.rollout.guidance import Task, in_execution_order
from bot.rollout.kind import Kind
from bot.rollout.model import VM
from bot.rollout.reason import because


class PendingMandatory:
    """Blocks for each host and VM with mandatory tasks of an earlier update, warns for those of this one."""

    name = "pending_mandatory"
    needs_updates = False

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        found: list[Finding] = []
        for host in facts.snapshot.hosts:
            if host.pending.mandatory:
                ours = self._took_this_update(facts, host.uuid)
                found.append(self._finding("host", host.name, host.uuid, host.pending.mandatory, ours))
        for vm in facts.snapshot.vms:
            if vm.pending.mandatory:
                ours = self._of_this_update(facts, vm)
                found.append(self._finding("vm", vm.name, vm.uuid, vm.pending.mandatory, ours))
        return tuple(found)

    def _finding(self, kind: str, name: str, uuid: str, tasks: frozenset[Task], ours: bool) -> Finding:
        words = ", ".join(task.value for task in in_execution_order(tasks))
        code = f"check.pending_{kind}_resumed" if ours else f"check.pending_{kind}"
        severity = Severity.WARNS if ours else Severity.BLOCKS
        return Finding(self.name, severity, because(code, **{kind: name, "tasks": words}), uuid)

    def _took_this_update(self, facts: Facts, host: str | None) -> bool:
        if facts.choices.kind is not Kind.CDN:
            return True  # nothing is installed, and what is pending is carried out
        record = facts.snapshot.host(host) if host is not None else None
        checksum = facts.snapshot.checksum
        return record is not None and checksum != "" and record.last_update_hash == checksum

    def _of_this_update(self, facts: Facts, vm: VM) -> bool:
        # XAPI asks VMs to restart when the coordinator is updated, and for a new device model when their host is.
        coordinator = facts.snapshot.pool.coordinator
        if Task.RESTART_VM in vm.pending.mandatory and not self._took_this_update(facts, coordinator):
            return False
        if Task.RESTART_DEVICE_MODEL in vm.pending.mandatory:
            return self._took_this_update(facts, vm.resident_on)
        return self._took_this_update(facts, coordinator)
