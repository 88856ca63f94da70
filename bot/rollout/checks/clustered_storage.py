"""Clustered storage (GFS2) is whole: XAPI neither updates nor restarts a host while a member of the cluster is away."""

from __future__ import annotations

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Severity
from bot.rollout.reason import because


class ClusteredStorage:
    """Warns about clustered storage, because every member has to be there for each host's turn."""

    name = "clustered_storage"
    needs_updates = False

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        return tuple(
            Finding(self.name, Severity.WARNS, because("check.storage_clustered", storage=sr.name), sr.uuid)
            for sr in facts.snapshot.srs
            if sr.clustered
        )
