"""What there is to do, and doing it: drive one rollout, or settle what is owed to one pool. No threads, no engine."""

from __future__ import annotations

import logging
import threading
import uuid
from datetime import datetime, timedelta

from bot.errors import XsbotError
from bot.log import concerning
from bot.rollout.lifecycle import State
from bot.rollout.reason import Reason, because
from bot.rollouts import Rollouts
from bot.rollouts.start import start
from bot.worker.driver import Driver
from bot.worker.settler import Settler
from bot.xen.errors import XenError
from storage import debts, pools, rollouts, threads
from storage.actors import BOT
from storage.errors import Conflict, DatabaseUnavailable
from storage.tables import RolloutRow

log = logging.getLogger(__name__)

#: Seconds before a rollout whose pool could not be reached at start is tried again.
_START_AGAIN = 30.0
#: Real seconds to wait for a database that is away before its rollout is left to the next sweep.
_DATABASE_AGAIN = 2.0


class Work:
    """The rollouts and debts of one installation. `stop` ends all work at its next safe point."""

    def __init__(self, desk: Rollouts, stop: threading.Event) -> None:
        self.desk = desk
        self.stop = stop

    def due(self) -> list[RolloutRow]:
        """The rollouts that should be driven and can be; people are asked about the others."""
        with self.desk.database.reading() as tx:
            rows = rollouts.driven(tx)
        now = self.desk.time.now()
        rows = [row for row in rows if not _waits(row, now)]
        for row in rows:
            if row.pool_alias not in self.desk.gateways:
                self._unconfigured(row)
        return [row for row in rows if row.pool_alias in self.desk.gateways]

    def drive(self, rollout_id: int, wake: threading.Event) -> None:
        """Start the rollout if it is approved, and drive it until it needs nobody or somebody else."""
        with concerning(rollout=rollout_id, pool=self._alias(rollout_id)):
            self._drive(rollout_id, wake)

    def _alias(self, rollout_id: int) -> str:
        try:
            with self.desk.database.reading() as tx:
                return rollouts.get(tx, rollout_id).pool_alias
        except XsbotError:
            return ""  # for the log alone; whoever drives says what is wrong

    def _drive(self, rollout_id: int, wake: threading.Event) -> None:
        try:
            alias = self._begin(rollout_id, wake)
            if alias is not None and alias in self.desk.gateways:
                log.info("rollout %s is driven by this process", rollout_id)
                Driver(self.desk, self.desk.gateways[alias], rollout_id, self.stop, wake).drive()
        except Conflict as error:
            # Somebody moved the rollout between our look and our write: the next sweep sees what it is now.
            log.info("rollout %s: %s", rollout_id, error)
        except DatabaseUnavailable as error:
            # Nothing is known to be wrong with the rollout: whoever reaches the database again goes on.
            log.warning("rollout %s is left for now: %s", rollout_id, error)
            self.stop.wait(_DATABASE_AGAIN)
        except Exception as error:
            self._crashed(rollout_id, error)

    def settle(self, alias: str, rollout_id: int, wake: threading.Event) -> None:
        """Give back what the ended rollout still owes to the pool."""
        if alias not in self.desk.gateways:
            return
        with concerning(rollout=rollout_id, pool=alias):
            try:
                Settler(self.desk, self.desk.gateways[alias], rollout_id, self.stop, wake).settle()
            except (XenError, Conflict, DatabaseUnavailable) as error:
                log.warning("pool %s: what is owed could not be given back: %s", alias, error)
            except Exception:
                log.exception("pool %s: settling ended by a fault of ours", alias)

    def owing(self, alias: str) -> int | None:
        """The rollout through which the pool's debts are settled: the newest that left some. None when nothing is
        owed or a rollout is at work, which settles them itself."""
        with self.desk.database.reading() as tx:
            row = pools.pool_by_alias(tx, alias)
            if row is None:
                return None
            working = rollouts.open_rollout_of(tx, row.uuid)
            owed = debts.open_debts(tx, row.uuid)
        if working is not None and working.state is not State.AWAITING_APPROVAL:
            return None
        return max((debt.rollout_id for debt in owed if debt.rollout_id is not None), default=None)

    def _begin(self, rollout_id: int, wake: threading.Event) -> str | None:
        """The alias of the pool to work on, None when the rollout is not to be driven."""
        told = ""
        while not self.stop.is_set():
            with self.desk.database.reading() as tx:
                row = rollouts.get(tx, rollout_id)
            if row.state in (State.RUNNING, State.ABORTING):
                return row.pool_alias
            if row.state is not State.APPROVED or _waits(row, self.desk.time.now()):
                return None
            try:
                start(self.desk, rollout_id)
            except Conflict:
                continue
            except XsbotError as error:
                log.warning("rollout %s cannot start yet: %s", rollout_id, error)
                told = self._tell_once(row, error, told)
                self.desk.time.wait_until(self.desk.time.now() + timedelta(seconds=_START_AGAIN), wake)
                wake.clear()
        return None

    def _tell_once(self, row: RolloutRow, error: XsbotError, told: str) -> str:
        """Say in the thread why an approved rollout does not start yet; once for each reason.

        Raises `Conflict` when it is no longer approved: then it does not start at all, and people know why.
        """
        if error.sentence == told or self.stop.is_set():
            return told
        reason = because("rollout.cannot_start_yet", sentence=error.sentence, hint=error.hint)
        with self.desk.database.transaction() as tx:
            rollouts.still(tx, row.id, State.APPROVED)
            threads.enqueue_line(tx, row.id, reason, self.desk.time.now())
        return error.sentence

    def _unconfigured(self, row: RolloutRow) -> None:
        """The configuration no longer has the pool of a rollout: nobody can drive it, so people are asked."""
        if row.state in (State.RUNNING, State.ABORTING):
            self._ask_people(row.id, because("pool.not_configured", pool=row.pool_alias))

    def _crashed(self, rollout_id: int, error: Exception) -> None:
        """A fault of ours: people are asked instead of trying the same again for ever."""
        fault = uuid.uuid4().hex[:8]
        log.exception("rollout %s: driver ended by a fault [%s]", rollout_id, fault)
        try:
            self._ask_people(rollout_id, because("driver.fault", fault=fault, what=type(error).__name__))
        except XsbotError:
            log.exception("rollout %s: and the fault could not be written down", rollout_id)
        # An approved rollout that cannot even be looked at would be taken up again at once.
        self.desk.time.wait_until(self.desk.time.now() + timedelta(seconds=_START_AGAIN), self.stop)

    def _ask_people(self, rollout_id: int, reason: Reason) -> None:
        with self.desk.database.transaction() as tx:
            row = rollouts.get(tx, rollout_id)
            if row.state not in (State.RUNNING, State.ABORTING):
                return
            given_up = row.state is State.ABORTING and row.giving_up
            rollouts.transition(
                tx,
                rollout_id,
                State.FAILED if given_up else State.NEEDS_ATTENTION,
                frm=row.state,
                actor=BOT,
                reason=reason,
                sentence=self.desk.say(reason),
                at=self.desk.time.now(),
            )
            if not given_up:
                rollouts.set_problem(tx, rollout_id, reason, ("retry", "abort"), ())


def _waits(row: RolloutRow, now: datetime) -> bool:
    """Whether an approved rollout waits for its time; nobody need look at it before."""
    return row.state is State.APPROVED and row.due_at is not None and row.due_at > now
