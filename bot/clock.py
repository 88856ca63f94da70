"""Everything that happens on a timer: polls, expiry, reminders, and another try at what is owed.

APScheduler gives the beat; what is due is read from the database and from `bot.time`, so that a missed beat loses
nothing and the lab's clock is obeyed. Pools are polled staggered and in a small pool of threads, so that one that
does not answer holds up nobody.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from apscheduler.schedulers.background import BackgroundScheduler

from bot.authority import AuthorityUnknown
from bot.log import concerning
from bot.polling import Poller
from bot.rollout.lifecycle import State
from bot.rollout.reason import Reason, because
from bot.rollouts import PoolStanding, Rollouts
from bot.worker import Engine
from storage import amendments, debts, outbox, rollouts, threads, timing
from storage.actors import BOT
from storage.errors import StorageError
from storage.tables import RolloutRow

log = logging.getLogger(__name__)

#: Seconds (of the bot's clock) between two tries to give back what is owed to a pool.
_SETTLE_EVERY = timedelta(minutes=5)
#: The share of the time for approving after which approvers are reminded.
_REMIND_APPROVERS = 0.75
#: Pools that are polled at the same time.
_THREADS = 8
#: What is owed for so long is asked about, and again every so often.
_ASK_AFTER = timedelta(hours=24)
_ASK_EVERY = timedelta(hours=24)
#: A clock that begins looks at the pools for so long before it tells how they are.
_LOOK_FIRST = timedelta(minutes=2)
#: Sent messages are kept for so long, for whoever looks into what Slack got.
_KEEP_SENT = timedelta(days=30)
_PRUNE_EVERY = timedelta(days=1)


class Clock:
    """The timers of one process. `beat_s` is real seconds between two looks at what is due.

    Of several processes on one database only the one for which `leads` is true does anything. One that becomes the
    leader begins as after a restart: what others did meanwhile is in the database.
    """

    def __init__(
        self,
        desk: Rollouts,
        engine: Engine,
        poller: Poller,
        *,
        beat_s: float = 5.0,
        leads: Callable[[], bool] = lambda: True,
    ) -> None:
        self.desk = desk
        self.engine = engine
        self.poller = poller
        self._beat_s = beat_s
        self._lock = threading.Lock()
        self._leads = leads
        self._led = True
        self._polling: set[str] = set()
        self._begin()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="poll")
        self._scheduler = BackgroundScheduler(timezone="UTC")

    def _begin(self) -> None:
        self._next_poll = self._staggered()
        self._next_settling: dict[str, datetime] = {}
        self._next_pruning = self.desk.time.now() + _PRUNE_EVERY
        self._digests_from = self.desk.time.now() + _LOOK_FIRST

    def start(self) -> None:
        """Begin to beat."""
        # The defaults drop a beat that is a second late; here a late beat is as good as any.
        self._scheduler.add_job(
            self.beat, "interval", seconds=self._beat_s, coalesce=True, max_instances=1, misfire_grace_time=None
        )
        self._scheduler.start()
        self.beat()

    def shut_down(self) -> None:
        """Stop beating; polls under way end with their sockets."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        self._threads.shutdown(wait=False, cancel_futures=True)

    def poll_soon(self, alias: str) -> None:
        """Look at the pool with the next beat, because something on it has just changed."""
        with self._lock:
            self._next_poll[alias] = self.desk.time.now()

    def beat(self) -> None:
        """Do what is due."""
        led, self._led = self._led, self._leads()
        if not self._led:
            return
        if not led:
            with self._lock:
                self._begin()
        now = self.desk.time.now()
        for alias in self._due(now):
            self._threads.submit(self._poll, alias)
        steps = (
            *(self._expire, self._lapse, self._remind_approvers, self._announce, self._go_on, self._warn, self._remind),
            *(self._settle, self._ask_about_debts, self._wake, self._tell_digests, self._prune),
        )
        for step in steps:
            try:
                step(now)
            except AuthorityUnknown as error:
                # Nobody's authority can be told now: the next beat asks again.
                log.warning("a timer has to wait for Slack: %s", error)
            except StorageError:
                log.exception("a timer could not reach the database")

    def _staggered(self) -> dict[str, datetime]:
        now = self.desk.time.now()
        every = timedelta(seconds=self.desk.settings.poll.every_s)
        aliases = list(self.desk.gateways)
        # At the start everybody is looked at soon; from then on the polls stay apart by themselves.
        gap = min(every / max(1, len(aliases)), timedelta(seconds=1))
        return {alias: now + gap * number for number, alias in enumerate(aliases)}

    def _due(self, now: datetime) -> list[str]:
        every = timedelta(seconds=self.desk.settings.poll.every_s)
        with self._lock:
            due = [alias for alias, at in self._next_poll.items() if at <= now and alias not in self._polling]
            for alias in due:
                self._next_poll[alias] = now + every
                self._polling.add(alias)
        return due

    def _poll(self, alias: str) -> None:
        with concerning(pool=alias):
            try:
                self.poller.poll(alias)
            except Exception:
                log.exception("poll of pool %s ended by a fault of ours", alias)
            finally:
                with self._lock:
                    self._polling.discard(alias)

    def _expire(self, now: datetime) -> None:
        with self.desk.database.reading() as tx:
            rows = [row for row in rollouts.open_rollouts(tx) if _expired(row, now)]
        for row in rows:
            reason = because("rollout.expired")
            with self.desk.database.transaction() as tx:
                if rollouts.get(tx, row.id).state is not State.AWAITING_APPROVAL:
                    continue
                rollouts.transition(
                    tx,
                    row.id,
                    State.EXPIRED,
                    frm=State.AWAITING_APPROVAL,
                    actor=BOT,
                    reason=reason,
                    sentence=self.desk.say(reason),
                    at=now,
                )

    def _lapse(self, now: datetime) -> None:
        """End amendments that were not approved in time."""
        with self.desk.database.reading() as tx:
            late = [amendment.id for amendment in amendments.expired(tx, now)]
        for amendment_id in late:
            try:
                self.desk.lapse(amendment_id)
            except StorageError:
                # Those behind it have their turn: it would be in their way at every beat.
                log.exception("amendment %d could not be ended", amendment_id)

    def _remind_approvers(self, now: datetime) -> None:
        """Tell those who are still asked once, when three quarters of the time for approving are over."""
        with self.desk.database.reading() as tx:
            rows = [row for row in rollouts.open_rollouts(tx) if row.state is State.AWAITING_APPROVAL]
        for row in rows:
            late = row.created_at + (row.expires_at - row.created_at) * _REMIND_APPROVERS
            if row.approvers_reminded_at is None and now >= late:
                with self.desk.database.transaction() as tx:
                    timing.remind_approvers(tx, row.id, now)

    def _announce(self, now: datetime) -> None:
        """Tell the pool's channel that a rollout which waits for its time is about to start, or to go on."""
        with self.desk.database.reading() as tx:
            rows = [row for row in rollouts.open_rollouts(tx) if row.begins_at is not None and row.announced_at is None]
        for row in rows:
            ahead = timedelta(minutes=self.desk.settings.maintenance_for(row.pool_alias).announce_minutes)
            if ahead and row.begins_at is not None and row.begins_at - ahead <= now < row.begins_at:
                self.desk.announce(row.id)

    def _go_on(self, now: datetime) -> None:
        """Let rollouts go on that paused at the end of a window, once the next one is open."""
        with self.desk.database.reading() as tx:
            due = [row.id for row in rollouts.waiting(tx) if row.due_at is not None and row.due_at <= now]
        for rollout_id in due:
            self.desk.go_on(rollout_id)

    def _warn(self, now: datetime) -> None:
        """Tell people once that a rollout works for longer than the configuration thinks right."""
        with self.desk.database.reading() as tx:
            rows = [row for row in rollouts.driven(tx) if row.state is State.RUNNING and row.warned_at is None]
        for row in rows:
            after = timedelta(minutes=self.desk.settings.maintenance_for(row.pool_alias).warn_after_minutes)
            if after and row.working_since is not None and now - row.working_since >= after:
                with self.desk.database.transaction() as tx:
                    if timing.warn(tx, row.id, now):
                        minutes = int((now - row.working_since).total_seconds() // 60)
                        threads.enqueue_line(tx, row.id, because("rollout.takes_long", minutes=minutes), now)

    def _remind(self, now: datetime) -> None:
        """Ask again where a rollout waits for people and nobody answers."""
        every = timedelta(minutes=self.desk.settings.attention_reminder_minutes)
        with self.desk.database.reading() as tx:
            # One that goes on by itself waits for nobody.
            waits = [row for row in rollouts.waiting(tx) if row.due_at is None]
        due = [row.id for row in waits if row.reminded_at is None or now - row.reminded_at >= every]
        for rollout_id in due:
            with self.desk.database.transaction() as tx:
                row = timing.remind(tx, rollout_id, every, now)
                if row is None:
                    continue
                if row.state is State.PAUSED:
                    threads.enqueue_line(tx, row.id, self._still_paused(row, now), now)
                elif row.problem_reason is not None:
                    asked = {"reason": row.problem_reason.as_dict()}
                    threads.enqueue(tx, outbox.Topic.ATTENTION, row.id, now, asked)

    def _settle(self, now: datetime) -> None:
        """Try again to give back what is owed to pools on which nothing is at work."""
        for standing in self.desk.owing():
            if not standing.debts or _at_work(standing) or standing.alias not in self.desk.gateways:
                continue
            if self._next_settling.setdefault(standing.alias, now + _SETTLE_EVERY) <= now:
                self._next_settling[standing.alias] = now + _SETTLE_EVERY
                self.engine.settle(standing.alias)

    def _still_paused(self, row: RolloutRow, now: datetime) -> Reason:
        why = row.headline_reason
        minutes = int((now - (row.waiting_since or now)).total_seconds() // 60)
        told = self.desk.say(why) if why is not None else ""
        return because("rollout.still_paused", minutes=minutes, why=told, id=row.id)

    def _ask_about_debts(self, now: datetime) -> None:
        """Ask people about what is owed for a day and could not be given back; again each day."""
        for standing in self.desk.owing():
            if standing.row is None or not standing.debts or _at_work(standing):
                continue
            with self.desk.database.transaction() as tx:
                if debts.ask_about(tx, standing.row.uuid, now - _ASK_AFTER, now - _ASK_EVERY, now):
                    outbox.enqueue(
                        tx,
                        outbox.Topic.DEBTS,
                        lane=outbox.pool_lane(standing.row.uuid),
                        key=f"pool:{standing.row.uuid}:debts",
                        payload={"pool_uuid": standing.row.uuid, "hours": int(_ASK_AFTER.total_seconds() // 3600)},
                        at=now,
                    )

    def _wake(self, _now: datetime) -> None:
        """Tell anew what people snoozed until now."""
        self.desk.wake_notices()

    def _tell_digests(self, now: datetime) -> None:
        """Tell channels how their pools are, where a week is over."""
        if now >= self._digests_from:
            self.desk.tell_digests()

    def _prune(self, now: datetime) -> None:
        if now < self._next_pruning:
            return
        self._next_pruning = now + _PRUNE_EVERY
        with self.desk.database.transaction() as tx:
            outbox.forget_sent(tx, now - _KEEP_SENT)


def _at_work(standing: PoolStanding) -> bool:
    """Whether a rollout is at work on the pool; it gives back what it owes itself, and has reminders of its own."""
    row = standing.open_rollout
    return row is not None and row.state not in (State.AWAITING_APPROVAL, State.APPROVED)


def _expired(row: RolloutRow, now: datetime) -> bool:
    return row.state is State.AWAITING_APPROVAL and row.expires_at <= now
