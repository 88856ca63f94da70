"""No backup is at work: a VM that is being snapshot, exported or copied cannot be moved meanwhile."""

from __future__ import annotations

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Severity
from bot.rollout.reason import because

#: VM operations that a backup or a person started, and that end by themselves.
OPERATIONS = frozenset({"snapshot", "checkpoint", "export", "copy", "clone", "migrate_send", "pool_migrate", "revert"})
#: Tasks that touch disks without showing on a VM.
_TASKS = frozenset(
    {
        "Async.VDI.copy",
        "Async.VDI.snapshot",
        "Async.VDI.clone",
        "Async.VDI.pool_migrate",
        "Async.VM.snapshot",
        "Async.VM.copy",
        "Async.VM.migrate_send",
        "VM.export",
        "VDI.export_raw",
    }
)


class BackupsRunning:
    """Warns when the rollout is asked for, since it starts later; blocks its start."""

    name = "backups_running"
    needs_updates = False

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        severity = Severity.BLOCKS if facts.starting else Severity.WARNS
        busy = {vm: sorted(vm.current_operations & OPERATIONS) for vm in facts.snapshot.vms}
        found = [
            Finding(self.name, severity, because("check.vm_busy", vm=vm.name, operation=operations[0]), vm.uuid)
            for vm, operations in busy.items()
            if operations
        ]
        tasks = sorted({task.name for task in facts.snapshot.tasks if task.name in _TASKS and not task.ours})
        if tasks and not found:
            pool = facts.snapshot.pool
            reason = because("check.task_running", pool=pool.name, task=tasks[0].removeprefix("Async."))
            found.append(Finding(self.name, severity, reason, pool.uuid))
        return tuple(found)
