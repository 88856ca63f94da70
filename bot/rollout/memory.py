"""The little that cannot be observed again, written down before the action that makes it needed.

*Intents* say what we asked XAPI for and what the host looked like then; *debts* say what we switched off or moved and
owe back; *turns* say how far each host is, for the people who watch. Everything else is looked at afresh each round.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any

from bot.rollout.model import AvailableUpdates
from bot.rollout.vm_progress import VmProgress
from bot.rollout.window import ANY_TIME, Hours


class IntentState(StrEnum):
    """What became of something we asked XAPI for."""

    OPEN = "open"
    DONE = "done"
    FAILED = "failed"
    LOST = "lost"
    """Its task vanished with the coordinator's restart; only looking tells whether it happened."""


@dataclass(frozen=True)
class Intent:
    """One effect we asked for. `key` is ``action:subject``; there is one row per key and rollout.

    `started_at` is our clock, `boot_time` and `agent_start_time` are the host's before the action, `attempts` counts
    how often it was asked for, `error` is XAPI's code with parameters, `earlier` that of the try before this one,
    `result` what the call gave back.
    """

    key: str
    state: IntentState
    started_at: datetime
    attempts: int = 1
    finished_at: datetime | None = None
    task_ref: str = ""
    boot_time: float = 0.0
    agent_start_time: float = 0.0
    error: tuple[str, ...] = ()
    transient: bool = False
    result: Any = None
    earlier: tuple[str, ...] = ()


class DebtKind(StrEnum):
    """What can be owed to a pool."""

    CLAIM = "claim"
    SYNC_SCHEDULE = "sync_schedule"
    HA = "ha"
    WLB = "wlb"
    AUTO_POWERON = "auto_poweron"
    HOST_ENABLED = "host_enabled"
    VM_HOME = "vm_home"
    VM_SUSPENDED = "vm_suspended"
    VM_STOPPED = "vm_stopped"
    DISC = "disc_ejected"
    HOST_LENT = "host_lent"
    SNAPSHOT_SCHEDULE = "snapshot_schedule"


@dataclass(frozen=True)
class Debt:
    """Something we changed on a pool and owe back.

    There is at most one open debt for a kind and subject of a pool, and its `original` is never overwritten: a later
    rollout inherits it. `subject` is a host or VM uuid, "" for pool settings. `waiting_for` names what keeps XAPI
    from letting us settle it now.
    """

    kind: DebtKind
    subject: str = ""
    original: Any = None
    label: str = ""
    opened_at: datetime | None = None
    rollout_id: int | None = None
    waiting_for: str = ""

    @property
    def key(self) -> str:
        """``kind:subject``, unique among a pool's open debts."""
        return f"{self.kind.value}:{self.subject}"


class TurnPhase(StrEnum):
    """How far one host is, in the order a turn goes."""

    WAITING = "waiting"
    DISABLING = "disabling"
    EVACUATING = "evacuating"
    QUEUED = "queued"
    APPLYING = "applying"
    RESTARTING_TOOLSTACK = "restarting_toolstack"
    REBOOTING = "rebooting"
    VM_TASKS = "vm_tasks"
    ENABLING = "enabling"
    RETURNING_VMS = "returning_vms"
    CHECKING = "checking"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class TurnProgress:
    """One host's progress as people see it: `left` of `total` VMs still to move in this phase, and how far each is."""

    host: str
    name: str
    phase: TurnPhase
    left: int = 0
    total: int = 0
    vms: tuple[VmProgress, ...] = ()


@dataclass(frozen=True, slots=True)
class Patience:
    """How long after its turn a host may lack something before people are asked.

    `storage`: shared storage that comes back with a boot; `links`: network links and bonds; `guests`: VMs and their
    guest agents.
    """

    storage: timedelta = timedelta(minutes=5)
    links: timedelta = timedelta(minutes=2)
    guests: timedelta = timedelta(minutes=5)


@dataclass(frozen=True)
class Memory:
    """What `decide` may know besides the snapshot.

    `updates` is the answer of ``GET /updates`` taken before anything was touched. `aborting` says that people ended
    the rollout, `giving_up` that they ended it a second time and leave what cannot be settled as listed debts.
    `settling` says that the rollout is over and only its debts are of interest: nothing may be updated or restarted.
    `owner` is what this installation writes into the pool's claim for this rollout; `skipped` are hosts that people
    leave out from now on. `coordinator` is the uuid of the coordinator as it was last seen ("" before the first look);
    `stale_sync` the pool's last sync before its coordinator changed, None when it did not. `patience` is how long a
    host may lack something after its turn; `hours` when hosts may be begun.
    """

    updates: AvailableUpdates
    intents: Mapping[str, Intent] = field(default_factory=dict)
    debts: tuple[Debt, ...] = ()
    aborting: bool = False
    giving_up: bool = False
    settling: bool = False
    owner: str = ""
    skipped: frozenset[str] = frozenset()
    patience: Patience = Patience()
    coordinator: str = ""
    stale_sync: datetime | None = None
    hours: Hours = ANY_TIME

    @cached_property
    def moves(self) -> Mapping[str, tuple[tuple[str, Intent], ...]]:
        """Per VM the moves that were asked for, each with its destination (a host's uuid)."""
        found: dict[str, list[tuple[str, Intent]]] = {}
        for key, intent in self.intents.items():
            kind, _, rest = key.partition(":")
            if kind == "MigrateVm":
                vm, _, to = rest.partition(":")
                found.setdefault(vm, []).append((to, intent))
        return {vm: tuple(moves) for vm, moves in found.items()}

    @cached_property
    def away(self) -> Mapping[str, tuple[Debt, ...]]:
        """By the uuid of their home, the VMs that are owed their way back to it, or to run on it again."""
        found: dict[str, list[Debt]] = {}
        for debt in self.debts_of(DebtKind.VM_HOME, DebtKind.VM_SUSPENDED, DebtKind.VM_STOPPED):
            found.setdefault(str(debt.original), []).append(debt)
        return {host: tuple(debts) for host, debts in found.items()}

    @cached_property
    def _debts(self) -> Mapping[tuple[DebtKind, str], Debt]:
        # The first of a kind and subject, as the storage keeps only one.
        return {(debt.kind, debt.subject): debt for debt in reversed(self.debts)}

    def intent(self, key: str) -> Intent | None:
        """What we know of an effect, None when it was never asked for."""
        return self.intents.get(key)

    def debt(self, kind: DebtKind, subject: str = "") -> Debt | None:
        """The open debt of that kind and subject, None when nothing is owed."""
        return self._debts.get((kind, subject))

    def lenient(self, host: str) -> bool:
        """Whether what cannot be given back on the host is listed instead of keeping everything else: people ended
        the rollout, or skip the host."""
        return self.aborting or host in self.skipped

    def debts_of(self, *kinds: DebtKind) -> tuple[Debt, ...]:
        """The open debts of those kinds."""
        return tuple(debt for debt in self.debts if debt.kind in kinds)
