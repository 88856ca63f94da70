"""Every live host's toolstack answers its coordinator: in emergency mode a host counts as live for a long time."""

from __future__ import annotations

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Severity
from bot.rollout.reason import because


class HostAnswers:
    """Blocks for each live host that did not answer when it was asked for the time."""

    name = "host_answers"
    needs_updates = False

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        return tuple(
            Finding(
                self.name, Severity.BLOCKS, because("check.host_silent", host=host.name, code=probe.code), host.uuid
            )
            for host in facts.snapshot.hosts
            if host.live and (probe := facts.probes.get(host.uuid)) is not None and probe.code
        )
