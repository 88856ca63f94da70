"""The hosts' clocks agree: tasks, certificates and logins of a directory depend on them."""

from __future__ import annotations

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Severity
from bot.rollout.reason import because

#: Seconds. XAPI tells the time in whole seconds, and the question takes a moment.
TOLERATED = 30.0


class Clocks:
    """Warns for each host whose clock differs from the coordinator's by more than half a minute."""

    name = "clocks"
    needs_updates = False

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        return tuple(
            Finding(
                self.name,
                Severity.WARNS,
                because("check.clock_off", host=host.name, seconds=round(abs(probe.skew))),
                host.uuid,
            )
            for host in facts.snapshot.hosts
            if (probe := facts.probes.get(host.uuid)) is not None and abs(probe.skew) > TOLERATED
        )
