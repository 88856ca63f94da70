"""Groups of VMs that should run on different hosts can stay apart while one host is away."""

from __future__ import annotations

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Severity
from bot.rollout.guidance import Task
from bot.rollout.reason import because


class AntiAffinity:
    """Informs about groups with more running VMs than hosts are left during a turn."""

    name = "anti_affinity"
    needs_updates = True

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        hosts = facts.spec.hosts if facts.spec is not None else ()
        if not any(Task.EVACUATE_HOST in host.tasks for host in hosts):
            return ()
        left = sum(host.live and host.enabled for host in facts.snapshot.hosts) - 1
        found = []
        for group in facts.snapshot.groups:
            running = [vm for vm in facts.snapshot.vms if vm.uuid in group.vms and vm.resident_on is not None]
            if len(running) > left:
                reason = because("check.group_crowded", group=group.name, vms=len(running), hosts=max(left, 0))
                found.append(Finding(self.name, Severity.INFORMS, reason, group.uuid))
        return tuple(found)
