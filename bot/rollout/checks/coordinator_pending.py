"""The coordinator has no restart of an earlier update before it that this rollout leaves out.

Members that restart with a newer toolstack than their coordinator has running stay out of the pool.
"""

from __future__ import annotations

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Severity
from bot.rollout.guidance import Level, Task, in_execution_order
from bot.rollout.reason import because

_RESTARTS = frozenset({Task.REBOOT_HOST, Task.RESTART_TOOLSTACK})


class CoordinatorPending:
    """Warns when the coordinator waits for a restart that the chosen level does not include."""

    name = "coordinator_pending"
    needs_updates = True

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        host = facts.snapshot.coordinator
        if host is None or facts.spec is None:
            return ()
        bound = facts.spec.host(host.uuid)
        covered = bound.tasks if bound is not None else frozenset[Task]()
        if Task.REBOOT_HOST in covered:
            return ()
        waiting = (host.pending.at(Level.FULL) & _RESTARTS) - covered
        if not waiting:
            return ()
        words = ", ".join(task.value for task in in_execution_order(waiting))
        reason = because("check.coordinator_pending", host=host.name, tasks=words)
        return (Finding(self.name, Severity.WARNS, reason, host.uuid),)
