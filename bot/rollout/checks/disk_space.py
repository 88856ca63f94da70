"""There is room for the packages on the root disk of every host's control domain.

XAPI says how much room there is only to accounts that may call plugins; to all others it shows the alarm that a host
raises when a disk of its control domain is nearly full. The size of an update is told to nobody beforehand.
"""

from __future__ import annotations

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Severity
from bot.rollout.model import Host
from bot.rollout.reason import because

_GIB = 2**30
#: With less than this an installation is likely to end half-way.
TOO_LITTLE = _GIB
#: With less than this people should know.
LITTLE = 2 * _GIB


class DiskSpace:
    """Blocks below one GiB, warns below two, and for hosts that raised the alarm since yesterday."""

    name = "disk_space"
    needs_updates = False

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        return tuple(finding for host in facts.snapshot.hosts if (finding := self._of(facts, host)) is not None)

    def _of(self, facts: Facts, host: Host) -> Finding | None:
        probe = facts.probes.get(host.uuid)
        if probe is None:
            return None
        if probe.disk_free is not None and probe.disk_free < LITTLE:
            severity = Severity.BLOCKS if probe.disk_free < TOO_LITTLE else Severity.WARNS
            reason = because("check.disk_little", host=host.name, mib=probe.disk_free // 2**20)
            return Finding(self.name, severity, reason, host.uuid)
        if probe.disk_free is None and probe.disk_alarm:
            return Finding(self.name, Severity.WARNS, because("check.disk_alarm", host=host.name), host.uuid)
        return None
