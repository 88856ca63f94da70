"""A pool in which installations, restarts and moves take their time: whole planned rollouts without a lab.

As in `IdealPool` nothing is awkward but what `decide` is held to. On top of it, several things are under way at once,
members look for a restarted coordinator each at their own pace, and moves from and to one that has not found it yet are
refused as a passing failure.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.rollout import action as do
from bot.rollout.decide import decide
from bot.rollout.decision import Decision, Estimates, Step
from bot.rollout.memory import Intent, IntentState, Memory

from .ideal_pool import OWNER, IdealPool

#: Seconds that each kind of effect takes; everything else happens at once.
TYPICAL: Mapping[type[do.Action], float] = {do.ApplyUpdates: 240.0, do.RebootHost: 480.0, do.RestartToolstack: 40.0}


@dataclass
class TimedPool(IdealPool):
    """`seconds` of each kind of effect (moves take what `estimates` say, times `slower`); `estimates` is what `decide`
    believes. `finds_back` are the seconds after its restart in which a member cannot reach the coordinator: XAPI calls
    it dead and refuses moves. `clock` is called for each decision with what it is made of, instead of `decide`."""

    seconds: Mapping[type[do.Action], float] = field(default_factory=lambda: dict(TYPICAL))
    estimates: Estimates = field(default_factory=Estimates)
    slower: float = 1.0
    finds_back: Callable[[str], float] = lambda host: 0.0
    lost: frozenset[str] = frozenset()
    """Hosts (uuids) that never come back from their restart."""
    enables_itself: Callable[[str], bool] = lambda host: False
    """Whether the host is put into service right after its installation, by itself or by somebody."""
    clock: Callable[..., Decision] = decide
    _due: list[tuple[datetime, int, Callable[[], None]]] = field(default_factory=list)
    _away: dict[str, datetime] = field(default_factory=dict)
    _number: int = 0

    def memory(self) -> Memory:
        """What the rollout remembers now."""
        return Memory(self.updates, dict(self.intents), tuple(self.debts), aborting=self.aborting, owner=OWNER)

    def round(self) -> Decision:
        """One round: decide, and let what was decided begin; without anything to do, until something ends."""
        self._let_end(self.now)
        while self._coordinator_away():
            self._let_end(self._due[0][0])
        decision = self.clock(self.spec, self.memory(), self.snapshot, self.estimates, self.now)
        for step in decision.steps:
            self._take(step)
        if not decision.steps and decision.verdict is None:
            until = max(decision.wake_at, self.now + timedelta(seconds=1))
            self._let_end(min(until, self._due[0][0]) if self._due else until)
        return decision

    def _coordinator_away(self) -> bool:
        coordinator = self.snapshot.coordinator
        return coordinator is not None and not coordinator.live and bool(self._due)

    def lose(self, host: str) -> None:
        """A host that restarts will not come back, and should have long ago."""
        self.lost |= {host}
        key = do.RebootHost(host=host).key
        self.intents[key] = replace(self.intents[key], started_at=self.now - timedelta(hours=1))

    def arrive(self, host: str) -> None:
        """A lost host is back after all."""
        self.lost -= {host}
        self._ends(do.RebootHost(host=host), self.intents[do.RebootHost(host=host).key])

    # -- happening -------------------------------------------------------------------------------------------

    def _take(self, step: Step) -> None:
        action = step.action
        seconds = self._seconds(action)
        if seconds is None:
            super()._take(step)
            return
        host, known = self.snapshot.host(action.subject), self.intents.get(action.key)
        for debt in action.debts:
            if not self.owes(debt.kind, debt.subject):
                self.debts.append(debt)
        intent = Intent(
            key=action.key,
            state=IntentState.OPEN,
            started_at=self.now,
            attempts=1 if known is None else known.attempts + 1,
            boot_time=host.boot_time if host else 0.0,
            agent_start_time=host.agent_start_time if host else 0.0,
        )
        self.intents[action.key] = intent
        if isinstance(action, do.MigrateVm) and self._unreached(action):
            self._end(intent, IntentState.FAILED, error=("CANNOT_CONTACT_HOST",), transient=True)
            return
        if isinstance(action, do.RebootHost):
            assert not self.snapshot.residents(action.host), "rebooted with VMs on it"
            self._host(action.host, live=False, enabled=False)
        if isinstance(action, do.RebootHost | do.RestartToolstack) and action.host == self.snapshot.pool.coordinator:
            moving = [key for key, known in self.intents.items() if key.startswith("MigrateVm:") and _open(known)]
            assert moving == [], "moves are in flight when the coordinator goes"
        self._at(seconds, lambda: self._ends(action, intent))

    def _seconds(self, action: do.Action) -> float | None:
        if isinstance(action, do.MigrateVm):
            return self.slower * self.estimates.migration(self.vm(action.vm).memory)
        return self.seconds.get(type(action))

    def _unreached(self, move: do.MigrateVm) -> bool:
        return any(self._away.get(uuid, self.now) > self.now for uuid in (self.vm(move.vm).resident_on or "", move.to))

    def _ends(self, action: do.Action, intent: Intent) -> None:
        if isinstance(action, do.RebootHost) and action.host in self.lost:
            return
        if isinstance(action, do.MigrateVm) and not self.host(action.to).enabled:
            self._end(intent, IntentState.FAILED, error=("HOST_DISABLED",))
            return
        self.done.append(action)
        self._happen(action)
        self._end(intent, IntentState.DONE, result=[] if isinstance(action, do.ApplyUpdates) else None)
        if isinstance(action, do.ApplyUpdates) and self.enables_itself(action.host):
            self._host(action.host, enabled=True)
        if isinstance(action, do.RebootHost):
            self._host(action.host, live=True)
            if action.host == self.snapshot.pool.coordinator:
                self._scatter()

    def _end(self, intent: Intent, state: IntentState, **more: object) -> None:
        changed = {"state": state, "finished_at": self.now, **more}
        self.intents[intent.key] = replace(intent, **changed)  # type: ignore[arg-type]

    def _scatter(self) -> None:
        """The members have to find their coordinator again."""
        for host in self.snapshot.hosts:
            seconds = self.finds_back(host.uuid)
            if host.is_coordinator or not host.live or seconds <= 0:
                continue
            self._away[host.uuid] = self.now + timedelta(seconds=seconds)
            self._host(host.uuid, live=False)
            self._at(seconds, lambda uuid=host.uuid: self._host(uuid, live=True))  # type: ignore[misc]

    # -- time ------------------------------------------------------------------------------------------------

    def _at(self, seconds: float, happens: Callable[[], None]) -> None:
        self._number += 1
        heapq.heappush(self._due, (self.now + timedelta(seconds=seconds), self._number, happens))

    def _let_end(self, until: datetime) -> None:
        """Time passes; what ends meanwhile has happened."""
        while self._due and self._due[0][0] <= until:
            at, _, happens = heapq.heappop(self._due)
            self.now = max(self.now, at)
            happens()
        self.now = max(self.now, until)
        self.snapshot = replace(self.snapshot, taken_at=self.now)


def _open(intent: Intent) -> bool:
    return intent.state is IntentState.OPEN
