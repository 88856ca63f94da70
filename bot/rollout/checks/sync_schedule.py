"""The periodic sync: one in mid-run changes the checksum, and XAPI then refuses the approved one."""

from __future__ import annotations

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Fix, Severity
from bot.rollout.proposal import PoolFix, pool_fixes
from bot.rollout.reason import because


class SyncSchedule:
    """Informs that the schedule is held from the quorum to the end."""

    name = "sync_schedule"
    needs_updates = False

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        pool = facts.snapshot.pool
        if PoolFix.SYNC_SCHEDULE_OFF not in pool_fixes(pool):
            return ()
        fix = Fix(PoolFix.SYNC_SCHEDULE_OFF, because("fix.sync_schedule_off"), because("fix.sync_schedule_off.undo"))
        reason = because("check.sync_schedule_on", pool=pool.name)
        return (Finding(self.name, Severity.INFORMS, reason, pool.uuid, fix),)
