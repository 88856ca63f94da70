"""No disc in a virtual drive ties a VM to its host: a host's own drive, or storage that only this host has.

The disc of the VM Tools ties nobody, every host has a copy; nor does one on storage that all hosts share.
"""

from __future__ import annotations

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Fix, Severity
from bot.rollout.fixes import Remedy, fix_for, is_chosen, ties
from bot.rollout.guidance import Task
from bot.rollout.model import VM
from bot.rollout.reason import because


class DiscsInDrives:
    """Blocks for each such VM on a host that must be emptied; informs when the disc will be taken out."""

    name = "discs_in_drives"
    needs_updates = True

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        hosts = facts.spec.hosts if facts.spec is not None else ()
        emptied = {host.uuid for host in hosts if Task.EVACUATE_HOST in host.tasks}
        stopped = {vm.uuid for vm in facts.spec.vms} if facts.spec is not None else set()
        return tuple(
            self._finding(facts, vm)
            for vm in facts.snapshot.vms
            # A VM that is stopped for its host's turn keeps its disc.
            if vm.resident_on in emptied and ties(vm) and (self._chosen(facts, vm) or vm.uuid not in stopped)
        )

    @staticmethod
    def _chosen(facts: Facts, vm: VM) -> bool:
        return is_chosen(facts.choices.fixes, Remedy.EJECT_CDS, vm)

    def _finding(self, facts: Facts, vm: VM) -> Finding:
        discs = ", ".join(drive.name for drive in vm.drives if drive.keeps)
        reason = because("check.disc_in_drive", vm=vm.name, disc=discs, host=facts.host_name(vm.resident_on or ""))
        undo = because("fix.eject_cd.undo", vm=vm.name)
        if self._chosen(facts, vm):
            fix = Fix(fix_for(Remedy.EJECT_CDS, vm.uuid), because("fix.eject_cd"), undo)
            return Finding(self.name, Severity.INFORMS, reason, vm.uuid, fix)
        fix = Fix(fix_for(Remedy.EJECT_CDS, vm.uuid), because("fix.eject_cd.offer"), undo)
        return Finding(self.name, Severity.BLOCKS, reason, vm.uuid, fix)
