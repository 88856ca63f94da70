"""The storage for suspended VMs has room for those that will be suspended."""

from __future__ import annotations

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Severity
from bot.rollout.reason import because
from bot.rollout.spec import VmTreatment

_GIB = 2**30


class SuspendSpace:
    """Blocks when there is too little room for the VMs of one host, which are suspended at the same time."""

    name = "suspend_space"
    needs_updates = True

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        allowed = facts.spec.vms if facts.spec is not None else ()
        suspended = {vm.uuid for vm in allowed if vm.treatment is VmTreatment.SUSPEND}
        turns: dict[str, int] = {}
        for vm in facts.snapshot.vms:
            if vm.uuid in suspended and vm.resident_on is not None:
                turns[vm.resident_on] = turns.get(vm.resident_on, 0) + vm.memory
        needed = max(turns.values(), default=0)
        pool = facts.snapshot.pool
        sr = facts.snapshot.sr(pool.suspend_sr) if pool.suspend_sr is not None else None
        if not needed or sr is None or sr.free is None or sr.free >= needed:
            return ()
        need, free = -(-needed // _GIB), sr.free // _GIB
        reason = because("check.suspend_space", storage=sr.name, need=need, free=free)
        return (Finding(self.name, Severity.BLOCKS, reason, sr.uuid),)
