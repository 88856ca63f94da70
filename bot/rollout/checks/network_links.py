"""Every network interface that a host uses has a link, and every bond all of its links."""

from __future__ import annotations

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Severity
from bot.rollout.reason import because


class NetworkLinks:
    """Warns for interfaces without a link, for those unplugged whose network other hosts have, and for bonds."""

    name = "network_links"
    needs_updates = False

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        found = []
        for host in facts.snapshot.hosts:
            if not host.live:
                continue
            for code, devices in (
                ("check.link_down", host.links_down),
                ("check.bond_degraded", host.bonds_degraded),
            ):
                if devices:
                    reason = because(code, host=host.name, devices=", ".join(devices))
                    found.append(Finding(self.name, Severity.WARNS, reason, host.uuid))
        return tuple(found)
