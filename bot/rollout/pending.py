"""What is still to be done on a pool: after a rollout for those who read its outcome, and whenever somebody asks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot.rollout.guidance import Guidance, Level, Task, in_execution_order
from bot.rollout.model import PoolSnapshot
from bot.rollout.reason import Reason, because


@dataclass(frozen=True, slots=True)
class Waiting:
    """One host or VM with tasks that XAPI lists as pending."""

    name: str
    is_host: bool
    tasks: Guidance


def waiting(snapshot: PoolSnapshot) -> tuple[Waiting, ...]:
    """Every host, then every VM, that waits for a task at any level."""
    hosts = (Waiting(host.name, True, host.pending) for host in snapshot.hosts)
    vms = (Waiting(vm.name, False, vm.pending) for vm in snapshot.vms)
    return tuple(entry for entry in (*hosts, *vms) if entry.tasks.at(Level.FULL))


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
