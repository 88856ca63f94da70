"""Exactly one update repository is enabled on the pool: without it XAPI neither syncs nor applies."""

from __future__ import annotations

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Severity
from bot.rollout.reason import because


class RepositoryEnabled:
    """Blocks when the pool has no update channel."""

    name = "repository"
    needs_updates = False

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        if facts.snapshot.repository is not None:
            return ()
        pool = facts.snapshot.pool
        return (Finding(self.name, Severity.BLOCKS, because("check.no_repository", pool=pool.name), pool.uuid),)
