"""Hosts that are out of service already: no VM can move there, and they stay out of service."""

from __future__ import annotations

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Severity
from bot.rollout.reason import because


class DisabledHosts:
    """Warns for each live host that is disabled before the rollout."""

    name = "disabled_hosts"
    needs_updates = False

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        return tuple(
            Finding(self.name, Severity.WARNS, because("check.host_disabled", host=host.name), host.uuid)
            for host in facts.snapshot.hosts
            if host.live and not host.enabled
        )
