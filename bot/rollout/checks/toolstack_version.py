"""Every host runs a toolstack that updates the way this rollout does: XAPI 24.10 or newer."""

from __future__ import annotations

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Severity
from bot.rollout.model import Version
from bot.rollout.reason import because

#: Since then there are three levels of guidance, and an installation takes its host out of service.
OLDEST = Version(xapi="24.10")


class ToolstackVersion:
    """Blocks for each host with an older one."""

    name = "toolstack_version"
    needs_updates = False

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        return tuple(
            Finding(
                self.name,
                Severity.BLOCKS,
                because("check.toolstack_old", host=host.name, version=host.version.xapi),
                host.uuid,
            )
            for host in facts.snapshot.hosts
            if host.version.xapi and not Version(xapi=host.version.xapi).at_least(OLDEST)
        )
