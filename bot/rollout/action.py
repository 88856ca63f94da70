"""The closed set of things the worker may do to a pool.

An action names its subject by uuid; `bot.xen` turns it into the XAPI call. `key` makes one intent row per action and
subject, so that an action that is executed again converges instead of repeating. `debts` are written down in the
same transaction as the intent, *before* the call.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from bot.rollout.memory import Debt
from bot.rollout.model import HaSettings


@dataclass(frozen=True, kw_only=True)
class Action:
    """What all actions share: the debts that taking it makes."""

    debts: tuple[Debt, ...] = ()

    @property
    def subject(self) -> str:
        """The uuid of the host or VM it concerns, "" for the pool."""
        for name in ("vm", "host"):
            value = getattr(self, name, None)
            if isinstance(value, str):
                return value
        return ""

    @property
    def key(self) -> str:
        """The intent's key: kind of action and subject."""
        return f"{type(self).__name__}:{self.subject}"


def _switch(action: Action, on: bool) -> str:
    """Switching off and switching on again are two effects, each with an intent of its own."""
    return f"{type(action).__name__}:{'on' if on else 'off'}"


@dataclass(frozen=True, kw_only=True)
class ClaimPool(Action):
    """Write our rollout into the pool's other_config, so that other installations stay away."""

    owner: str


@dataclass(frozen=True, kw_only=True)
class ReleasePool(Action):
    """Remove our claim."""

    owner: str


@dataclass(frozen=True, kw_only=True)
class SetSyncSchedule(Action):
    """Switch the periodic sync on or off; a sync in mid-run would change the checksum under the run."""

    enabled: bool

    @property
    def key(self) -> str:
        return _switch(self, self.enabled)


@dataclass(frozen=True, kw_only=True)
class DisableHa(Action):
    """Switch HA off: XAPI applies no update while it is on."""


@dataclass(frozen=True, kw_only=True)
class EnableHa(Action):
    """Switch HA on again as it was."""

    settings: HaSettings


@dataclass(frozen=True, kw_only=True)
class SetHaFailures(Action):
    """Set how many host failures HA must tolerate; `enable_ha` computes its own number."""

    failures: int


@dataclass(frozen=True, kw_only=True)
class SetWlb(Action):
    """Switch workload balancing on or off (the connection itself stays configured)."""

    enabled: bool

    @property
    def key(self) -> str:
        return _switch(self, self.enabled)


@dataclass(frozen=True, kw_only=True)
class SetAutoPoweron(Action):
    """Set or remove (None) the pool-wide auto_poweron key."""

    value: str | None

    @property
    def key(self) -> str:
        return _switch(self, self.value is not None)


@dataclass(frozen=True, kw_only=True)
class SetSnapshotSchedule(Action):
    """Switch one snapshot schedule (its uuid) on or off; a snapshot that begins in mid-run holds up a VM's move."""

    schedule: str
    enabled: bool

    @property
    def key(self) -> str:
        return f"SetSnapshotSchedule:{self.schedule}:{'on' if self.enabled else 'off'}"


@dataclass(frozen=True, kw_only=True)
class AskEvacuation(Action):
    """Ask XAPI for each of these hosts which VMs it could not move away. The intent's result is the answer.

    `host` is given where one host is asked about by itself, in its turn.
    """

    hosts: tuple[str, ...] = field(default_factory=tuple)
    host: str = ""


@dataclass(frozen=True, kw_only=True)
class TakeStock(Action):
    """Write down how the whole pool is: ``before`` anything is touched, and ``after``. The intent's result has it."""

    moment: str

    @property
    def key(self) -> str:
        return f"TakeStock:{self.moment}"


@dataclass(frozen=True, kw_only=True)
class AskHealth(Action):
    """Look whether the host is as well as it was before its turn. The intent's result says what is wrong."""

    host: str


@dataclass(frozen=True, kw_only=True)
class PlugStorage(Action):
    """Connect the host to storage that it should have (its PBD)."""

    host: str
    sr: str

    @property
    def key(self) -> str:
        return f"PlugStorage:{self.host}/{self.sr}"


@dataclass(frozen=True, kw_only=True)
class LendHost(Action):
    """Put a host into service that people had taken out of it, because the spec says so."""

    host: str


@dataclass(frozen=True, kw_only=True)
class ReturnHost(Action):
    """Take a host out of service again that was lent."""

    host: str


@dataclass(frozen=True, kw_only=True)
class EjectDisc(Action):
    """Take the disc out of a VM's drive (the uuid of its VBD)."""

    vm: str
    drive: str

    @property
    def key(self) -> str:
        return f"EjectDisc:{self.drive}"


@dataclass(frozen=True, kw_only=True)
class InsertDisc(Action):
    """Put the disc (the uuid of its VDI) into the VM's drive again."""

    vm: str
    drive: str
    disc: str

    @property
    def key(self) -> str:
        return f"InsertDisc:{self.drive}"


@dataclass(frozen=True, kw_only=True)
class DisableHost(Action):
    """Take the host out of service so that nothing new starts there."""

    host: str


@dataclass(frozen=True, kw_only=True)
class EvacuateHost(Action):
    """Have XAPI move every VM away, live: `at_once` at a time (0: as it likes), over a network (its uuid)."""

    host: str
    at_once: int = 0
    network: str = ""


@dataclass(frozen=True, kw_only=True)
class ApplyUpdates(Action):
    """Install the updates of exactly this checksum on the host."""

    host: str
    checksum: str


@dataclass(frozen=True, kw_only=True)
class RestartToolstack(Action):
    """Restart the host's toolstack; VMs keep running."""

    host: str


@dataclass(frozen=True, kw_only=True)
class RebootHost(Action):
    """Restart the host. Only ever decided when no VM runs there."""

    host: str


@dataclass(frozen=True, kw_only=True)
class EnableHost(Action):
    """Put the host back into service."""

    host: str


@dataclass(frozen=True, kw_only=True)
class DrainHost(Action):
    """Bookkeeping: the host's VMs begin to leave, `vms` of them. It stays in service until it is empty."""

    host: str
    vms: int


@dataclass(frozen=True, kw_only=True)
class KeepHost(Action):
    """Bookkeeping: the host's VMs stay for now, because there is no room for them before other hosts are done."""

    host: str


@dataclass(frozen=True, kw_only=True)
class PauseHere(Action):
    """Bookkeeping: a pause point of the spec is reached; people let the rollout go on."""

    point: str

    @property
    def key(self) -> str:
        return f"PauseHere:{self.point}"


@dataclass(frozen=True, kw_only=True)
class MigrateVm(Action):
    """Move one VM live to a host, over a network (its uuid; "": as XAPI likes).

    Another destination is another effect: what one host refused, the next may take.
    """

    vm: str
    to: str
    network: str = ""

    @property
    def key(self) -> str:
        return f"MigrateVm:{self.vm}:{self.to}"


@dataclass(frozen=True, kw_only=True)
class SuspendVm(Action):
    """Suspend one VM that the spec lists."""

    vm: str


@dataclass(frozen=True, kw_only=True)
class ResumeVm(Action):
    """Resume one VM that we suspended, on a host."""

    vm: str
    on: str


@dataclass(frozen=True, kw_only=True)
class ShutdownVm(Action):
    """Shut one VM down cleanly that the spec lists."""

    vm: str


@dataclass(frozen=True, kw_only=True)
class StartVm(Action):
    """Start one VM that we shut down, on a host."""

    vm: str
    on: str


@dataclass(frozen=True, kw_only=True)
class RestartVm(Action):
    """Restart one VM in place, cleanly, because guidance asks for it and the spec lists it."""

    vm: str


@dataclass(frozen=True, kw_only=True)
class RestartDeviceModel(Action):
    """Restart the VM's device model (a migration onto its own host)."""

    vm: str


@dataclass(frozen=True, kw_only=True)
class BackUp(Action):
    """Fetch one backup and keep it: a `bot.rollout.backups.BackupKind`, and the host where it is one of a host."""

    what: str
    host: str = ""

    @property
    def key(self) -> str:
        return f"BackUp:{self.what}:{self.host}"


@dataclass(frozen=True, kw_only=True)
class SnapshotVm(Action):
    """Take a disk snapshot of one VM, called `name`."""

    vm: str
    name: str


def close(debt: Debt, outcome: str) -> CloseDebt:
    """Strike a debt off without touching the pool (it was settled, or other people changed the value since)."""
    return CloseDebt(debt=debt, outcome=outcome)


@dataclass(frozen=True, kw_only=True)
class CloseDebt(Action):
    """Bookkeeping: the debt is no longer ours. `outcome` is ``settled`` or ``left_alone``."""

    debt: Debt
    outcome: str

    @property
    def key(self) -> str:
        return f"CloseDebt:{self.debt.key}"


def keys(actions: Iterable[Action]) -> tuple[str, ...]:
    """The intent keys of some actions."""
    return tuple(action.key for action in actions)


def parameters(action: Action) -> dict[str, Any]:
    """The action's own fields as plain values, for the audit trail."""
    return {
        name: value.value if hasattr(value, "value") else value
        for name, value in vars(action).items()
        if name != "debts" and not isinstance(value, (Debt, HaSettings))
    }
