"""The pool's licence includes installing updates, and no host's licence has ended."""

from __future__ import annotations

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Severity
from bot.rollout.reason import because


class Licence:
    """Blocks when updates are not licensed, warns for hosts whose licence has ended."""

    name = "licence"
    needs_updates = False

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        pool = facts.snapshot.pool
        found = []
        if "updates" in pool.restrictions:
            reason = because("check.licence_without_updates", pool=pool.name)
            found.append(Finding(self.name, Severity.BLOCKS, reason, pool.uuid))
        for host in facts.snapshot.hosts:
            if host.licence_until is not None and host.licence_until < facts.now:
                reason = because("check.licence_ended", host=host.name, day=host.licence_until.date().isoformat())
                found.append(Finding(self.name, Severity.WARNS, reason, host.uuid))
        return tuple(found)
