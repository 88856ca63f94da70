"""What no schedule can beat on a pool: moves, makespan and host-hours. Pure, and independent of any planner.

Every bound follows from the rules alone: one update is installed at a time, the coordinator is updated and back before
any member is, a host that restarts is empty, four migrations leave a host at a time, a moving VM is held at both ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf

from bot.lab.scenario import Durations, VmSpec
from tests.bench.rolling.pools import EXTRA_GIB, ROOM_GIB, Draw

#: xenopsd's workers: so many migrations leave a host at one time.
_WORKERS = 4
#: The lab's own: seconds from the call to the operating system going down, or to the toolstack going; and from a
#: toolstack that listens to a host that is enabled again.
_DOWN = {"reboot": 10.0, "toolstack": 1.0}
_UP = 8.0
#: Hosts out at once are at most this share of a pool under the policies that people choose.
_OUT = 3


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one pool. Times in seconds; `moves` and `makespan` are infinite where nobody can do it without stopping VMs.

    `makespan` holds for every schedule, `policy` for those that take at most a third of the hosts out at once;
    `host_seconds` is the time hosts are out of service, summed.
    """

    moves: float
    makespan: float
    policy: float
    host_seconds: float


def bounds(pool: Draw) -> Bounds:
    """The bounds of a pool whose first host is the coordinator."""
    durations = pool.scenario.durations
    hosts = pool.scenario.hosts
    apply = {host.name: host.apply_s or durations.apply for host in hosts}
    tail = {host.name: _tail(pool, host.name, host.reboot_s, host.toolstack_s) for host in hosts}
    coordinator, *members = (host.name for host in hosts)
    emptied = {name for name, task in pool.tasks.items() if task in ("reboot", "evacuate")}
    movable = {name: [vm for vm in pool.scenario.vms if vm.host == name and not vm.pci] for name in tail}
    before = _emptying(movable[coordinator], durations) if coordinator in emptied else 0.0
    first = before + apply[coordinator] + tail[coordinator]
    draining = [name for name in members if name in emptied]
    # A VM that cannot move is stopped with its host: it needs room elsewhere at no time.
    need = sum(_need(vm) for vm in pool.scenario.vms if not vm.pci)
    holes = len(hosts) - ceil(need / ROOM_GIB - 1e-9)
    held = sum(apply[name] + tail[name] for name in draining)
    capacity = 0.0
    if draining or coordinator in emptied:
        capacity = inf if holes < 1 else first + held / holes
        if holes == 1:
            capacity += len(draining) * _refill(pool, need, durations)
    makespan = max(first + _lock(members, apply, tail), capacity, _memory_time(pool, emptied, movable, apply, tail))
    typical = 1 + ceil(max(tail.values()) / durations.apply)
    out = max(1, min(typical, len(hosts) // _OUT))
    policy = max(makespan, first + held / out)
    moving = [vm for name in emptied for vm in movable[name]]
    again = movable[coordinator] if len(emptied) == len(hosts) else []
    return Bounds(
        moves=len(moving) + len(again) if makespan < inf else inf,
        makespan=makespan,
        policy=policy,
        host_seconds=sum(apply[name] + tail[name] for name in apply),
    )


def _tail(pool: Draw, host: str, reboot_s: float | None, toolstack_s: float | None) -> float:
    """From the end of the installation to a host that is back."""
    task, durations = pool.tasks[host], pool.scenario.durations
    seconds = {"reboot": reboot_s or durations.reboot, "toolstack": toolstack_s or durations.toolstack}.get(task)
    return 0.0 if seconds is None else _DOWN[task] + seconds + _UP


def _need(vm: VmSpec) -> float:
    return vm.memory_gib + EXTRA_GIB


def _seconds(vm: VmSpec, durations: Durations) -> float:
    return durations.migration_fixed + vm.memory_gib * (1 + vm.dirtied) / durations.migration_gib_per_s


def _emptying(vms: list[VmSpec], durations: Durations) -> float:
    """The least time in which these VMs leave one host."""
    if not vms:
        return 0.0
    volume = sum(vm.memory_gib * (1 + vm.dirtied) for vm in vms)
    each = [_seconds(vm, durations) for vm in vms]
    return max(max(each), sum(each) / _WORKERS, volume / durations.wire_gib_per_s)


def _lock(members: list[str], apply: dict[str, float], tail: dict[str, float]) -> float:
    """One installation at a time, and after the last of those with a long tail that tail."""
    return max(
        (sum(apply[other] for other in members if tail[other] >= tail[name]) + tail[name] for name in members),
        default=0.0,
    )


def _refill(pool: Draw, need: float, durations: Durations) -> float:
    """Where only one host can be empty, what at least has to move between two empty ones, in seconds.

    While one is empty, another holds whatever the remaining ones cannot; all of that has to leave it before it is
    empty in turn, and only the host that has come back has room for it.
    """
    volume = need - (len(pool.scenario.hosts) - 2) * ROOM_GIB
    if volume <= 0:
        return 0.0
    twice = min((vm.dirtied for vm in pool.scenario.vms if not vm.pci), default=0.0)
    rate = min(_WORKERS * durations.migration_gib_per_s, durations.wire_gib_per_s)
    return durations.migration_fixed + volume * (1 + twice) / rate


def _memory_time(
    pool: Draw,
    emptied: set[str],
    movable: dict[str, list[VmSpec]],
    apply: dict[str, float],
    tail: dict[str, float],
) -> float:
    """An empty host wastes its own memory, a moving VM is held twice; the room that is spare has to suffice for it."""
    durations = pool.scenario.durations
    spare = len(pool.scenario.hosts) * ROOM_GIB - sum(_need(vm) for vm in pool.scenario.vms if not vm.pci)
    wasted = sum(ROOM_GIB * (apply[name] + tail[name]) for name in emptied)
    doubled = sum(_need(vm) * _seconds(vm, durations) for name in emptied for vm in movable[name])
    if wasted + doubled == 0:
        return 0.0
    return inf if spare <= 0 else (wasted + doubled) / spare
