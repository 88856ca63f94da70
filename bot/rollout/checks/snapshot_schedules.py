"""Snapshot schedules: a snapshot that begins in the middle of the rollout holds up the move of its VM."""

from __future__ import annotations

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Fix, Severity
from bot.rollout.proposal import PoolFix
from bot.rollout.reason import because


class SnapshotSchedules:
    """Informs that schedules are off for the whole rollout; warns where the account may not switch them."""

    name = "snapshot_schedules"
    needs_updates = False

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        pool = facts.snapshot.pool
        names = sorted(schedule.name for schedule in facts.snapshot.schedules_at_work)
        if not names:
            return ()
        listed = ", ".join(names)
        if not facts.choices.hold_snapshots:
            reason = because("check.snapshots_stay_on", schedules=listed, count=len(names))
            return (Finding(self.name, Severity.WARNS, reason, pool.uuid),)
        fix = Fix(PoolFix.SNAPSHOTS_OFF, because("fix.snapshots_off"), because("fix.snapshots_off.undo"))
        reason = because("check.snapshots_on", schedules=listed, count=len(names))
        return (Finding(self.name, Severity.INFORMS, reason, pool.uuid, fix),)
