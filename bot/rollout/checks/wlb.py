"""Workload balancing: it would move VMs while the rollout does."""

from __future__ import annotations

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Fix, Severity
from bot.rollout.proposal import PoolFix, pool_fixes
from bot.rollout.reason import because


class WorkloadBalancing:
    """Informs that WLB is off for the whole rollout and on again at its end."""

    name = "wlb"
    needs_updates = False

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        pool = facts.snapshot.pool
        if PoolFix.WLB_OFF not in pool_fixes(pool):
            return ()
        fix = Fix(PoolFix.WLB_OFF, because("fix.wlb_off"), because("fix.wlb_off.undo"))
        reason = because("check.wlb_on", pool=pool.name)
        return (Finding(self.name, Severity.INFORMS, reason, pool.uuid, fix),)
