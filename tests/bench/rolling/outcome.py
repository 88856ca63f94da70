"""What became of a pool, from the lab's own state and logs: never from what a tool believes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from bot.lab.journal import Effect
from bot.lab.pool import LabPool
from tests.bench.rolling.pools import EXTRA_GIB, ROOM_GIB, Draw

#: Effects that are not the tool's work.
_NOT_WORK = frozenset({"fault", "rolling_upgrade", "host_assumed_dead"})
#: A host that registers anew is disabled for seconds by its own start: nobody took it out.
_TAKEN_OUT = ("call", "apply")


@dataclass(frozen=True, slots=True)
class Span:
    """Something that went on in a host for a while, in seconds from the beginning: `apply`, `restart` or `out`."""

    host: str
    what: str
    since: float
    until: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run of one tool. Times in simulated seconds, memory in GiB.

    `error` says where the tool stopped, "" when it came to its end; `complaints` what it reported besides. `away` are
    VMs that do not run where they began, `lost` hosts that do not come back; `downtime` is summed over VMs that could
    have moved, `pinned_downtime` is the mean of those that could not.
    """

    tool: str
    updated: bool
    error: str
    complaints: int
    makespan: float
    vms: int
    moves: int
    host_seconds: float
    away: int
    lost: int
    downtime: float
    pinned_downtime: float
    lowest_spare: float
    violations: tuple[str, ...]
    spans: tuple[Span, ...] = field(default=(), repr=False)
    migrations: tuple[tuple[str, float], ...] = field(default=(), repr=False)

    @property
    def completed(self) -> bool:
        """Whether every host is updated and in service, every VM runs, and the tool ended by itself."""
        return self.updated and not self.error


def outcome(tool: str, pool: LabPool, drawn: Draw, began: datetime, error: str, complaints: Iterable[str]) -> Outcome:
    """Judge the pool after the tool's end."""
    verdict, effects, state = pool.verdict(), pool.effects, pool.state()
    log = log_of(effects, drawn, began)
    pinned = {vm.name for vm in drawn.scenario.vms if vm.pci}
    down = verdict.vm_downtime
    pending = any(host["pending"]["mandatory"] or host["pending"]["recommended"] for host in state["hosts"])
    in_service = all(host["enabled"] and host["state"] == "up" for host in state["hosts"])
    running = all(vm["power_state"] == "Running" for vm in state["vms"])
    return Outcome(
        tool=tool,
        updated=verdict.all_updated and in_service and running and not pending,
        error=error,
        complaints=len(tuple(complaints)),
        makespan=log.last,
        vms=len(drawn.scenario.vms),
        moves=verdict.migrations,
        host_seconds=sum(span.until - span.since for span in log.spans if span.what == "out"),
        away=len(verdict.vms_away),
        lost=sum(host["state"] == "down" for host in state["hosts"]),
        downtime=sum(seconds for vm, seconds in down.items() if vm not in pinned),
        pinned_downtime=sum(down.get(vm, 0.0) for vm in pinned) / len(pinned) if pinned else 0.0,
        lowest_spare=log.lowest_spare,
        violations=(*verdict.violations, *log.violations),
        spans=tuple(log.spans),
        migrations=tuple(log.migrations),
    )


def log_of(effects: list[Effect], drawn: Draw, began: datetime) -> Log:
    """What the lab's log of effects says about the run."""
    return Log(effects, drawn, began)


class Log:
    """The log of effects read once from beginning to end."""

    def __init__(self, effects: list[Effect], drawn: Draw, began: datetime) -> None:
        self._began = began
        self._size = {vm.name: vm.memory_gib + EXTRA_GIB for vm in drawn.scenario.vms}
        self._held = {host.name: 0.0 for host in drawn.scenario.hosts}
        for vm in drawn.scenario.vms:
            self._held[vm.host] += self._size[vm.name]
        self._out: dict[str, float] = {}
        self._open: dict[tuple[str, str], float] = {}
        self._updated: set[str] = set()
        self.spans: list[Span] = []
        #: Where each migration ended, and when.
        self.migrations: list[tuple[str, float]] = []
        self.violations: list[str] = []
        self.last = 0.0
        self.lowest_spare = self._spare()
        for effect in effects:
            self._read(effect)
        for host, since in list(self._out.items()):
            self.spans.append(Span(host, "out", since, self.last))

    def _read(self, effect: Effect) -> None:
        at = (effect.at - self._began).total_seconds()
        if effect.kind not in _NOT_WORK:
            self.last = at
        match effect.kind:
            case "host_disabled" if effect.detail.get("by") in _TAKEN_OUT:
                self._out.setdefault(effect.host, at)
                self._check_spare(effect)
            case "host_enabled":
                self._close(effect.host, "out", self._out.pop(effect.host, at), at)
            case "apply_started":
                busy = [host for host, what in self._open if what == "apply"]
                if busy:
                    self.violations.append(f"{effect.host} installs while {', '.join(busy)} does")
                self._open[effect.host, "apply"] = at
            case "apply_done" | "apply_failed":
                self._close(effect.host, "apply", self._open.pop((effect.host, "apply"), at), at)
                if effect.kind == "apply_done":
                    self._updated.add(effect.host)
            case "host_rebooted":
                self._open[effect.host, "restart"] = at
            case "host_ready":
                self._close(effect.host, "restart", self._open.pop((effect.host, "restart"), at), at)
            case "coordinator_lost" if effect.detail["vms"] or effect.detail["hosts"]:
                in_flight = len(effect.detail["vms"]) + len(effect.detail["hosts"])
                self.violations.append(f"{in_flight} operations were under way when the coordinator went")
            case "vm_migrated":
                self._moved(effect, at)
            case "vm_shut_down" | "vm_suspended":
                self._held[effect.host] -= self._size[effect.vm]
            case "vm_started" | "vm_resumed":
                self._held[effect.host] += self._size[effect.vm]
                self._check_spare(effect)

    def _moved(self, effect: Effect, at: float) -> None:
        source, target = effect.detail["from"], effect.detail["to"]
        if source in self._updated and target not in self._updated:
            self.violations.append(f"{effect.vm} moved from updated {source} to {target}, which is not")
        self._held[source] -= self._size[effect.vm]
        self._held[target] += self._size[effect.vm]
        self.migrations.append((target, at))
        self._check_spare(effect)

    def _close(self, host: str, what: str, since: float, until: float) -> None:
        if until > since:
            self.spans.append(Span(host, what, since, until))

    def _spare(self) -> float:
        return sum(ROOM_GIB - held for host, held in self._held.items() if host not in self._out)

    def _check_spare(self, effect: Effect) -> None:
        spare = self._spare()
        self.lowest_spare = min(self.lowest_spare, spare)
        fullest = max((held for host, held in self._held.items() if host not in self._out), default=0.0)
        broken = f"{len(self._out)} hosts out and no room for the fullest of the others"
        nobody = len(self._out) == len(self._held)
        if effect.kind == "host_disabled" and len(self._out) > 1 and (spare < fullest or nobody):
            self.violations.append(f"{effect.host} taken out: {broken}")
