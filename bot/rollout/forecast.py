"""What a spec will cost: restarts, moves and minutes, host by host.

A forecast belongs to one look at the pool and to the spec's preset. For `serial` it is summed up (one host after the
other; VMs leave and come home again); for the planned presets it is the planner's own course on paper
(`bot.rollout.whatif`). It is shown next to the spec and is no part of it: nobody approves a forecast.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, timedelta
from typing import Any

from bot.rollout.blocker import Blockers
from bot.rollout.decision import Estimates
from bot.rollout.guidance import LIVEPATCH_FAILURE_TASKS, Level, Task, in_execution_order
from bot.rollout.model import VM, AvailableUpdates, Host, PoolSnapshot, PowerState
from bot.rollout.planner.simulation import TurnTimes
from bot.rollout.proposal import (
    Choices,
    choices_of,
    expected_tasks,
    host_order,
    installs,
    preset_of,
    propose,
    versions_change,
)
from bot.rollout.reason import Reason, because
from bot.rollout.spec import Livepatch, OnLivepatchFailure, Placement, Preset, Spec, VmTreatment
from bot.rollout.vm_policy import STREAMS, at_once
from bot.rollout.whatif import course_of

#: Switching HA, WLB and the schedules off and on again, and looking in between.
_AROUND_SECONDS = 60.0
#: How far a forecast may be off (low, high): wide while the durations are first guesses, closer once learned.
_GUESSED = (0.7, 1.6)
_LEARNED = (0.85, 1.25)


@dataclass(frozen=True, slots=True)
class TurnForecast:
    """One host's turn: its tasks in order, how many VMs leave, the names of those that stop, the likely seconds.

    `begins` is when it begins, in seconds from the start; turns may overlap. `coordinator` says that it is the pool's,
    which goes before all others.
    """

    host: str
    name: str
    tasks: tuple[Task, ...]
    evacuates: bool
    vms_moved: int
    vms_stopped: tuple[str, ...]
    seconds: float
    reason: Reason
    begins: float = 0.0
    coordinator: bool = False


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a whole rollout will cost.

    `migrations` counts single moves (away and home are two), `vm_restarts` VMs that guidance wants restarted,
    `vms_stopped` names VMs suspended or shut down because they cannot move, `minutes` is (low, high). `at_once` is the
    most hosts out of service at one time, `spare` the smallest share of memory that is free on the hosts in service
    (None: not simulated), `stopped_seconds` the longest that a VM which cannot move is down, `stuck` why it cannot go
    through, None when it can.
    """

    turns: tuple[TurnForecast, ...] = ()
    reboots: int = 0
    toolstack_restarts: int = 0
    migrations: int = 0
    vm_restarts: int = 0
    vms_stopped: tuple[str, ...] = ()
    minutes: tuple[int, int] = (0, 0)
    headlines: tuple[Reason, ...] = ()
    at_once: int = 1
    spare: float | None = None
    stopped_seconds: float = 0.0
    stuck: Reason | None = None
    homes: bool = True
    """Whether moved VMs come home again."""

    def as_dict(self) -> dict[str, Any]:
        """The JSON form that the database keeps."""
        return {
            "turns": [
                {
                    "host": turn.host,
                    "name": turn.name,
                    "tasks": [task.value for task in turn.tasks],
                    "evacuates": turn.evacuates,
                    "vms_moved": turn.vms_moved,
                    "vms_stopped": list(turn.vms_stopped),
                    "seconds": turn.seconds,
                    "reason": turn.reason.as_dict(),
                    "begins": turn.begins,
                    "coordinator": turn.coordinator,
                }
                for turn in self.turns
            ],
            "reboots": self.reboots,
            "toolstack_restarts": self.toolstack_restarts,
            "migrations": self.migrations,
            "vm_restarts": self.vm_restarts,
            "vms_stopped": list(self.vms_stopped),
            "minutes": list(self.minutes),
            "headlines": [headline.as_dict() for headline in self.headlines],
            "at_once": self.at_once,
            "spare": self.spare,
            "stopped_seconds": self.stopped_seconds,
            "homes": self.homes,
            "stuck": self.stuck.as_dict() if self.stuck is not None else None,
        }

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Forecast:
        """The forecast kept as JSON by `as_dict`."""
        low, high = data["minutes"]
        return Forecast(
            turns=tuple(
                TurnForecast(
                    host=turn["host"],
                    name=turn["name"],
                    tasks=tuple(map(Task, turn["tasks"])),
                    evacuates=turn["evacuates"],
                    vms_moved=turn["vms_moved"],
                    vms_stopped=tuple(turn["vms_stopped"]),
                    seconds=turn["seconds"],
                    reason=Reason.from_dict(turn["reason"]),
                    begins=turn.get("begins", 0.0),
                    coordinator=turn.get("coordinator", False),
                )
                for turn in data["turns"]
            ),
            reboots=data["reboots"],
            toolstack_restarts=data["toolstack_restarts"],
            migrations=data["migrations"],
            vm_restarts=data["vm_restarts"],
            vms_stopped=tuple(data["vms_stopped"]),
            minutes=(low, high),
            headlines=tuple(map(Reason.from_dict, data["headlines"])),
            at_once=data.get("at_once", 1),
            spare=data.get("spare"),
            stopped_seconds=data.get("stopped_seconds", 0.0),
            homes=data.get("homes", True),
            stuck=Reason.from_dict(data["stuck"]) if data.get("stuck") else None,
        )


def forecast(spec: Spec, snapshot: PoolSnapshot, updates: AvailableUpdates, estimates: Estimates) -> Forecast:
    """What carrying out `spec` on the pool as it is now will cost."""
    turns: list[TurnForecast] = []
    migrations = 0
    for host in host_order(snapshot, spec):
        turn, moves = _turn(spec, snapshot, updates, estimates, host)
        turns.append(turn)
        migrations += moves
    restarting = [vm for vm in spec.vms if vm.treatment is VmTreatment.RESTART]
    visited = {vm.uuid for turn in turns for vm in snapshot.residents(turn.host)}
    at_the_end = sum(vm.uuid not in visited for vm in restarting)
    seconds = sum(turn.seconds for turn in turns) + _in_streams([estimates.vm_restart] * at_the_end, at_once(spec))
    result = Forecast(
        turns=tuple(turns),
        reboots=sum(Task.REBOOT_HOST in turn.tasks for turn in turns),
        toolstack_restarts=sum(Task.RESTART_TOOLSTACK in turn.tasks for turn in turns),
        migrations=migrations,
        vm_restarts=len(restarting),
        vms_stopped=tuple(name for turn in turns for name in turn.vms_stopped),
        minutes=_minutes(seconds + _AROUND_SECONDS, estimates) if turns else (0, 0),
    )
    if turns and preset_of(spec) is not Preset.SERIAL:
        at_end = _in_streams([estimates.vm_restart] * len(restarting), at_once(spec))
        result = _planned(result, spec, snapshot, updates, estimates, at_end)
    return replace(result, headlines=tuple(_headlines(spec, snapshot, updates, result)))


def costs_by_level(
    snapshot: PoolSnapshot, updates: AvailableUpdates, blockers: Blockers, choices: Choices, estimates: Estimates
) -> dict[Level, Forecast]:
    """What the same request would cost at each level."""
    return {
        level: forecast(
            propose(snapshot, updates, blockers, replace(choices, level=level)), snapshot, updates, estimates
        )
        for level in Level
    }


def costs_by_preset(
    snapshot: PoolSnapshot, updates: AvailableUpdates, blockers: Blockers, choices: Choices, estimates: Estimates
) -> dict[Preset, Forecast]:
    """What the same request would cost with each preset."""
    return {
        preset: forecast(
            propose(snapshot, updates, blockers, replace(choices, preset=preset)), snapshot, updates, estimates
        )
        for preset in Preset
    }


def _turn(
    spec: Spec, snapshot: PoolSnapshot, updates: AvailableUpdates, estimates: Estimates, host: Host
) -> tuple[TurnForecast, int]:
    bound = spec.host(host.uuid)
    allowed = bound.tasks if bound is not None else frozenset[Task]()
    tasks = _carried_out(expected_tasks(snapshot, updates, host, choices_of(spec)) & allowed)
    residents = snapshot.residents(host.uuid)
    evacuates = Task.EVACUATE_HOST in tasks
    stopped = tuple(vm for vm in residents if evacuates and _treatment(spec, vm) in _STOPS)
    moving = tuple(vm for vm in residents if evacuates and vm not in stopped)
    restarting = tuple(vm for vm in residents if vm not in stopped and _treatment(spec, vm) is VmTreatment.RESTART)
    homecoming = tuple(vm for vm in moving if vm not in restarting)
    seconds = (
        (estimates.apply if installs(host, updates.for_host(host.uuid), updates.checksum) else 0.0)
        + (estimates.reboot if Task.REBOOT_HOST in tasks else 0.0)
        + (estimates.toolstack if Task.RESTART_TOOLSTACK in tasks else 0.0)
        + _in_streams([estimates.migration(vm.memory) for vm in moving])
        + _in_streams([estimates.migration(vm.memory) for vm in homecoming], at_once(spec))
        + _in_streams([estimates.vm_restart for _ in restarting], at_once(spec))
        + _in_streams([_stop_seconds(spec, vm, estimates) for vm in stopped], at_once(spec))
    )
    if Task.RESTART_DEVICE_MODEL in tasks:  # XAPI migrates the VM onto its own host
        running = [vm for vm in residents if vm.power_state is PowerState.RUNNING and vm not in restarting]
        seconds += _in_streams([estimates.migration(vm.memory) for vm in running])
    reason = because(f"forecast.turn.{_kind_of_turn(tasks)}", host=host.name, vms=len(moving), stopped=len(stopped))
    names = tuple(vm.name for vm in stopped)
    turn = TurnForecast(
        host=host.uuid,
        name=host.name,
        tasks=tasks,
        evacuates=evacuates,
        vms_moved=len(moving),
        vms_stopped=names,
        seconds=round(seconds, 1),
        reason=reason,
        coordinator=host.uuid == snapshot.pool.coordinator,
    )
    return turn, len(moving) + len(homecoming)


def _planned(
    summed: Forecast,
    spec: Spec,
    snapshot: PoolSnapshot,
    updates: AvailableUpdates,
    estimates: Estimates,
    at_end: float,
) -> Forecast:
    """The same with the times, moves and order of the planner's own course; `at_end` are seconds of VM restarts."""
    course = course_of(spec, snapshot, updates, estimates)
    turns = [_timed(turn, course.turns[turn.host]) for turn in summed.turns]
    turns.sort(key=lambda turn: (turn.begins < 0, turn.begins))
    stuck = None
    if course.stuck is not None:
        host, vm = snapshot.host(course.stuck[0]), snapshot.vm(course.stuck[1])
        stuck = because(
            "forecast.stuck",
            host=host.name if host is not None else "",
            vm=vm.name if vm is not None else "",
            gib=round(vm.memory / 2**30) if vm is not None else 0,
        )
    return replace(
        summed,
        turns=tuple(turns),
        migrations=course.moves,
        minutes=_minutes(course.seconds + at_end + _AROUND_SECONDS, estimates),
        at_once=course.most_out,
        spare=round(course.lowest_spare, 3),
        stopped_seconds=round(max(course.stopped.values(), default=0.0), 1),
        stuck=stuck,
        homes=spec.placement is Placement.HOME,
    )


def _timed(turn: TurnForecast, times: TurnTimes) -> TurnForecast:
    seconds = max(0.0, times.back - times.begun) if times.back >= 0 else turn.seconds
    return replace(turn, begins=round(times.begun, 1), seconds=round(seconds, 1), vms_moved=times.leaving)


_STOPS = frozenset({VmTreatment.SUSPEND, VmTreatment.SHUTDOWN})


def _treatment(spec: Spec, vm: VM) -> VmTreatment | None:
    allowance = spec.vm(vm.uuid)
    return allowance.treatment if allowance is not None else None


def _stop_seconds(spec: Spec, vm: VM, estimates: Estimates) -> float:
    # Suspending writes the VM's memory out and resuming reads it back, at about the pace of a migration.
    if _treatment(spec, vm) is VmTreatment.SUSPEND:
        return 2 * estimates.migration(vm.memory)
    return estimates.vm_restart


def _carried_out(tasks: frozenset[Task]) -> tuple[Task, ...]:
    """The tasks people see happen: a reboot restarts the toolstack, and whoever moves gets a new device model."""
    if Task.REBOOT_HOST in tasks:
        tasks -= {Task.RESTART_TOOLSTACK}
    if Task.EVACUATE_HOST in tasks:
        tasks -= {Task.RESTART_DEVICE_MODEL}
    return in_execution_order(tasks - LIVEPATCH_FAILURE_TASKS)


def _kind_of_turn(tasks: tuple[Task, ...]) -> str:
    if Task.REBOOT_HOST in tasks:
        return "reboot"
    if Task.EVACUATE_HOST in tasks:
        return "evacuate_toolstack" if Task.RESTART_TOOLSTACK in tasks else "evacuate"
    return "toolstack" if Task.RESTART_TOOLSTACK in tasks else "apply"


def _in_streams(seconds: Iterable[float], streams: int = STREAMS) -> float:
    """How long single waits take when `streams` of them go on at a time: no shorter than the longest."""
    waits = list(seconds)
    return max([sum(waits) / streams, *waits], default=0.0)


def _minutes(seconds: float, estimates: Estimates) -> tuple[int, int]:
    low, high = _LEARNED if estimates.learned_from else _GUESSED
    return max(1, math.floor(seconds * low / 60)), max(1, math.ceil(seconds * high / 60))


def _headlines(spec: Spec, snapshot: PoolSnapshot, updates: AvailableUpdates, result: Forecast) -> Iterable[Reason]:
    """What people should know before they agree, the weightiest first."""
    if not result.turns:
        yield because("forecast.nothing", pool=snapshot.pool.name)
        return
    if result.stuck is not None:
        yield result.stuck
    low, high = result.minutes
    yield because("forecast.duration", hosts=len(result.turns), low=low, high=high)
    if spec.deadline is not None and snapshot.taken_at + timedelta(minutes=high) > spec.deadline:
        yield because("forecast.past_deadline", deadline=spec.deadline.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC"))
    if result.reboots:
        yield because("forecast.reboots", count=result.reboots, hosts=len(result.turns))
    if result.toolstack_restarts:
        yield because("forecast.toolstacks", count=result.toolstack_restarts)
    if versions_change(snapshot, updates):
        yield because("forecast.versions_change", coordinator=result.turns[0].name)
    if result.migrations:
        moved = sum(turn.vms_moved for turn in result.turns if turn.evacuates)
        yield because("forecast.migrations", count=result.migrations, vms=moved)
    if result.at_once > 1:
        yield because("forecast.at_once", count=result.at_once)
    if result.spare is not None and result.migrations:
        yield because("forecast.spare", percent=round(100 * result.spare))
    if result.vms_stopped and result.stopped_seconds:
        yield because("forecast.stopped_for", minutes=max(1, round(result.stopped_seconds / 60)))
    if result.vms_stopped:
        yield because("forecast.vms_stopped", count=len(result.vms_stopped), vms=", ".join(result.vms_stopped))
    if result.vm_restarts:
        yield because("forecast.vm_restarts", count=result.vm_restarts)
    device_models = sum(Task.RESTART_DEVICE_MODEL in turn.tasks for turn in result.turns)
    if device_models:
        yield because("forecast.device_models", count=device_models)
    if not result.vm_restarts and not any(turn.tasks for turn in result.turns):
        yield because("forecast.no_interruption")
    yield from _livepatch_headlines(spec, snapshot, updates)
    if snapshot.pool.ha.enabled:
        yield because("forecast.ha_off", low=low, high=high)
    left = _left_undone(spec, snapshot, updates)
    if left:
        yield because("forecast.left_pending", level=spec.level.value, count=len(left), hosts=", ".join(left))


def _livepatch_headlines(spec: Spec, snapshot: PoolSnapshot, updates: AvailableUpdates) -> Iterable[Reason]:
    patched = [
        host.name
        for host in host_order(snapshot, spec)
        if (entry := updates.for_host(host.uuid)) is not None
        and entry.livepatches
        and installs(host, entry, updates.checksum)
    ]
    if not patched:
        return
    names = ", ".join(patched)
    if spec.livepatch is Livepatch.REBOOT_ANYWAY:
        yield because("forecast.livepatch.reboot_anyway", count=len(patched), hosts=names)
        return
    yield because("forecast.livepatch", count=len(patched), hosts=names)
    agreed = spec.on_livepatch_failure is OnLivepatchFailure.REBOOT
    yield because("forecast.livepatch.failure_reboot" if agreed else "forecast.livepatch.failure_ask")


def _left_undone(spec: Spec, snapshot: PoolSnapshot, updates: AvailableUpdates) -> list[str]:
    """Hosts that will still ask for a restart at the recommended level when this spec stops at the mandatory one."""
    if spec.level is not Level.MANDATORY:
        return []
    restarts = {Task.REBOOT_HOST, Task.RESTART_TOOLSTACK, Task.EVACUATE_HOST}
    now, more = choices_of(spec), replace(choices_of(spec), level=Level.RECOMMENDED)
    return [
        host.name
        for host in host_order(snapshot, spec)
        if (expected_tasks(snapshot, updates, host, more) - expected_tasks(snapshot, updates, host, now)) & restarts
    ]
