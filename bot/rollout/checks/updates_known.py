"""XAPI says for every host which updates it would get, and says so for the checksum of the last sync.

XAPI's answer comes from a cache that can be partial: a host that is missing there is unknown, never up to date.
"""

from __future__ import annotations

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Severity
from bot.rollout.reason import because


class UpdatesKnown:
    """Blocks when the answer is missing, belongs to another sync, or leaves a host out."""

    name = "updates_known"
    needs_updates = True

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        snapshot, updates = facts.snapshot, facts.updates
        pool = snapshot.pool
        if not snapshot.checksum:
            return ()  # said by the checks of the repository and the last sync
        if updates is None or not updates.checksum:
            return (Finding(self.name, Severity.BLOCKS, because("check.updates_unread", pool=pool.name), pool.uuid),)
        if updates.checksum != snapshot.checksum:
            reason = because(
                "check.updates_of_another_sync",
                pool=pool.name,
                read=updates.checksum[:12],
                synced=snapshot.checksum[:12],
            )
            return (Finding(self.name, Severity.BLOCKS, reason, pool.uuid),)
        return tuple(
            Finding(self.name, Severity.BLOCKS, because("check.host_unknown", host=host.name), host.uuid)
            for host in snapshot.hosts
            # A host that took exactly this checksum is current, whatever the cache has forgotten.
            if updates.for_host(host.uuid) is None and host.last_update_hash != snapshot.checksum
        )
