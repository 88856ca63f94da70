"""How long an effect may be under way before people are asked about it.

XAPI has no limit of its own for most of them. What depends on the memory of VMs is measured by it: a terabyte takes
hours over a wire that carries four gibibytes in seconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from bot.rollout.action import (
    Action,
    ApplyUpdates,
    DisableHa,
    EnableHa,
    EvacuateHost,
    MigrateVm,
    RebootHost,
    RestartDeviceModel,
    RestartToolstack,
    RestartVm,
    ResumeVm,
    ShutdownVm,
    SnapshotVm,
    StartVm,
    SuspendVm,
)
from bot.rollout.decision import Estimates
from bot.rollout.memory import Debt
from bot.rollout.model import PoolSnapshot

#: The least for each. Switching HA off loops by itself while a host cannot be reached.
_LEAST: dict[type[Action], timedelta] = {
    # Server hardware needs ten to fifteen minutes for its self-test; nobody is alarmed before twice that.
    RebootHost: timedelta(minutes=30),
    RestartToolstack: timedelta(minutes=10),
    ApplyUpdates: timedelta(hours=2),
    EvacuateHost: timedelta(hours=1),
    MigrateVm: timedelta(minutes=20),
    SuspendVm: timedelta(minutes=20),
    ResumeVm: timedelta(minutes=20),
    ShutdownVm: timedelta(minutes=30),
    StartVm: timedelta(minutes=20),
    RestartVm: timedelta(minutes=40),
    SnapshotVm: timedelta(hours=1),
    RestartDeviceModel: timedelta(minutes=20),
    DisableHa: timedelta(minutes=30),
    EnableHa: timedelta(minutes=30),
}
#: So many times as long as expected is no cause for alarm yet. Streams share a wire, busy VMs send pages twice, and a
#: suspended VM goes to storage that may be slower than the wire.
_TIMES = 8


def longest(
    action: Action, snapshot: PoolSnapshot, estimates: Estimates, homes: Iterable[Debt] = ()
) -> timedelta | None:
    """The limit; None for what has none. `homes` are the VMs that are away, or about to leave, with their home."""
    least = _LEAST.get(type(action))
    if least is None:
        return None
    return max(least, timedelta(seconds=_expected(action, snapshot, estimates, homes)))


def _expected(action: Action, snapshot: PoolSnapshot, estimates: Estimates, homes: Iterable[Debt]) -> float:
    match action:
        case RebootHost():
            return 3 * estimates.reboot
        case RestartToolstack():
            return 5 * estimates.toolstack
        case ApplyUpdates():
            return 5 * estimates.apply
        case MigrateVm(vm=vm) | SuspendVm(vm=vm) | ResumeVm(vm=vm) | RestartDeviceModel(vm=vm):
            return _TIMES * _moving(snapshot, estimates, {vm})
        case EvacuateHost(host=host):
            leaving = {vm.uuid for vm in snapshot.residents(host)} | {d.subject for d in homes if d.original == host}
            # XAPI moves several at a time, which share the wire: together they take no longer than one after the other.
            return 2 * _moving(snapshot, estimates, leaving)
    return 0.0


def _moving(snapshot: PoolSnapshot, estimates: Estimates, vms: Iterable[str]) -> float:
    """Seconds that it takes to send the memory of these VMs, one after the other."""
    found = (snapshot.vm(uuid) for uuid in vms)
    return sum(estimates.migration(vm.memory) for vm in found if vm is not None)
