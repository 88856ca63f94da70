"""All hosts were last updated to the same level: otherwise an earlier update left some of them behind."""

from __future__ import annotations

from collections import Counter

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Severity
from bot.rollout.reason import because


class UpdateLevels:
    """Informs about the hosts that stand on another level than most; this rollout brings all to the same one."""

    name = "update_levels"
    needs_updates = False

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        # A host that took the present updates already is an interrupted rollout, which goes on.
        levels = {
            host.uuid: host.last_update_hash
            for host in facts.snapshot.hosts
            if not facts.snapshot.checksum or host.last_update_hash != facts.snapshot.checksum
        }
        if len(set(levels.values())) < 2:
            return ()
        usual = Counter(levels.values()).most_common(1)[0][0]
        others = [facts.host_name(uuid) for uuid, level in levels.items() if level != usual]
        reason = because("check.update_levels_differ", hosts=", ".join(others), count=len(others))
        return (Finding(self.name, Severity.INFORMS, reason, facts.snapshot.pool.uuid),)
