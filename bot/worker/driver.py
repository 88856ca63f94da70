"""One rollout, one round after the other: observe, decide, act.

The driver owns no position. Whatever happens to its process, another one takes the fence, looks at the pool and goes
on. Errors of XAPI never leave it: they end in an intent, a wait, or a question to people.
"""

from __future__ import annotations

import logging
import threading
import uuid
from datetime import datetime, timedelta

from bot.rollout.amendment import Offer, complete, must_ask
from bot.rollout.answers import answers
from bot.rollout.decide import decide, restart_under_way, unreachable
from bot.rollout.decision import Decision, Verdict
from bot.rollout.expected import Expectation, expected
from bot.rollout.fixes import Remedy, subjects_of
from bot.rollout.lifecycle import TERMINAL, State
from bot.rollout.memory import DebtKind, IntentState, Memory, Patience, TurnPhase
from bot.rollout.model import PoolSnapshot, VmBlocker
from bot.rollout.pending import still_pending
from bot.rollout.reason import Reason, because
from bot.rollout.spec import Spec
from bot.rollout.timeline import Sample, sampled
from bot.rollout.window import ANY_TIME, Hours
from bot.rollouts import Rollouts
from bot.rollouts.hours import hours_of
from bot.worker.hands import Hands
from bot.worker.ledger import look_at_restarts, look_at_tasks
from bot.xen.errors import TlsRefused, XenError, translate
from bot.xen.gateway import Gateway
from storage import debts, durations, intents, rollouts, specs, threads, timeline, timing, turns
from storage.actors import BOT
from storage.database import Session
from storage.tables import RolloutRow

log = logging.getLogger(__name__)

_WORKING = (State.RUNNING, State.ABORTING)
#: Seconds between two tries to reach a pool that does not answer.
_KNOCK_EVERY = 5.0
#: How often it is worked out anew when a rollout should be done, besides the end of each host's turn.
_LOOK_AHEAD = timedelta(minutes=5)
#: How often the message is drawn anew of which only the percents have changed.
_REDRAW_EVERY = timedelta(seconds=20)
_OVER = frozenset({TurnPhase.DONE, TurnPhase.SKIPPED})
#: How often XAPI is asked, between two rounds, whether anything happened.
_GLANCE = timedelta(seconds=4)


class Driver:
    """Drives one rollout until it leaves the working states."""

    def __init__(
        self, desk: Rollouts, gateway: Gateway, rollout_id: int, stop: threading.Event, wake: threading.Event
    ) -> None:
        self.desk = desk
        self.gateway = gateway
        self.rollout_id = rollout_id
        self.stop = stop
        self.wake = wake
        self.fence = uuid.uuid4().hex
        self._recovering = True
        self._silent_since: datetime | None = None
        self._before: PoolSnapshot | None = None
        self._sample: Sample | None = None
        self._coordinator = ""
        #: XAPI's tasks that the last round knew to be under way.
        self._tasks: list[str] = []
        self._synced_at: datetime | None = None
        self._owner = f"{desk.settings.installation}/{rollout_id}"
        self._done = -1
        self._foreseen_at: datetime | None = None
        self._news: list[Expectation | None] = []
        self._redrawn_at: datetime | None = None
        self._behind = False

    def drive(self) -> None:
        """Round after round, until the rollout is over, paused, asks people, or `stop` is set."""
        row = self._take_over()
        while not self.stop.is_set():
            row, minds_discs = self._standing()
            if row.state not in _WORKING:
                return
            snapshot = self._observe(row, minds_discs)
            if snapshot is None:
                continue
            decision = self._round(row, snapshot)
            offers = self._offers(row, decision.verdict, snapshot)
            # What is told while nothing changes its state is found out again by the next round, whoever takes it.
            with self.desk.database.transaction(lasting=decision.verdict is not None) as tx:
                rollouts.check_fence(tx, self.rollout_id, self.fence)
                self._tell(tx, row, decision)
                if decision.verdict is not None:
                    if decision.verdict.state in TERMINAL:
                        self._tell_what_is_pending(tx, row, snapshot)
                    self._conclude(tx, row, decision.verdict, offers)
            self._act(row, decision, snapshot)

    # -- observe ---------------------------------------------------------------------------------------------

    def _take_over(self) -> RolloutRow:
        with self.desk.database.transaction() as tx:
            rollouts.take_fence(tx, self.rollout_id, self.fence)
            return rollouts.get(tx, self.rollout_id)

    def _standing(self) -> tuple[RolloutRow, bool]:
        """The rollout, and whether looks have to show what lies in drives: discs are to be taken out, or owed."""
        with self.desk.database.reading() as tx:
            row = rollouts.get(tx, self.rollout_id)
            spec: Spec = specs.at(tx, row.id, row.digest)[0]
            owed = debts.open_debts(tx, row.pool_uuid)
        discs = any(debt.kind is DebtKind.DISC for debt in owed) or bool(subjects_of(spec.fixes, Remedy.EJECT_CDS))
        return row, discs

    def _observe(self, row: RolloutRow, minds_discs: bool) -> PoolSnapshot | None:
        """A fresh snapshot with every open intent looked after, or None when the pool does not answer now."""
        try:
            return self._look(row, minds_discs)
        except XenError as error:
            # A gateway that was closed because we are to stop is no news about the pool.
            if not self.stop.is_set():
                self._silence(row, error)
            return None

    def _look(self, row: RolloutRow, minds_discs: bool) -> PoolSnapshot:
        look_at_tasks(self.desk, self.gateway, row, self.fence, self._before, recovering=self._recovering)
        snapshot = self.gateway.snapshot(disks=minds_discs)
        look_at_restarts(self.desk, row, self.fence, snapshot, recovering=self._recovering)
        self._sample = sampled(snapshot, self._before)
        self._recovering = False
        self._silent_since = None
        self._before = snapshot
        self._coordinator = snapshot.pool.coordinator
        self._synced_at = snapshot.pool.last_update_sync
        return snapshot

    def _silence(self, row: RolloutRow, error: XenError) -> None:
        """The pool does not answer: wait while that is to be expected, then ask people (or give up if they did)."""
        now = self.desk.time.now()
        self._silent_since = self._silent_since or now
        with self.desk.database.reading() as tx:
            memory = self._memory(tx, row)
            estimates = durations.estimates(tx, row.pool_uuid)
        # While a coordinator starts, what it answers is no more reliable than silence.
        passing = error.transient or (
            restart_under_way(memory, self._coordinator) and not isinstance(error, TlsRefused)
        )
        reason = unreachable(memory, self._coordinator, self._silent_since, estimates, now)
        if not passing:
            reason = because("operation.failed_told", subject=row.pool_alias, sentence=error.sentence, hint=error.hint)
        if memory.giving_up:
            verdict = Verdict(State.FAILED, because("rollout.given_up"))
        elif reason is not None:
            verdict = Verdict(State.NEEDS_ATTENTION, reason)
        else:
            self._wait(now + timedelta(seconds=_KNOCK_EVERY), answers=False)
            return
        with self.desk.database.transaction() as tx:
            rollouts.check_fence(tx, self.rollout_id, self.fence)
            self._conclude(tx, row, verdict)

    # -- decide ----------------------------------------------------------------------------------------------

    def _round(self, row: RolloutRow, snapshot: PoolSnapshot) -> Decision:
        with self.desk.database.reading() as tx:
            spec: Spec = specs.at(tx, row.id, row.digest)[0]
            memory = self._memory(tx, row)
            estimates = durations.estimates(tx, row.pool_uuid)
        known = memory.intents.values()
        self._tasks = [intent.task_ref for intent in known if intent.state is IntentState.OPEN and intent.task_ref]
        now = self.desk.time.now()
        decision = decide(spec, memory, snapshot, estimates, now)
        if decision.verdict is None and self._look_ahead(decision, now):
            self._news = [expected(spec, memory, snapshot, estimates, now)]
        return decision

    def _look_ahead(self, decision: Decision, now: datetime) -> bool:
        """Whether it is time to work out anew when everything should be done: a host's turn ended, or a while passed.

        On paper a large pool takes about a second, too long for every look.
        """
        done = sum(progress.phase in _OVER for progress in decision.progress)
        if self._foreseen_at is not None and done == self._done and now - self._foreseen_at < _LOOK_AHEAD:
            return False
        self._done, self._foreseen_at = done, now
        return True

    def _memory(self, tx: Session, row: RolloutRow) -> Memory:
        return Memory(
            updates=rollouts.updates_of(row),
            intents=intents.all_intents(tx, row.id),
            debts=debts.open_debts(tx, row.pool_uuid),
            aborting=row.state is State.ABORTING,
            giving_up=row.giving_up and row.state is State.ABORTING,
            owner=self._owner,
            skipped=frozenset(row.skipped),
            patience=self._patience(),
            coordinator=row.coordinator,
            stale_sync=row.stale_sync,
            hours=self._hours(row),
        )

    def _hours(self, row: RolloutRow) -> Hours:
        if row.emergency or row.pool_alias not in self.desk.settings.pools:
            return ANY_TIME
        return hours_of(self.desk.settings, row.pool_alias, self.desk.time.now(), row.working_since)

    def _patience(self) -> Patience:
        health = self.desk.settings.health
        return Patience(
            storage=timedelta(seconds=health.storage_s),
            links=timedelta(seconds=health.links_s),
            guests=timedelta(seconds=health.guests_s),
        )

    # -- tell ------------------------------------------------------------------------------------------------

    def _tell(self, tx: Session, row: RolloutRow, decision: Decision) -> None:
        """Bring what people see up to date: headline, each host's phase, what XAPI does not let us give back yet."""
        now = self.desk.time.now()
        rollouts.note_coordinator(tx, row.id, self._coordinator, self._synced_at)
        if self._sample is not None:
            timeline.add_sample(tx, row.id, self._sample, now)
        # Copied out: `turns.record` changes these very rows.
        before = {turn.host: (turn.progress, turn.started_at) for turn in turns.of(tx, row.id)}
        news = rollouts.set_headline(tx, row.id, decision.reason)
        for progress in decision.progress:
            known, started_at = before.get(progress.host, (None, None))
            if known == progress:
                # Most hosts of a large pool in most rounds: writing each would be most of the round's work.
                continue
            told = turns.record(tx, row.id, progress, now)
            news = news or told is turns.News.OTHER
            self._behind = self._behind or told is turns.News.FURTHER
            if progress.phase is TurnPhase.DONE and known is not None and known.phase is not TurnPhase.DONE:
                self._line(tx, row, _done(progress.name, started_at, now))
        self._note_waiting(tx, row, decision)
        while self._news:
            changed = rollouts.set_expected(tx, row.id, self._news.pop())
            news = news or changed
        if news or (self._behind and self._may_redraw(now)):
            self._redrawn_at, self._behind = now, False
            threads.redraw_progress(tx, row.id, now)

    def _may_redraw(self, now: datetime) -> bool:
        """Whether people have seen the same for long enough: all pools together share Slack's edits a minute."""
        return self._redrawn_at is None or now - self._redrawn_at >= _REDRAW_EVERY

    def _note_waiting(self, tx: Session, row: RolloutRow, decision: Decision) -> None:
        waiting = dict(decision.waiting)
        for debt in debts.open_debts(tx, row.pool_uuid):
            # Every VM that is away is a debt: asking for each in each round would be most of a round's work.
            if debt.waiting_for != waiting.get(debt.key, ""):
                debts.note_waiting(tx, row.pool_uuid, debt.key, waiting.get(debt.key, ""))

    def _tell_what_is_pending(self, tx: Session, row: RolloutRow, snapshot: PoolSnapshot) -> None:
        """Tasks above the chosen level, or of VMs that the spec does not list, stay pending; people should know."""
        for reason in still_pending(snapshot):
            self._line(tx, row, reason)

    def _offers(self, row: RolloutRow, verdict: Verdict | None, snapshot: PoolSnapshot) -> tuple[Offer, ...]:
        """The amendments that people are offered for the problem; XAPI says which VMs keep a host."""
        if verdict is None or verdict.wants is None or row.state is not State.RUNNING:
            return ()
        blockers: tuple[VmBlocker, ...] | None = None
        if must_ask(verdict.wants):
            try:
                blockers = self.gateway.evacuation_blockers(verdict.wants.host)
            except XenError as error:
                log.info("rollout %s: nothing is known about what keeps VMs on the host: %s", row.id, error)
        with self.desk.database.reading() as tx:
            spec = specs.of(tx, row.id)[0]
        return complete(verdict.wants, spec, snapshot, blockers)

    def _conclude(self, tx: Session, row: RolloutRow, verdict: Verdict, offers: tuple[Offer, ...] = ()) -> None:
        reason = _told(verdict.reason)
        rollouts.transition(
            tx,
            row.id,
            verdict.state,
            frm=row.state,
            actor=BOT,
            reason=reason,
            sentence=self.desk.say(reason),
            at=self.desk.time.now(),
        )
        if verdict.state is State.PAUSED:
            timing.set_due(tx, row.id, verdict.until)
            self._line(tx, row, reason)
        if verdict.state is State.NEEDS_ATTENTION:
            options = answers(verdict, self._coordinator, ending=row.state is State.ABORTING)
            rollouts.set_problem(tx, row.id, reason, options, verdict.keys, verdict.host, offers)
        threads.redraw_progress(tx, row.id, self.desk.time.now())

    def _line(self, tx: Session, row: RolloutRow, reason: Reason) -> None:
        threads.enqueue_line(tx, row.id, reason, self.desk.time.now())

    # -- act -------------------------------------------------------------------------------------------------

    def _act(self, row: RolloutRow, decision: Decision, snapshot: PoolSnapshot) -> None:
        hands = Hands(self.desk, self.gateway, row, self.fence, self.stop, self._owner)
        for step in decision.steps:
            if self.stop.is_set():
                return
            hands.take(step, snapshot)
        if decision.verdict is None and not decision.steps:
            self._wait(decision.wake_at)

    def _wait(self, until: datetime, *, answers: bool = True) -> None:
        """Wait for the moment, for a word from people, or for something to happen; whichever comes first."""
        time = self.desk.time
        while not time.wait_until(min(until, time.now() + _GLANCE) if answers else until, self.wake):
            if time.now() >= until or self._stirred():
                break
        if not self.stop.is_set():
            self.wake.clear()

    def _stirred(self) -> bool:
        """Whether something happened on the pool since the last look, the end of one of our tasks for instance."""
        try:
            return self.gateway.stirred(self._tasks)
        except XenError:
            return True


def _done(host: str, started_at: datetime | None, now: datetime) -> Reason:
    minutes = round((now - started_at).total_seconds() / 60) if started_at is not None else 0
    return because("host.done", host=host, duration=f"{max(1, minutes)} min")


def _told(reason: Reason) -> Reason:
    """A failed operation with the sentence and the hint that `bot.xen` has for XAPI's code."""
    if reason.code != "operation.failed":
        return reason
    details = str(reason.params.get("details", ""))
    error = translate((str(reason.params["code"]), *(details.split(", ") if details else ())))
    return Reason("operation.failed_told", {**reason.params, "sentence": error.sentence, "hint": error.hint})
