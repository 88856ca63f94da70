"""`Worker`: sees to it that every rollout that should be driven is driven, one thread each.

This is the embedded engine: one process holds the database, so a thread per rollout is all the exclusion there is to
keep. Each thread spends its life waiting.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from time import monotonic

from bot.errors import XsbotError
from bot.log import concerning
from bot.rollout.lifecycle import State
from bot.rollout.reason import Reason, because
from bot.rollouts import Rollouts
from bot.rollouts.start import start
from bot.worker.driver import Driver
from bot.worker.settler import Settler
from bot.xen.errors import XenError
from storage import debts, outbox, pools, rollouts
from storage.actors import BOT
from storage.errors import Conflict
from storage.tables import RolloutRow

log = logging.getLogger(__name__)

#: Real seconds between two looks at our own database for rollouts that nobody drives.
_SWEEP_EVERY = 2.0
#: The worker counts as at work when it looked within so many real seconds; a look waits for the database up to 30.
_LOOKED_WITHIN = 45.0
#: Seconds before a rollout whose pool could not be reached at start is tried again.
_START_AGAIN = 30.0


class Worker:
    """Starts and ends the drivers. `run` blocks; `wake` may be called from any thread."""

    def __init__(self, desk: Rollouts) -> None:
        self.desk = desk
        self.stop = threading.Event()
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._threads: dict[str, tuple[threading.Thread, threading.Event]] = {}
        self._looked_at = float("-inf")

    def works(self) -> bool:
        """Whether the loop that finds and drives rollouts has done so lately."""
        return not self.stop.is_set() and monotonic() - self._looked_at < _LOOKED_WITHIN

    def wake(self) -> None:
        """Something may have changed: look for work, and have every driver look at its rollout."""
        self._wake.set()
        with self._lock:
            for _, event in self._threads.values():
                event.set()

    def shut_down(self, deadline: float) -> None:
        """Take no more effects and end every thread until `deadline` (`time.monotonic`).

        What XAPI is doing goes on; the rows stay as they are.
        """
        self.stop.set()
        self.wake()
        with self._lock:
            threads = [thread for thread, _ in self._threads.values()]
        for thread in threads:
            thread.join(max(0.0, deadline - monotonic()))

    def run(self) -> None:
        """Keep a driver on every rollout that should be driven, until `shut_down`."""
        while not self.stop.is_set():
            try:
                self.sweep()
                self._looked_at = monotonic()
            except Exception:
                # The rows are still there; a database that is away now is asked again.
                log.exception("looking for rollouts to drive failed; trying again")
            self._wake.wait(_SWEEP_EVERY)
            self._wake.clear()

    def sweep(self) -> None:
        """Start a driver for each rollout that has none."""
        with self.desk.database.reading() as tx:
            rows = rollouts.driven(tx)
        for row in rows:
            if row.pool_alias not in self.desk.gateways:
                self._unconfigured(row)
            elif not self._settling(row.pool_alias):
                self._in_thread(_rollout(row.id), partial(self._drive_on, row.pool_alias, row.id))

    def settle(self, alias: str) -> None:
        """Give back what is owed to a pool on which no rollout is at work, in the background."""
        rollout_id = self._owing(alias)
        if rollout_id is not None:
            self._in_thread(_settling(alias), lambda event: self._settle(alias, rollout_id, event))

    def drive(self, rollout_id: int, wake: threading.Event | None = None) -> None:
        """Start the rollout if it is approved, and drive it until it needs nobody or somebody else."""
        wake = wake if wake is not None else threading.Event()
        with concerning(rollout=rollout_id):
            self._drive(rollout_id, wake)

    def _drive_on(self, alias: str, rollout_id: int, wake: threading.Event) -> None:
        with concerning(pool=alias):
            self.drive(rollout_id, wake)

    def _drive(self, rollout_id: int, wake: threading.Event) -> None:
        try:
            alias = self._begin(rollout_id, wake)
            if alias is not None:
                Driver(self.desk, self.desk.gateways[alias], rollout_id, self.stop, wake).drive()
        except Conflict as error:
            # Somebody moved the rollout between our look and our write: the next sweep sees what it is now.
            log.info("rollout %s: %s", rollout_id, error)
        except Exception as error:
            self._crashed(rollout_id, error)

    def _begin(self, rollout_id: int, wake: threading.Event) -> str | None:
        """The alias of the pool to work on, None when the rollout is not to be driven."""
        told = ""
        while not self.stop.is_set():
            with self.desk.database.reading() as tx:
                row = rollouts.get(tx, rollout_id)
            if row.state in (State.RUNNING, State.ABORTING):
                return row.pool_alias
            if row.state is not State.APPROVED:
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
        """Say in the thread why an approved rollout does not start yet; once for each reason."""
        if error.sentence == told or self.stop.is_set():
            return told
        reason = because("rollout.cannot_start_yet", sentence=error.sentence, hint=error.hint)
        with self.desk.database.transaction() as tx:
            outbox.enqueue(
                tx,
                outbox.Topic.LINE,
                lane=outbox.rollout_lane(row.id),
                key=f"rollout:{row.id}:line",
                payload={"rollout_id": row.id, "reason": reason.as_dict()},
                at=self.desk.time.now(),
            )
        return error.sentence

    def _settle(self, alias: str, rollout_id: int, wake: threading.Event) -> None:
        with concerning(rollout=rollout_id, pool=alias):
            try:
                Settler(self.desk, self.desk.gateways[alias], rollout_id, self.stop, wake).settle()
            except (XenError, Conflict) as error:
                log.warning("pool %s: what is owed could not be given back: %s", alias, error)
            except Exception:
                log.exception("pool %s: settling ended by a fault of ours", alias)

    def _settling(self, alias: str) -> bool:
        """Whether the pool's debts are being settled now; the settler steps aside when it sees a rollout."""
        with self._lock:
            known = self._threads.get(_settling(alias))
            if known is None or not known[0].is_alive():
                return False
            known[1].set()
            return True

    def _owing(self, alias: str) -> int | None:
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

    def _in_thread(self, name: str, work: Callable[[threading.Event], None]) -> None:
        with self._lock:
            self._threads = {key: known for key, known in self._threads.items() if known[0].is_alive()}
            if name in self._threads or self.stop.is_set():
                return
            event = threading.Event()
            thread = threading.Thread(target=work, args=(event,), name=name, daemon=True)
            self._threads[name] = (thread, event)
            thread.start()


def _rollout(rollout_id: int) -> str:
    return f"rollout-{rollout_id}"


def _settling(alias: str) -> str:
    return f"settle-{alias}"
