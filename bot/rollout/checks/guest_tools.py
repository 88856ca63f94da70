"""The VM Tools are there in every VM that has to move, and not out of date."""

from __future__ import annotations

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Severity
from bot.rollout.equipment import GuestTools
from bot.rollout.guidance import Task
from bot.rollout.reason import because


class GuestToolsPresent:
    """Warns about VMs without the tools on hosts that are emptied, informs about those with old ones.

    Whether a VM without tools can be moved at all is XAPI's to say; the check of evacuation asks it.
    """

    name = "guest_tools"
    needs_updates = True

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        hosts = facts.spec.hosts if facts.spec is not None else ()
        emptied = {host.uuid for host in hosts if Task.EVACUATE_HOST in host.tasks}
        there = [vm for vm in facts.snapshot.vms if vm.resident_on in emptied]
        found = []
        for tools, code, severity in (
            (GuestTools.MISSING, "check.tools_missing", Severity.WARNS),
            (GuestTools.OLD, "check.tools_old", Severity.INFORMS),
        ):
            names = [vm.name for vm in there if vm.tools is tools]
            if names:
                reason = because(code, vms=", ".join(names), count=len(names))
                found.append(Finding(self.name, severity, reason, facts.snapshot.pool.uuid))
        return tuple(found)
