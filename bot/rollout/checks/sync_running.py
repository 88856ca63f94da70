"""No sync is running and nobody is changing the update channel: the checksum is about to change."""

from __future__ import annotations

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Severity
from bot.rollout.reason import because

#: Pool operations that end with another checksum.
SYNCING = frozenset({"sync_updates", "sync_bundle", "configure_repositories"})


class NoSyncRunning:
    """Blocks while one of these operations runs on the pool."""

    name = "no_sync_running"
    needs_updates = False

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        pool = facts.snapshot.pool
        return tuple(
            Finding(
                self.name,
                Severity.BLOCKS,
                because("check.sync_running", pool=pool.name, operation=operation),
                pool.uuid,
            )
            for operation in sorted(pool.current_operations & SYNCING)
        )
