"""Hosts that wait for a reboot because an earlier live patch could not be applied."""

from __future__ import annotations

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Severity
from bot.rollout.guidance import LIVEPATCH_FAILURE_TASKS, Level, Task
from bot.rollout.reason import because


class LivepatchFailed:
    """Warns for each such host that this rollout would not reboot."""

    name = "livepatch_failed"
    needs_updates = False

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        found = []
        for host in facts.snapshot.hosts:
            bound = facts.spec.host(host.uuid) if facts.spec is not None else None
            reboots = bound is not None and Task.REBOOT_HOST in bound.tasks
            if host.pending.at(Level.FULL) & LIVEPATCH_FAILURE_TASKS and not reboots:
                reason = because("check.livepatch_failed", host=host.name)
                found.append(Finding(self.name, Severity.WARNS, reason, host.uuid))
        return tuple(found)
