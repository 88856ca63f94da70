"""A pool in which every action has its effect at once: for thousands of random rollouts without a lab.

It knows just enough of XAPI's rules to hold `decide` to them: updates are refused while HA is on or VMs run where
guidance wants the host empty, versions change when a toolstack starts, and HA returns only when versions agree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.rollout import action as do
from bot.rollout.decide import decide
from bot.rollout.decision import Decision, Estimates, Step
from bot.rollout.equipment import Drive
from bot.rollout.gate import health_of
from bot.rollout.guidance import NO_GUIDANCE, Guidance, Task
from bot.rollout.memory import Debt, DebtKind, Intent, IntentState, Memory
from bot.rollout.model import (
    CLAIM_KEY,
    ROLLING_KEY,
    VM,
    AvailableUpdates,
    Host,
    PoolSnapshot,
    PowerState,
    Version,
    VmBlocker,
    changes_version,
)
from bot.rollout.spec import Spec
from bot.rollout.stock import stock_of

OWNER = "test/1"
_STATES = {"": IntentState.DONE, "refused": IntentState.FAILED}
_BUSY = ("OTHER_OPERATION_IN_PROGRESS", "VM", "somebody's", "snapshot")
_NEW = Version("8.4.0", "26.2.0", "3.4.1", "4.17.5")


def tie_of(vm: VM) -> str:
    """XAPI's code for what ties the VM to its host, "" for one that can move."""
    if vm.allowed_operations and "pool_migrate" not in vm.allowed_operations:
        return "OPERATION_BLOCKED"
    ties = {
        "VM_HAS_PCI_ATTACHED": vm.has_pci,
        "VM_HAS_VGPU": vm.has_vgpu,
        "VM_HAS_VUSBS": vm.has_usb,
        "VM_HAS_SRIOV_VIF": vm.has_sriov,
        "VM_REQUIRES_SR": bool(vm.local_srs),
    }
    return next((code for code, tied in ties.items() if tied), "")


def blockers(snapshot: PoolSnapshot, host: str) -> tuple[VmBlocker, ...]:
    """XAPI's answer about a host: which VMs cannot leave it."""
    return tuple(VmBlocker(vm.uuid, code) for vm in snapshot.residents(host) if (code := tie_of(vm)))


def disc_of(drive: str, host: str) -> Drive:
    """A disc from storage that only this host has, in that drive."""
    return Drive(drive, f"OpaqueRef:{drive}", f"disc-of-{host}", "OpaqueRef:disc", "disc.iso", f"iso-{host}")


@dataclass
class IdealPool:
    """The pool, what the rollout remembers of it, and everything that was done, in order."""

    spec: Spec
    updates: AvailableUpdates
    snapshot: PoolSnapshot
    now: datetime
    intents: dict[str, Intent] = field(default_factory=dict)
    debts: list[Debt] = field(default_factory=list)
    done: list[do.Action] = field(default_factory=list)
    aborting: bool = False
    #: How the answers to actions fare, drawn for each: "" arrives, "before" and "after" are lost before or after the
    #: action happened, "refused" says that something else is going on just now. None: all arrive.
    fate: Callable[[], str] | None = None

    def round(self) -> Decision:
        """One round: decide, and let everything decided happen."""
        self._notice_restarts()
        memory = Memory(self.updates, dict(self.intents), tuple(self.debts), aborting=self.aborting, owner=OWNER)
        decision = decide(self.spec, memory, self.snapshot, Estimates(), self.now)
        for step in decision.steps:
            self._take(step)
        if not decision.steps:
            self.now = max(decision.wake_at, self.now + timedelta(seconds=1))
            self.snapshot = replace(self.snapshot, taken_at=self.now)
        return decision

    # -- looking ---------------------------------------------------------------------------------------------

    def host(self, uuid: str) -> Host:
        found = self.snapshot.host(uuid)
        assert found is not None
        return found

    def vm(self, uuid: str) -> VM:
        found = self.snapshot.vm(uuid)
        assert found is not None
        return found

    def owes(self, kind: DebtKind, subject: str = "") -> bool:
        return any(debt.kind is kind and debt.subject == subject for debt in self.debts)

    def tied(self, uuid: str) -> list[VM]:
        """The VMs that cannot leave the host."""
        return [entry for entry in self.snapshot.residents(uuid) if tie_of(entry)]

    def _blockers(self, hosts: tuple[str, ...]) -> dict[str, list[list[str]]]:
        return {uuid: [[blocker.vm, blocker.code] for blocker in blockers(self.snapshot, uuid)] for uuid in hosts}

    def _answer(self, action: do.Action) -> object:
        if isinstance(action, do.AskEvacuation):
            return self._blockers(action.hosts)
        if isinstance(action, do.TakeStock):
            return stock_of(self.snapshot)
        if isinstance(action, do.AskHealth):
            before = self.intents["TakeStock:before"].result
            return health_of(before, self.snapshot, action.host, self.spec.checksum)
        return None

    # -- happening -------------------------------------------------------------------------------------------

    def _take(self, step: Step) -> None:
        action = step.action
        if isinstance(action, do.CloseDebt):
            self.debts = [debt for debt in self.debts if debt.key != action.debt.key]
            return
        host = self.snapshot.host(action.subject)
        known = self.intents.get(action.key)
        attempts = 1 if known is None else known.attempts + 1
        # Nobody loses the same answer for ever.
        fate = self.fate() if self.fate is not None and attempts < 3 else ""
        for debt in action.debts:
            if not self.owes(debt.kind, debt.subject):
                self.debts.append(debt)
        self.intents[action.key] = Intent(
            key=action.key,
            state=_STATES.get(fate, IntentState.LOST),
            started_at=self.now,
            finished_at=self.now,
            attempts=attempts,
            boot_time=host.boot_time if host else 0.0,
            agent_start_time=host.agent_start_time if host else 0.0,
            result=self._answer(action) if not fate else None,
            error=_BUSY if fate == "refused" else (),
            transient=fate == "refused",
        )
        if fate not in ("before", "refused"):
            self.done.append(action)
            self._happen(action)
        self.now += timedelta(seconds=1)
        self.snapshot = replace(self.snapshot, taken_at=self.now)

    def _notice_restarts(self) -> None:
        """A restart whose answer was lost shows in the host's start times."""
        for key, intent in self.intents.items():
            kind, _, uuid = key.partition(":")
            lost = kind in ("RebootHost", "RestartToolstack") and intent.state is IntentState.LOST
            if lost and self.host(uuid).agent_start_time > intent.agent_start_time:
                self.intents[key] = replace(intent, state=IntentState.DONE)

    def _happen(self, action: do.Action) -> None:
        pool = self.snapshot.pool
        match action:
            case do.ClaimPool(owner=owner):
                self._config(**{CLAIM_KEY: owner})
            case do.ReleasePool():
                self._config(**{CLAIM_KEY: None})
            case do.SetSyncSchedule(enabled=enabled):
                self._pool(update_sync_enabled=enabled)
            case do.SetWlb(enabled=enabled):
                self._pool(wlb_enabled=enabled)
            case do.SetAutoPoweron(value=value):
                self._pool(auto_poweron=value)
            case do.SetSnapshotSchedule(schedule=uuid, enabled=enabled):
                schedules = tuple(
                    replace(entry, enabled=enabled) if entry.uuid == uuid else entry
                    for entry in self.snapshot.schedules
                )
                self.snapshot = replace(self.snapshot, schedules=schedules)
            case do.DisableHa():
                self._pool(ha=replace(pool.ha, enabled=False))
            case do.EnableHa(settings=settings):
                assert not pool.versions_mixed, "HA is switched on while versions differ"
                self._pool(ha=replace(settings, enabled=True))
            case do.DisableHost(host=uuid) | do.ReturnHost(host=uuid):
                self._host(uuid, enabled=False)
            case do.EnableHost(host=uuid) | do.LendHost(host=uuid):
                self._host(uuid, enabled=True)
            case do.PlugStorage(host=uuid, sr=sr):
                here = self.host(uuid)
                self._host(uuid, unplugged_srs=tuple(entry for entry in here.unplugged_srs if entry != sr))
            case do.EjectDisc(vm=uuid, drive=drive):
                assert self.vm(uuid).drives[0].vbd == drive
                self._vm(uuid, drives=(), local_srs=())
            case do.InsertDisc(vm=uuid, drive=drive, disc=disc):
                home = self.vm(uuid).resident_on
                assert home is None or disc == f"disc-of-{home}", "a disc that this host cannot read"
                self._vm(uuid, drives=(disc_of(drive, home or ""),), local_srs=(f"iso-{home}",))
            case do.EvacuateHost(host=uuid):
                self._evacuate(uuid)
            case do.ApplyUpdates(host=uuid):
                self._apply(uuid)
            case do.RebootHost(host=uuid):
                assert not self.snapshot.residents(uuid), "rebooted with VMs on it"
                self._start(uuid, boot=True)
            case do.RestartToolstack(host=uuid):
                self._start(uuid, boot=False)
            case do.MigrateVm(vm=uuid, to=to):
                assert self.host(to).enabled
                assert not tie_of(self.vm(uuid)), "asked to move what cannot move"
                self._vm(uuid, resident_on=to)
            case do.SuspendVm(vm=uuid):
                self._vm(uuid, resident_on=None, power_state=PowerState.SUSPENDED)
            case do.ShutdownVm(vm=uuid):
                self._vm(uuid, resident_on=None, power_state=PowerState.HALTED, pending=NO_GUIDANCE)
            case do.ResumeVm(vm=uuid, on=on) | do.StartVm(vm=uuid, on=on):
                assert self.host(on).enabled
                self._vm(uuid, resident_on=on, power_state=PowerState.RUNNING)
            case do.RestartVm(vm=uuid) | do.RestartDeviceModel(vm=uuid):
                self._vm(uuid, pending=NO_GUIDANCE)

    def _pool(self, **changes: object) -> None:
        self.snapshot = replace(self.snapshot, pool=replace(self.snapshot.pool, **changes))  # type: ignore[arg-type]

    def _config(self, **changes: str | None) -> None:
        merged = {**self.snapshot.pool.other_config, **changes}
        self._pool(other_config={key: value for key, value in merged.items() if value is not None})

    def _host(self, uuid: str, **changes: object) -> None:
        hosts = tuple(
            replace(host, **changes) if host.uuid == uuid else host  # type: ignore[arg-type]
            for host in self.snapshot.hosts
        )
        self.snapshot = replace(self.snapshot, hosts=hosts)

    def _vm(self, uuid: str, **changes: object) -> None:
        vms = tuple(
            replace(vm, **changes) if vm.uuid == uuid else vm  # type: ignore[arg-type]
            for vm in self.snapshot.vms
        )
        self.snapshot = replace(self.snapshot, vms=vms)

    def _evacuate(self, uuid: str) -> None:
        here = self.host(uuid)
        assert not here.enabled
        assert not self.tied(uuid), "asked to move what cannot move"
        others = [
            host
            for host in self.snapshot.hosts
            if host.enabled and host.uuid != uuid and host.version.at_least(here.version)
        ]
        assert others, "nowhere to go"
        for vm in self.snapshot.residents(uuid):
            self._vm(vm.uuid, resident_on=others[0].uuid)

    def _apply(self, uuid: str) -> None:
        host, entry = self.host(uuid), self.updates.for_host(uuid)
        assert entry is not None
        assert not self.snapshot.pool.ha.enabled, "an update while HA is on"
        if entry.guidance.mandatory & {Task.REBOOT_HOST, Task.EVACUATE_HOST}:
            assert not self.snapshot.residents(uuid), "an update that wants the host empty"
        kept = frozenset({Task.REBOOT_HOST, Task.RESTART_TOOLSTACK})
        added = Guidance(entry.guidance.mandatory & kept, entry.guidance.recommended & kept, entry.guidance.full & kept)
        self._host(uuid, last_update_hash=self.spec.checksum, enabled=False, pending=host.pending | added)

    def _start(self, uuid: str, *, boot: bool) -> None:
        host, moment = self.host(uuid), self.now.timestamp()
        left = frozenset() if boot else frozenset({Task.REBOOT_HOST})
        pending = Guidance(host.pending.mandatory & left, host.pending.recommended & left, host.pending.full & left)
        entry = self.updates.for_host(uuid)
        applied = host.last_update_hash == self.spec.checksum
        newer = applied and entry is not None and changes_version(entry.rpms)
        coordinator = self.snapshot.coordinator
        assert coordinator is not None
        if newer and not host.is_coordinator:
            assert coordinator.version == _NEW, "a member restarts with a newer XAPI than its coordinator"
        self._host(
            uuid,
            agent_start_time=moment,
            boot_time=moment if boot else host.boot_time,
            version=_NEW if newer else host.version,
            pending=pending,
        )
        mixed = len({other.version for other in self.snapshot.hosts}) > 1
        self._config(**{ROLLING_KEY: "true" if mixed else None})
