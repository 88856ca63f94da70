"""No change of the pool's secret is unfinished: XAPI refuses to install updates until it is."""

from __future__ import annotations

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Severity
from bot.rollout.reason import because


class SecretRotation:
    """Blocks while XAPI says that one is pending."""

    name = "secret_rotation"
    needs_updates = False

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        pool = facts.snapshot.pool
        if not pool.secret_rotation_pending:
            return ()
        reason = because("check.secret_rotation_pending", pool=pool.name)
        return (Finding(self.name, Severity.BLOCKS, reason, pool.uuid),)
