"""High availability has a plan that holds with one host less: otherwise the pool has no room for a host's turn."""

from __future__ import annotations

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Severity
from bot.rollout.reason import because


class HaPlan:
    """Warns while HA is on and could not survive the loss of one host, or not as many as it should."""

    name = "ha_plan"
    needs_updates = False

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        pool = facts.snapshot.pool
        if not pool.ha.enabled:
            return ()
        wanted = pool.ha.failures_to_tolerate
        if pool.ha_overcommitted or pool.ha_plan_exists_for < min(1, wanted):
            reason = because("check.ha_plan_broken", wanted=wanted, possible=pool.ha_plan_exists_for)
            return (Finding(self.name, Severity.WARNS, reason, pool.uuid),)
        return ()
