"""What is still to be done on a pool after a rollout, for the people who read its outcome."""

from __future__ import annotations

from collections.abc import Iterable

from bot.rollout.guidance import Guidance, Level, Task, in_execution_order
from bot.rollout.model import PoolSnapshot
from bot.rollout.reason import Reason, because


def still_pending(snapshot: PoolSnapshot) -> tuple[Reason, ...]:
    """One reason per task that XAPI lists as pending at any level, with the hosts or VMs that wait for it."""
    found: dict[Task, list[str]] = {}
    _collect(found, ((host.name, host.pending) for host in snapshot.hosts))
    _collect(found, ((vm.name, vm.pending) for vm in snapshot.vms))
    return tuple(
        because("pending.left", task=task.value, count=len(found[task]), names=", ".join(sorted(found[task])))
        for task in in_execution_order(found)
    )


def _collect(found: dict[Task, list[str]], pending: Iterable[tuple[str, Guidance]]) -> None:
    for name, guidance in pending:
        for task in guidance.at(Level.FULL):
            found.setdefault(task, []).append(name)
