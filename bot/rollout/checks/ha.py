"""High availability: XAPI applies no update while it is on (``HA_IS_ENABLED``)."""

from __future__ import annotations

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Fix, Severity
from bot.rollout.proposal import PoolFix, pool_fixes
from bot.rollout.reason import because


class HighAvailability:
    """Informs that HA is off for the whole rollout and on again at its end."""

    name = "ha"
    needs_updates = False

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        pool = facts.snapshot.pool
        if PoolFix.HA_OFF not in pool_fixes(pool):
            return ()
        fix = Fix(PoolFix.HA_OFF, because("fix.ha_off"), because("fix.ha_off.undo"))
        reason = because("check.ha_on", pool=pool.name)
        return (Finding(self.name, Severity.INFORMS, reason, pool.uuid, fix),)
