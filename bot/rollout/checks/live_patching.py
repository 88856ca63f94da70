"""Live patches can be applied where this rollout counts on them."""

from __future__ import annotations

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Severity
from bot.rollout.reason import because
from bot.rollout.spec import Livepatch


class LivePatching:
    """Warns when live patches stand in for reboots but the pool has them switched off or not licensed."""

    name = "live_patching"
    needs_updates = True

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        pool, updates = facts.snapshot.pool, facts.updates
        if updates is None or facts.choices.livepatch is not Livepatch.ACCEPT:
            return ()
        hosts = [entry.host for entry in updates.hosts if entry.livepatches]
        if not hosts:
            return ()
        if "live_patching" in pool.restrictions:
            code = "check.live_patching_unlicensed"
        elif pool.live_patching_disabled:
            code = "check.live_patching_off"
        else:
            return ()
        names = ", ".join(facts.host_name(uuid) for uuid in hosts)
        return (Finding(self.name, Severity.WARNS, because(code, hosts=names, count=len(hosts)), pool.uuid),)
