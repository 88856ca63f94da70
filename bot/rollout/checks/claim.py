"""No other installation holds the pool: the claim in the pool's other_config is free or ours."""

from __future__ import annotations

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Severity
from bot.rollout.reason import because


class Claim:
    """Blocks when somebody else's rollout holds the pool."""

    name = "claim"
    needs_updates = False

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        pool = facts.snapshot.pool
        if pool.claim is None or pool.claim == facts.owner:
            return ()
        reason = because("check.claimed", pool=pool.name, owner=pool.claim)
        return (Finding(self.name, Severity.BLOCKS, reason, pool.uuid),)
