"""Every host of the pool answers: a sync, an apply and ``GET /updates`` all ask every host."""

from __future__ import annotations

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Severity
from bot.rollout.reason import because


class HostsLive:
    """Blocks for each host that XAPI calls not live."""

    name = "hosts_live"
    needs_updates = False

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        return tuple(
            Finding(self.name, Severity.BLOCKS, because("check.host_not_live", host=host.name), host.uuid)
            for host in facts.snapshot.hosts
            if not host.live
        )
