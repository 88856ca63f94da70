"""All hosts run the same version: otherwise somebody left a roll half done."""

from __future__ import annotations

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Severity
from bot.rollout.reason import because


class MixedVersions:
    """Warns while XAPI's mark of a rolling upgrade is set; VMs then move to hosts of the newer version only."""

    name = "versions_mixed"
    needs_updates = False

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        pool = facts.snapshot.pool
        if not pool.versions_mixed:
            return ()
        return (Finding(self.name, Severity.WARNS, because("check.versions_mixed", pool=pool.name), pool.uuid),)
