"""Automatic power-on: it would start VMs by itself each time a host comes back."""

from __future__ import annotations

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Fix, Severity
from bot.rollout.proposal import PoolFix, pool_fixes
from bot.rollout.reason import because


class AutoPoweron:
    """Informs that automatic power-on is off for the whole rollout and on again at its end."""

    name = "auto_poweron"
    needs_updates = False

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        pool = facts.snapshot.pool
        if PoolFix.AUTO_POWERON_OFF not in pool_fixes(pool):
            return ()
        fix = Fix(PoolFix.AUTO_POWERON_OFF, because("fix.auto_poweron_off"), because("fix.auto_poweron_off.undo"))
        reason = because("check.auto_poweron_on", pool=pool.name)
        return (Finding(self.name, Severity.INFORMS, reason, pool.uuid, fix),)
