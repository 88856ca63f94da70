"""All hosts offer VMs the same processor features: XAPI moves a VM only to a host that has all it started with."""

from __future__ import annotations

from collections import Counter

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Severity
from bot.rollout.reason import because


class CpuLevels:
    """Warns about hosts whose processors differ from those of most hosts."""

    name = "cpu_levels"
    needs_updates = False

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        kinds = {host.uuid: (host.cpu_vendor, host.cpu_features) for host in facts.snapshot.hosts if host.cpu_vendor}
        if len(set(kinds.values())) < 2:
            return ()
        usual = Counter(kinds.values()).most_common(1)[0][0]
        others = [facts.host_name(uuid) for uuid, kind in kinds.items() if kind != usual]
        reason = because("check.cpu_differs", hosts=", ".join(others), count=len(others))
        return (Finding(self.name, Severity.WARNS, reason, facts.snapshot.pool.uuid),)
