"""Faults with names: what can be made to go wrong in a simulated pool, once or for good."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.errors import XsbotError


class FaultError(XsbotError):
    """A fault was asked for that the lab does not know, or without what it needs."""


#: Fault name → what it does, for the documentation and the page.
FAULTS: dict[str, str] = {
    "host_never_returns": "the host stays away after its next reboot (or comes back with on=false)",
    "apply_fails": "host.apply_updates on the host ends with APPLY_UPDATES_FAILED, `times` times",
    "migration_fails": "migrations of the VM fail half-way, `times` times",
    "livepatch_fails": "live patches applied to the host fail (the apply itself succeeds)",
    "sync_fails": "pool.sync_updates ends with REPOSYNC_FAILED, `times` times",
    "backup_fails": "the next dumps, exports and host backups answer HTTP 500, `times` times",
    "backup_truncated": "the next dumps, exports and host backups end half-way without a word, `times` times",
    "coordinator_slow": "every answer of the coordinator takes `seconds` simulated seconds longer",
    "ha_enable_fails": "pool.enable_ha ends with HA_FAILED_TO_FORM_LIVESET, `times` times",
    "drop_connections": "every open connection of the host (default: coordinator) is reset now",
    "unreachable": "nobody gets through to the host (default: coordinator), which works on; until on=false",
    "answers_lost": "the next `times` calls that change something are carried out, then their connections break",
    "toolstack_restarts": "somebody else restarts the toolstack of the host (default: coordinator)",
    "power_fails": "the host goes down at once, its VMs with it, and boots again",
    "vm_stop_fails": "suspending or shutting the VM down fails half-way, `times` times",
    "foreign_sync": "somebody else synchronises: new updates appear and the checksum changes",
    "vm_started": "somebody else starts or migrates the VM onto the host",
    "coordinator_replaced": "the host makes itself the coordinator, as after an emergency transition or by HA",
    "evacuation_blocked": "the VM refuses migration (blocked_operations), until switched off",
    "call_fails": "the next `times` calls of `method` end with the error `code` (parameters after it, with commas)",
}


@dataclass(slots=True)
class Faults:
    """Which faults are on. Counters count down; sets hold names of hosts or VMs."""

    never_returns: set[str] = field(default_factory=set)
    apply_fails: dict[str, int] = field(default_factory=dict)
    migration_fails: dict[str, int] = field(default_factory=dict)
    livepatch_fails: set[str] = field(default_factory=set)
    sync_fails: int = 0
    ha_enable_fails: int = 0
    backup_fails: int = 0
    backup_truncated: int = 0
    coordinator_slow: float = 0.0
    #: VMs whose guest agent says nothing after the next move or start.
    silent_guests: set[str] = field(default_factory=set)
    #: message → the error vectors with which its next calls fail, in order.
    refusals: dict[str, list[list[str]]] = field(default_factory=dict)
    unreachable: set[str] = field(default_factory=set)
    answers_lost: int = 0
    vm_stop_fails: dict[str, int] = field(default_factory=dict)

    def takes_refusal(self, message: str) -> list[str] | None:
        """Use up one failing call of the message; the error vector."""
        waiting = self.refusals.get(message)
        return waiting.pop(0) if waiting else None

    def takes_apply(self, host: str) -> bool:
        """Use up one failing apply of the host."""
        return _take(self.apply_fails, host)

    def takes_migration(self, vm: str) -> bool:
        """Use up one failing migration of the VM."""
        return _take(self.migration_fails, vm)

    def takes_vm_stop(self, vm: str) -> bool:
        """Use up one failing stop of the VM."""
        return _take(self.vm_stop_fails, vm)

    def takes_answer(self) -> bool:
        """Use up one lost answer."""
        if self.answers_lost > 0:
            self.answers_lost -= 1
            return True
        return False

    def takes_sync(self) -> bool:
        """Use up one failing synchronisation."""
        if self.sync_fails > 0:
            self.sync_fails -= 1
            return True
        return False

    def takes_backup_failure(self) -> bool:
        """Use up one failing dump, export or host backup."""
        self.backup_fails, taken = max(0, self.backup_fails - 1), self.backup_fails > 0
        return taken

    def takes_truncation(self) -> bool:
        """Use up one dump, export or host backup that ends half-way."""
        self.backup_truncated, taken = max(0, self.backup_truncated - 1), self.backup_truncated > 0
        return taken

    def takes_ha_enable(self) -> bool:
        """Use up one failing enabling of HA."""
        if self.ha_enable_fails > 0:
            self.ha_enable_fails -= 1
            return True
        return False


def _take(counters: dict[str, int], name: str) -> bool:
    left = counters.get(name, 0)
    if left <= 0:
        return False
    counters[name] = left - 1
    return True
