"""The network over which VMs move is there, and every host has an address on it."""

from __future__ import annotations

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Severity
from bot.rollout.reason import because


class MigrationNetwork:
    """Blocks when the chosen network is not there, or a live host has no address on it."""

    name = "migration_network"
    needs_updates = True

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        uuid, name = facts.spec.network if facts.spec is not None else ("", "")
        pool = facts.snapshot.pool
        if not uuid:
            missing = because("check.network_unknown", network=name)
            return (Finding(self.name, Severity.BLOCKS, missing, pool.uuid),) if name else ()
        network = facts.snapshot.network(uuid)
        addressed = network.addressed if network is not None else None
        if addressed is None:
            return ()  # it was not looked
        without = [host.name for host in facts.snapshot.hosts if host.live and host.uuid not in addressed]
        if not without:
            return ()
        hosts = ", ".join(sorted(without))
        reason = because("check.network_without_address", network=name, hosts=hosts, count=len(without))
        return (Finding(self.name, Severity.BLOCKS, reason, pool.uuid),)
