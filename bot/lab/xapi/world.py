"""One simulated pool: its objects, its machines and what everybody who changes them shares."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime
from random import Random
from typing import Any, Protocol

from bot.lab.journal import Effect, Journal
from bot.lab.scenario import Scenario, Update
from bot.lab.xapi.database import Database
from bot.lab.xapi.failure import NULL, XapiFailure
from bot.lab.xapi.faults import Faults
from bot.lab.xapi.kernel import Kernel, Process, Signal
from bot.lab.xapi.machine import EMERGENCY, STARTING, UP, Machine, version_key
from bot.lab.xapi.streams import Streams

GIB = 1 << 30


class Network(Protocol):
    """The hosts' sockets, as far as the world moves them."""

    def up(self, name: str) -> None:
        """The host's toolstack listens again."""
        ...

    def down(self, name: str) -> None:
        """The host's toolstack stops listening and its open connections break."""
        ...

    def reset(self, name: str) -> None:
        """Open connections of the host break, new ones are fine."""
        ...


class World:
    """Shared state of one pool. Everything that changes it runs on the pool's loop thread."""

    def __init__(self, scenario: Scenario, kernel: Kernel, network: Network, number: int) -> None:
        self.scenario = scenario
        self.kernel = kernel
        self.network = network
        self.number = number
        self.db = Database(scenario.seed * 1000 + number)
        self.journal = Journal()
        self.faults = Faults()
        self.random = Random(scenario.seed)
        self.machines: dict[str, Machine] = {}
        self.pool = NULL
        #: The host that has the packages of the last synchronisation: whoever was coordinator then.
        self.mirror = NULL
        #: What the vendor publishes, and what the last synchronisation brought.
        self.published: tuple[Update, ...] = scenario.updates
        self.synced: tuple[Update, ...] = scenario.updates
        #: Hosts in the coordinator's table of available updates; None for a host means "nothing to do" (just applied).
        self.cache: dict[str, list[Update]] = {}
        #: Blocking and waiting pool operations: key → operation.
        self.pool_operations: dict[str, str] = {}
        self.pool_idle = Signal()
        #: The migrations that copy, or queue for it.
        self.streams = Streams(kernel, scenario.durations)
        #: VM → the share of its memory that a migration sends twice because the guest writes meanwhile.
        self.dirtied: dict[str, float] = {}
        #: Processes started by calls: killed when the coordinator's toolstack goes away.
        self.running: dict[Process, str] = {}
        #: One per open long poll; rung after every event that changed an object.
        self.bells: set[Signal] = set()
        self._rung = 0
        #: Called when the coordinator goes away, to drop what lived in its memory.
        self.on_coordinator_lost: list[Callable[[], None]] = []
        self._uniques = 0
        kernel.settle = self.settle

    # ------------------------------------------------------------------ looking things up

    @property
    def now(self) -> datetime:
        """The present simulated moment, to the second as XAPI stamps it."""
        return self.kernel.now()

    @property
    def coordinator(self) -> Machine:
        """The machine that is the pool's coordinator."""
        return self.machine(self.db.get("pool", self.pool, "master"))

    def machine(self, ref: str) -> Machine:
        """The machine behind a host ref, or HANDLE_INVALID."""
        for machine in self.machines.values():
            if machine.ref == ref:
                return machine
        raise XapiFailure("HANDLE_INVALID", "host", ref)

    def is_coordinator(self, machine: Machine) -> bool:
        """Whether the machine is the coordinator."""
        return bool(self.db.get("pool", self.pool, "master") == machine.ref)

    def live(self, ref: str) -> bool:
        """host_metrics.live of a host."""
        return bool(self.db.get("host_metrics", self.db.get("host", ref, "metrics"), "live"))

    def guests(self, host: str) -> list[str]:
        """Resident VMs of a host without its control domain."""
        return [vm for vm in self.db.get("host", host, "resident_VMs") if not self.is_dom0(vm)]

    def is_dom0(self, vm: str) -> bool:
        """Whether the VM is a control domain."""
        return bool(self.db.get("VM", vm, "is_control_domain"))

    def name(self, cls: str, ref: str) -> str:
        """The label of an object, empty for the null ref."""
        return "" if ref == NULL else str(self.db.get(cls, ref, "name_label"))

    @property
    def repository(self) -> str:
        """The enabled repository that carries updates; the null ref when there is none."""
        enabled = self.db.get("pool", self.pool, "repositories")
        return next((ref for ref in enabled if self.db.get("Repository", ref, "update")), NULL)

    @property
    def checksum(self) -> str:
        """Hash of the enabled update repository, "" when there is none or it was never synchronised."""
        return "" if self.repository == NULL else str(self.db.get("Repository", self.repository, "hash"))

    @property
    def has_packages(self) -> bool:
        """Whether the coordinator of now has the packages of the last synchronisation."""
        return bool(self.mirror == self.coordinator.ref)

    def checksum_of(self, updates: Iterable[Update]) -> str:
        """The hash a synchronisation of `updates` yields."""
        text = "\n".join(sorted(f"{update.id} {' '.join(update.packages)}" for update in updates))
        return hashlib.sha256(text.encode()).hexdigest()

    def settle(self) -> None:
        """The world is at rest after an event or a call: let the long polls look, if anything changed."""
        if self._rung != self.db.generation:
            self._rung = self.db.generation
            for bell in list(self.bells):
                bell.fire()

    def forget(self, process: Process) -> None:
        """A call's process ended: nothing to kill any more."""
        self.running.pop(process, None)

    # ------------------------------------------------------------------ time and notes

    def unique(self) -> str:
        """A key for current_operations of a call that has no task record."""
        self._uniques += 1
        return f"OpaqueRef:call-{self._uniques}"

    def takes(self, what: str, machine: Machine | None = None) -> float:
        """How long something takes this time, in seconds: what the host always needs for it if the scenario says
        so, else the scenario's duration with its jitter."""
        if machine is not None and what in machine.durations:
            return machine.durations[what]
        durations = self.scenario.durations
        base = float(getattr(durations, what))
        return base * (1 + self.random.uniform(-durations.jitter, durations.jitter))

    def effect(self, kind: str, host: str = NULL, vm: str = NULL, **detail: Any) -> None:
        """Note a change of the pool. Names are noted, not refs, because refs mean nothing to a reader."""
        self.journal.effects.append(Effect(self.now, kind, self.name("host", host), self.name("VM", vm), detail))

    # ------------------------------------------------------------------ shared changes

    def place(self, vm: str, host: str) -> None:
        """Make a VM resident on a host (or nowhere), both sides of the relation."""
        before = self.db.get("VM", vm, "resident_on")
        if before == host:
            return
        if before != NULL:
            residents = [ref for ref in self.db.get("host", before, "resident_VMs") if ref != vm]
            self.db.set("host", before, resident_VMs=residents)
        if host != NULL:
            self.db.set("host", host, resident_VMs=[*self.db.get("host", host, "resident_VMs"), vm])
        self.db.set("VM", vm, resident_on=host)

    def set_enabled(self, machine: Machine, enabled: bool, by: str) -> None:
        """Change host.enabled and note it. `by` says who did: call, apply, startup."""
        if bool(self.db.get("host", machine.ref, "enabled")) != enabled:
            self.db.set("host", machine.ref, enabled=enabled)
            self.effect("host_enabled" if enabled else "host_disabled", machine.ref, by=by)
        self.refresh_host(machine.ref)

    def change_setting(self, name: str, old: Any, new: Any) -> None:
        """Note a changed pool setting."""
        if old != new:
            self.effect("setting_changed", name=name, old=old, new=new)

    @property
    def rolling(self) -> bool:
        """Whether the pool carries the rolling-upgrade flag."""
        return "rolling_upgrade_in_progress" in self.db.record("pool", self.pool)["other_config"]

    def refresh_host(self, ref: str) -> None:
        """Recompute host.allowed_operations; the rolling-upgrade flag clips them to evacuate and provision."""
        enabled = self.db.get("host", ref, "enabled")
        allowed = ["evacuate", "provision"] if enabled else ["evacuate"]
        if not self.rolling:
            allowed += ["vm_start", "vm_resume", "vm_migrate", "apply_updates"]
            allowed += [] if enabled else ["reboot", "shutdown", "enable"]
        machine = self.machine(ref)
        if any(operation in ("shutdown", "reboot") for operation in machine.operations.values()):
            allowed = []
        if "vm_migrate" in machine.operations.values():
            allowed = [operation for operation in allowed if operation not in ("evacuate", "reboot", "shutdown")]
        shown = {
            key: operation
            for key, operation in machine.operations.items()
            if not self.rolling or operation in ("evacuate", "provision")
        }
        self.db.set("host", ref, allowed_operations=allowed, current_operations=shown)

    def versions(self, ref: str) -> tuple[tuple[int, ...], ...]:
        """platform, XAPI build and Xen of a host, comparable part by part."""
        version = self.db.get("host", ref, "software_version")
        return tuple(version_key(version[key]) for key in ("platform_version", "xapi_build", "xen"))

    def may_migrate_to(self, source: str, target: str) -> bool:
        """Whether the target's versions are each at least the source's."""
        return all(t >= s for s, t in zip(self.versions(source), self.versions(target), strict=True))

    def reachable(self, machine: Machine) -> bool:
        """Whether the coordinator can talk to the machine's toolstack."""
        return machine.state == UP

    def forward(self, machine: Machine) -> None:
        """A call is forwarded to the machine: refuse it if nobody is there."""
        if not self.live(machine.ref):
            raise XapiFailure("HOST_OFFLINE", machine.ref)
        if machine.state == STARTING:
            # Its sockets answer, its start-up is not over.
            raise XapiFailure("HOST_STILL_BOOTING")
        if machine.state == EMERGENCY or not self.reachable(machine):
            raise XapiFailure("CANNOT_CONTACT_HOST", machine.ref)

    def message(self, name: str, cls: str, obj_uuid: str, body: str, priority: int = 3) -> None:
        """Post a message object, as XAPI does for people to read."""
        self.db.create(
            "message", name=name, priority=priority, cls=cls, obj_uuid=obj_uuid, timestamp=self.now, body=body
        )
