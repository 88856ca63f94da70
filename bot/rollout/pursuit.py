"""Asking for an effect once, waiting for it, and knowing when to ask people.

A `Round` is one call of `decide`: it collects what to do now, what is being waited for and what is wrong. The rules
of a turn only say *which* effect they want next and whether it can be seen already; how often to ask, how long to
wait and when to give up is decided here, in the same way for every action.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.rollout.action import (
    Action,
    ApplyUpdates,
    AskEvacuation,
    AskHealth,
    EvacuateHost,
    MigrateVm,
    RebootHost,
    RestartToolstack,
    TakeStock,
)
from bot.rollout.amendment import ASKED, Offer
from bot.rollout.decision import Estimates, Step
from bot.rollout.memory import DebtKind, Intent, IntentState, Memory
from bot.rollout.model import PoolSnapshot
from bot.rollout.overdue import longest
from bot.rollout.reason import Reason, because
from bot.rollout.spec import Spec

#: What only looks at the pool.
_LOOKS = (AskEvacuation, AskHealth, TakeStock)
#: How often an effect is asked for that XAPI took and that never showed, before people are asked.
MAX_ATTEMPTS = 5
#: How often one is asked for that XAPI refuses for a passing reason: about a quarter of an hour, because members need
#: minutes to find their coordinator again after its restart.
MAX_TRANSIENT = 18
#: How long an effect that XAPI called done may take to show in its records.
_GRACE = timedelta(seconds=60)
#: XAPI loses its tasks when the coordinator's toolstack restarts; the work may still be going on.
_LOST_GRACE = timedelta(seconds=45)
#: Server hardware needs ten to fifteen minutes for its self-test; a restart whose answer was lost is not repeated
#: before the host had that long, counted from when it was asked for.
_LOST_RESTART_GRACE: dict[type[Action], timedelta] = {
    RebootHost: timedelta(minutes=15),
    RestartToolstack: timedelta(minutes=3),
}
#: Seconds until the next look at the whole pool while an action of that kind is under way. The driver notices the
#: end of a task sooner; these looks are for what happens around it and for people who watch the counts.
_LOOK_EVERY: dict[type[Action], float] = {ApplyUpdates: 60, RebootHost: 20, RestartToolstack: 5, MigrateVm: 30}
_LOOK_DEFAULT = 15.0

#: XAPI gives a guest twenty minutes to shut down; one whose task was lost may still do so.
_LOST_STOP_GRACE = {"ShutdownVm": timedelta(minutes=20), "SuspendVm": timedelta(minutes=5)}


@dataclass(frozen=True, slots=True)
class Problem:
    """Why people are asked, the intents that a retry forgives, and the one host that it concerns (its uuid).

    `wants` is the change of the spec that would solve it, where there is one.
    """

    reason: Reason
    keys: tuple[str, ...] = ()
    host: str = ""
    wants: Offer | None = None


@dataclass
class Round:
    """What one call of `decide` has found so far."""

    spec: Spec
    memory: Memory
    snapshot: PoolSnapshot
    estimates: Estimates
    now: datetime
    steps: list[Step] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    waits: list[Reason] = field(default_factory=list)
    waiting: list[tuple[str, str]] = field(default_factory=list)
    wake_at: datetime | None = None

    def look_again(self, seconds: float, reason: Reason | None = None) -> None:
        """Look again within `seconds`; `reason` says what is being waited for."""
        moment = self.now + timedelta(seconds=seconds)
        self.wake_at = moment if self.wake_at is None else min(self.wake_at, moment)
        if reason is not None:
            self.waits.append(reason)

    def problem(self, reason: Reason, *keys: str, wants: Offer | None = None) -> None:
        """Something only people can decide; `wants` is the change of the spec that would solve it."""
        self.problems.append(Problem(reason, keys, wants=wants))

    def blame(self, host: str, since: int = 0) -> None:
        """The problems from number `since` on concern that one host."""
        self.problems[since:] = [replace(problem, host=host) for problem in self.problems[since:]]

    def step(self, action: Action, reason: Reason, *, milestone: bool = False) -> None:
        """Take the action in this round."""
        self.steps.append(Step(action, reason, milestone))

    def name(self, uuid: str) -> str:
        """What people call the host or VM."""
        host = self.snapshot.host(uuid)
        if host is not None:
            return host.name
        vm = self.snapshot.vm(uuid)
        if vm is not None:
            return vm.name
        known = self.spec.host(uuid) or self.spec.vm(uuid)
        return known.name if known is not None else uuid

    def in_flight(self, *kinds: type[Action]) -> int:
        """How many effects of those kinds are under way or being asked for in this round."""
        prefixes = tuple(f"{kind.__name__}:" for kind in kinds)
        open_now = sum(
            intent.state is IntentState.OPEN and key.startswith(prefixes) for key, intent in self.memory.intents.items()
        )
        return open_now + sum(isinstance(step.action, kinds) for step in self.steps)

    def is_open(self, key: str) -> bool:
        """Whether that effect is under way."""
        intent = self.memory.intent(key)
        return intent is not None and intent.state is IntentState.OPEN

    def may_still_happen(self, key: str) -> bool:
        """Whether an effect that cannot be seen may yet come: it is under way, or its task was lost just now."""
        intent = self.memory.intent(key)
        if intent is None:
            return False
        if intent.state is IntentState.LOST:
            grace = _LOST_STOP_GRACE.get(key.partition(":")[0], _LOST_GRACE)
            return self.now - (intent.finished_at or intent.started_at) < grace
        return intent.state is IntentState.OPEN

    def awaits(self, action: RebootHost | RestartToolstack, reason: Reason, *, live: bool) -> bool:
        """Whether a restart is waited for: asked for and not seen yet.

        Where nobody knows whether XAPI got the call, it counts as asked for until the host had its time to come back;
        a host that is still `live` then never restarted, and may be asked again.
        """
        intent = self.memory.intent(action.key)
        if intent is None or intent.state not in (IntentState.OPEN, IntentState.LOST):
            return False
        if intent.state is IntentState.LOST and live and self.now >= self._ask_again_at(action, intent):
            return False
        self._wait_for(action, intent, reason)
        return True

    def wait_for(self, action: Action, reason: Reason) -> None:
        """Wait for an effect that is under way, or ask people when it takes too long."""
        intent = self.memory.intent(action.key)
        if intent is not None and intent.state is IntentState.OPEN:
            self._wait_for(action, intent, reason)
        else:
            self.look_again(_LOOK_DEFAULT, reason)

    def pursue(self, action: Action, reason: Reason, *, milestone: bool = False, wants: Offer | None = None) -> None:
        """Want an effect that cannot be seen yet: ask for it, wait for it, ask again, or ask people.

        `wants` is the change of the spec that would do instead where XAPI refuses it.
        """
        intent = self.memory.intent(action.key)
        if intent is None:
            self.step(action, reason, milestone=milestone)
            return
        if intent.state is IntentState.OPEN:
            self._wait_for(action, intent, reason)
            return
        if intent.state is IntentState.FAILED and not intent.transient:
            self.problem(self._failed(action, intent), *_tried_anew(action), wants=wants)
            return
        due = self._ask_again_at(action, intent)
        if self.now < due:
            longest = 5.0 if intent.state is IntentState.DONE else 30.0
            self.look_again(min(longest, (due - self.now).total_seconds() + 0.5), reason)
        elif intent.state is IntentState.LOST and isinstance(action, _LOOKS):
            self.step(action, reason)  # whoever looked was killed; looking again changes nothing
        elif intent.attempts >= (MAX_TRANSIENT if intent.state is IntentState.FAILED else MAX_ATTEMPTS):
            self.problem(self._failed(action, intent), *_tried_anew(action), wants=wants)
        else:
            self.step(action, reason)

    def _wait_for(self, action: Action, intent: Intent, reason: Reason) -> None:
        patience = longest(action, self.snapshot, self.estimates, self.memory.debts_of(DebtKind.VM_HOME))
        waited = self.now - intent.started_at
        if patience is not None and waited > patience:
            minutes = int(waited.total_seconds() // 60)
            if isinstance(action, (RebootHost, RestartToolstack)):
                why = because("host.not_back", host=self.name(action.subject), minutes=minutes, action=_kind(action))
            else:
                subject = self.name(action.subject) if action.subject else self.spec.pool_name
                why = because("operation.slow", action=_kind(action), subject=subject, minutes=minutes)
            self.problem(why, action.key)
            return
        self.look_again(_LOOK_EVERY.get(type(action), _LOOK_DEFAULT), reason)

    def _ask_again_at(self, action: Action, intent: Intent) -> datetime:
        """When an effect that failed for a passing reason, got lost or does not show may be asked for again."""
        since = intent.finished_at or intent.started_at
        if intent.state is IntentState.LOST:
            grace = _LOST_RESTART_GRACE.get(type(action))
            return since + _LOST_GRACE if grace is None else intent.started_at + grace
        if intent.state is IntentState.DONE:
            return since + _GRACE
        return since + timedelta(seconds=min(60.0, 10.0 * 2 ** (intent.attempts - 1)))

    def _failed(self, action: Action, intent: Intent) -> Reason:
        code = intent.error[0] if intent.error else "EFFECT_NOT_SEEN"
        return because(
            "operation.failed",
            action=_kind(action),
            subject=self.name(action.subject) if action.subject else self.spec.pool_name,
            code=code,
            details=", ".join(intent.error[1:]),
            attempts=intent.attempts,
        )


def _tried_anew(action: Action) -> tuple[str, ...]:
    """The intents that a retry of the action forgives: before a host is emptied again, XAPI says anew what keeps it."""
    return (action.key, ASKED, ASKED + action.subject) if isinstance(action, EvacuateHost) else (action.key,)


def _kind(action: Action) -> str:
    return type(action).__name__
