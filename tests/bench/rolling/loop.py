"""The worker's rounds with their memory in this process: snapshot, `decide`, `Gateway.begin`, and again.

What `bot.worker` does around the same three (fence, approval, audit, messages, all of it in the database) takes no
simulated time, but most of the real time on a large pool. `--driver product` runs that one instead.
"""

from __future__ import annotations

import math
import time as real
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from bot.rollout.action import (
    AskEvacuation,
    AskHealth,
    CloseDebt,
    DrainHost,
    KeepHost,
    RebootHost,
    RestartToolstack,
    TakeStock,
)
from bot.rollout.decide import decide, restart_under_way, unreachable
from bot.rollout.decision import Decision, Estimates, Step
from bot.rollout.gate import health_of
from bot.rollout.lifecycle import State
from bot.rollout.memory import Debt, Intent, IntentState, Memory
from bot.rollout.model import AvailableUpdates, PoolSnapshot, VmBlocker
from bot.rollout.reason import Reason
from bot.rollout.spec import Spec
from bot.rollout.stock import stock_of
from bot.time import Time
from bot.xen.errors import Unreachable, XenError
from bot.xen.gateway import Gateway
from bot.xen.tasks import livepatch_failures
from bot.xen.wire import Record
from tests.bench.rolling.client import Stopped

_RESTARTS = {"RebootHost": "reboot", "RestartToolstack": "toolstack"}
_KNOCK = timedelta(seconds=5)
#: Of the measurements of one kind the newest so many count.
_NEWEST = 20
_OWNER = "bench/1"


@dataclass
class Effort:
    """Real seconds: looking at the pool, deciding, the longest decision; and how many rounds."""

    looking: float = 0.0
    deciding: float = 0.0
    longest: float = 0.0
    rounds: int = 0


class Loop:
    """One rollout, driven to its end."""

    def __init__(self, gateway: Gateway, time: Time, spec: Spec, updates: AvailableUpdates, effort: Effort) -> None:
        self.gateway = gateway
        self.time = time
        self.spec = spec
        self.updates = updates
        self.effort = effort
        self.intents: dict[str, Intent] = {}
        self.debts: dict[str, Debt] = {}
        self._measured: dict[str, list[float]] = {}
        self._before: PoolSnapshot | None = None
        self._silent_since: datetime | None = None
        #: The session, and its place in the events.
        self._place = ("", "")
        self._stood: dict[str, tuple[object, ...]] = {}

    def drive(self, say: Callable[[Reason], str]) -> None:
        """Round after round. Raises `Stopped` where people would be asked, in the words of `say`."""
        while True:
            snapshot = self._observe(say)
            if snapshot is None:
                continue
            decision = self._decide(snapshot)
            if decision.verdict is not None:
                if decision.verdict.state is State.SUCCEEDED:
                    return
                raise Stopped(say(decision.verdict.reason))
            for step in decision.steps:
                self._take(step, snapshot)
            if not decision.steps:
                self._wait(decision.wake_at)

    # -- observe ---------------------------------------------------------------------------------------------

    def _observe(self, say: Callable[[Reason], str]) -> PoolSnapshot | None:
        began = real.perf_counter()
        try:
            self._look_at_tasks()
            snapshot = self.gateway.snapshot(disks=False)
        except XenError as error:
            self._silence(error, say)
            return None
        finally:
            self.effort.looking += real.perf_counter() - began
        self._look_at_restarts(snapshot)
        self._silent_since, self._before = None, snapshot
        return snapshot

    def _silence(self, error: XenError, say: Callable[[Reason], str]) -> None:
        now = self.time.now()
        self._silent_since = self._silent_since or now
        coordinator = self._before.pool.coordinator if self._before is not None else ""
        memory = self._memory()
        reason = unreachable(memory, coordinator, self._silent_since, self._estimates(), now)
        if reason is not None:
            raise Stopped(say(reason))
        if not error.transient and not restart_under_way(memory, coordinator):
            raise Stopped(error.sentence)
        self.time.wait_until(now + _KNOCK)

    def _look_at_tasks(self) -> None:
        for intent in [known for known in self.intents.values() if known.state is IntentState.OPEN and known.task_ref]:
            status = self.gateway.task(intent.task_ref)
            if status.state == "pending":
                continue
            if status.state == "success":
                apply = intent.key.startswith("ApplyUpdates:")
                self._finish(intent, list(livepatch_failures(status.result)) if apply else [])
            elif status.error is not None:
                self._fail(intent.key, status.error)
            else:
                self._set(intent, state=IntentState.LOST, finished_at=self.time.now())
            if status.state != "gone":
                self.gateway.forget_task(intent.task_ref)

    def _look_at_restarts(self, snapshot: PoolSnapshot) -> None:
        for intent in list(self.intents.values()):
            kind, _, uuid = intent.key.partition(":")
            host = snapshot.host(uuid)
            if kind not in _RESTARTS or intent.state not in (IntentState.OPEN, IntentState.LOST):
                continue
            if host is None or not host.live or host.agent_start_time == intent.agent_start_time:
                continue
            if kind == "RestartToolstack" or host.boot_time != intent.boot_time:
                self._finish(intent, [])

    # -- decide ----------------------------------------------------------------------------------------------

    def _decide(self, snapshot: PoolSnapshot) -> Decision:
        memory, estimates = self._memory(), self._estimates()
        began = real.perf_counter()
        decision = decide(self.spec, memory, snapshot, estimates, self.time.now())
        seconds = real.perf_counter() - began
        self.effort.rounds += 1
        self.effort.deciding += seconds
        self.effort.longest = max(self.effort.longest, seconds)
        return decision

    def _memory(self) -> Memory:
        return Memory(self.updates, dict(self.intents), tuple(self.debts.values()), owner=_OWNER)

    def _estimates(self) -> Estimates:
        learned: dict[str, Any] = {what: median(values[-_NEWEST:]) for what, values in self._measured.items()}
        return replace(Estimates(), **learned)

    def _finish(self, intent: Intent, result: list[str]) -> None:
        now = self.time.now()
        self._set(intent, state=IntentState.DONE, finished_at=now, result=result, error=(), transient=False)
        seconds = (now - intent.started_at).total_seconds()
        if intent.attempts > 1 or intent.state is IntentState.LOST or seconds <= 0:
            return
        kind, subject, *_ = intent.key.split(":")
        vm = self._before.vm(subject) if self._before is not None else None
        fixed = Estimates().migrate_fixed
        if kind == "ApplyUpdates" or kind in _RESTARTS:
            self._measured.setdefault(_RESTARTS.get(kind, "apply"), []).append(seconds)
        elif kind == "MigrateVm" and vm is not None and seconds > fixed and vm.memory > 0:
            self._measured.setdefault("migrate_rate", []).append(vm.memory / (seconds - fixed))

    # -- act -------------------------------------------------------------------------------------------------

    def _take(self, step: Step, snapshot: PoolSnapshot) -> None:
        action = step.action
        if isinstance(action, CloseDebt):
            self.debts.pop(action.debt.key, None)
            return
        host, known = snapshot.host(action.subject), self.intents.get(action.key)
        intent = Intent(
            key=action.key,
            state=IntentState.OPEN,
            started_at=self.time.now(),
            attempts=1 if known is None else known.attempts + 1,
            boot_time=host.boot_time if host is not None else 0.0,
            agent_start_time=host.agent_start_time if host is not None else 0.0,
        )
        self.intents[action.key] = intent
        for debt in action.debts:
            self.debts.setdefault(debt.key, debt)
        try:
            if isinstance(action, AskEvacuation):
                answer = {
                    uuid: [[blocker.vm, blocker.code, *blocker.params] for blocker in self._blockers(uuid)]
                    for uuid in action.hosts
                }
                self._done(intent, answer)
                return
            if isinstance(action, DrainHost | KeepHost):
                # What concerns our own books has happened when it is written down.
                self._done(intent, action.vms if isinstance(action, DrainHost) else None)
                return
            if isinstance(action, TakeStock | AskHealth):
                self._done(intent, self._looked(action))
                return
            self.gateway.check_claim(_OWNER)
            task = self.gateway.begin(action, snapshot)
        except XenError as error:
            self._fail(action.key, error)
            return
        if task:
            self._set(intent, task_ref=task)
        elif not isinstance(action, RebootHost | RestartToolstack):
            self._set(intent, state=IntentState.DONE, finished_at=self.time.now())

    def _done(self, intent: Intent, result: object) -> None:
        self._set(intent, state=IntentState.DONE, finished_at=self.time.now(), result=result)

    def _looked(self, action: TakeStock | AskHealth) -> dict[str, Any]:
        seen = self.gateway.snapshot()
        if isinstance(action, TakeStock):
            return stock_of(seen)
        known = self.intents.get(TakeStock(moment="before").key)
        before = known.result if known is not None and isinstance(known.result, dict) else None
        return health_of(before, seen, action.host, self.spec.checksum)

    def _blockers(self, host: str) -> list[VmBlocker]:
        return list(self.gateway.evacuation_blockers(host))

    def _fail(self, key: str, error: XenError) -> None:
        now, intent = self.time.now(), self.intents[key]
        if isinstance(error, Unreachable):
            self._set(intent, state=IntentState.LOST, finished_at=now)
        else:
            told = (error.code, *error.params)
            self._set(intent, state=IntentState.FAILED, finished_at=now, error=told, transient=error.transient)

    def _set(self, intent: Intent, **changes: object) -> None:
        self.intents[intent.key] = replace(intent, **changes)  # type: ignore[arg-type]

    # -- wait ------------------------------------------------------------------------------------------------

    def _wait(self, until: datetime) -> None:
        """Until the moment, the end of a task of ours, or a host that comes, goes or restarts."""
        try:
            while (left := (until - self.time.now()).total_seconds()) > 0:
                if any(self._matters(event) for event in self._events(left)):
                    return
        except XenError:
            # The coordinator is away: the next look says so, a moment later so that it may have come back.
            self.time.wait_until(min(until, self.time.now() + _KNOCK))

    def _events(self, seconds: float) -> list[Record]:
        """What changed since the last call, as soon as something does."""
        connection = self.gateway._connection
        link = connection.link()
        if link.handle != self._place[0]:
            self._place = (link.handle, "")
        try:
            batch = connection.once(
                link, "event.from", ["task", "host"], self._place[1], math.ceil(seconds * 1e3) / 1e3
            )
        except XenError as error:
            connection.lost(link, error)
            raise
        self._place = (link.handle, str(batch["token"]))
        events: list[Record] = batch["events"]
        return events

    def _matters(self, event: Record) -> bool:
        record = event.get("snapshot")
        if event["class"] == "task":
            over = record is None or record["status"] != "pending"
            return over and any(
                known.task_ref == event["ref"] for known in self.intents.values() if known.state is IntentState.OPEN
            )
        if record is None:
            return True
        stands = (record["enabled"], record["other_config"].get("agent_start_time"))
        stood, self._stood[event["ref"]] = self._stood.get(event["ref"]), stands
        return stood != stands
