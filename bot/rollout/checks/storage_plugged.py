"""Every host has the storage attached that it should have: a VM can only move to a host that reaches its disks."""

from __future__ import annotations

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Fix, Severity
from bot.rollout.fixes import Remedy, fix_for, is_chosen
from bot.rollout.model import Host
from bot.rollout.reason import because


class StoragePlugged:
    """Blocks where running VMs use the storage, warns where none does; informs when it will be plugged."""

    name = "storage_plugged"
    needs_updates = False

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        used = {sr for vm in facts.snapshot.vms if vm.resident_on is not None for sr in vm.srs}
        return tuple(
            self._finding(facts, host, used) for host in facts.snapshot.hosts if host.live and host.unplugged_srs
        )

    def _finding(self, facts: Facts, host: Host, used: set[str]) -> Finding:
        names = [sr.name if (sr := facts.snapshot.sr(uuid)) else uuid for uuid in host.unplugged_srs]
        params = {"host": host.name, "storage": ", ".join(sorted(names))}
        fix = Fix(
            fix_for(Remedy.PLUG_STORAGE, host.uuid),
            because("fix.plug_storage", host=host.name),
            because("fix.plug_storage.undo"),
        )
        if is_chosen(facts.choices.fixes, Remedy.PLUG_STORAGE, host):
            return Finding(self.name, Severity.INFORMS, because("check.storage_unplugged", **params), host.uuid, fix)
        offer = Fix(fix.id, because("fix.plug_storage.offer"), fix.undo)
        if used & set(host.unplugged_srs):
            return Finding(self.name, Severity.BLOCKS, because("check.storage_missing", **params), host.uuid, offer)
        return Finding(self.name, Severity.WARNS, because("check.storage_unplugged", **params), host.uuid, offer)
