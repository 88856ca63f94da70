"""Nobody else is updating, emptying or restarting hosts of the pool.

These pool operations make XAPI refuse an apply at once. Reading updates or exchanging certificates only makes it
wait, so those are left out.
"""

from __future__ import annotations

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Severity
from bot.rollout.reason import because

#: Pool operations besides syncs that XAPI lets nothing run beside.
_POOL = frozenset(
    {
        "apply_updates",
        "ha_enable",
        "ha_disable",
        "cluster_create",
        "designate_new_master",
        "tls_verification_enable",
    }
)
#: Host operations that mean that somebody is working on the host.
_HOST = frozenset({"apply_updates", "evacuate", "reboot", "shutdown"})


class OtherOperations:
    """Blocks for each operation that is in progress."""

    name = "other_operations"
    needs_updates = False

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        pool = facts.snapshot.pool
        found = [
            Finding(
                self.name,
                Severity.BLOCKS,
                because("check.pool_busy", pool=pool.name, operation=operation),
                pool.uuid,
            )
            for operation in sorted(pool.current_operations & _POOL)
        ]
        for host in facts.snapshot.hosts:
            for operation in sorted(host.current_operations & _HOST):
                reason = because("check.host_busy", host=host.name, operation=operation)
                found.append(Finding(self.name, Severity.BLOCKS, reason, host.uuid))
        return tuple(found)
