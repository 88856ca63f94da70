"""The pool was synchronised with its update channel, and not too long ago."""

from __future__ import annotations

from datetime import timedelta

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Severity
from bot.rollout.reason import because

#: After this the update channel has most likely moved on.
STALE_AFTER = timedelta(days=7)


class LastSync:
    """Blocks when the pool was never synchronised or lost what a sync brought, warns after seven days."""

    name = "last_sync"
    needs_updates = False

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        pool = facts.snapshot.pool
        if facts.snapshot.repository is None:
            return ()  # said by the check of the repository
        age = facts.age(pool.last_update_sync)
        if not facts.snapshot.checksum and age is not None:
            # The copy of the updates lies on the coordinator; another one has none until the next sync.
            return (Finding(self.name, Severity.BLOCKS, because("check.sync_lost", pool=pool.name), pool.uuid),)
        if age is None or not facts.snapshot.checksum:
            return (Finding(self.name, Severity.BLOCKS, because("check.never_synced", pool=pool.name), pool.uuid),)
        if age > STALE_AFTER:
            reason = because("check.sync_stale", pool=pool.name, days=age.days)
            return (Finding(self.name, Severity.WARNS, reason, pool.uuid),)
        return ()
