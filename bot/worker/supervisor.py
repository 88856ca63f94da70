"""`Worker`: sees to it that every rollout that should be driven is driven, one thread each.

This is the embedded engine: one process holds the database, so a thread per rollout is all the exclusion there is to
keep. Each thread spends its life waiting.
"""

from __future__ import annotations

import logging
import threading
import uuid
from datetime import timedelta

from bot.errors import XsbotError
from bot.rollout.lifecycle import State
from bot.rollout.reason import because
from bot.rollouts import Rollouts
from bot.rollouts.start import start
from bot.worker.driver import Driver
from bot.xen.errors import XenError
from storage import debts, rollouts
from storage.actors import BOT
from storage.errors import Conflict

log = logging.getLogger(__name__)

#: Real seconds between two looks at our own database for rollouts that nobody drives.
_SWEEP_EVERY = 2.0
#: Seconds before a rollout whose pool could not be reached at start is tried again.
_START_AGAIN = 15.0


class Worker:
    """Starts and ends the drivers. `run` blocks; `wake` may be called from any thread."""

    def __init__(self, desk: Rollouts) -> None:
        self.desk = desk
        self.stop = threading.Event()
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._threads: dict[int, tuple[threading.Thread, threading.Event]] = {}

    def wake(self) -> None:
        """Something may have changed: look for work, and have every driver look at its rollout."""
        self._wake.set()
        with self._lock:
            for _, event in self._threads.values():
                event.set()

    def shut_down(self, timeout: float = 2.0) -> None:
        """Take no more effects and end every thread. What XAPI is doing goes on; the rows stay as they are."""
        self.stop.set()
        self.wake()
        with self._lock:
            threads = [thread for thread, _ in self._threads.values()]
        for thread in threads:
            thread.join(timeout)

    def run(self) -> None:
        """Keep a driver on every rollout that should be driven, until `shut_down`."""
        while not self.stop.is_set():
            self.sweep()
            self._wake.wait(_SWEEP_EVERY)
            self._wake.clear()

    def sweep(self) -> None:
        """Start a driver for each rollout that has none."""
        with self.desk.database.reading() as tx:
            rows = rollouts.driven(tx)
        for row in rows:
            if row.pool_alias in self.desk.gateways:
                self._in_thread(row.id, lambda event, row=row: self.drive(row.id, event), f"rollout-{row.id}")

    def settle(self, alias: str) -> None:
        """Give back what is owed to a pool on which no rollout is at work, in the background."""
        rollout_id = self._owing(alias)
        if rollout_id is not None:
            work = lambda event: self._settle(alias, rollout_id, event)  # noqa: E731
            self._in_thread(-rollout_id, work, f"settle-{alias}")

    def drive(self, rollout_id: int, wake: threading.Event | None = None) -> None:
        """Start the rollout if it is approved, and drive it until it needs nobody or somebody else."""
        wake = wake if wake is not None else threading.Event()
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
        while not self.stop.is_set():
            with self.desk.database.reading() as tx:
                row = rollouts.get(tx, rollout_id)
            if row.state in (State.RUNNING, State.ABORTING):
                return row.pool_alias
            if row.state is not State.APPROVED:
                return None
            try:
                start(self.desk, rollout_id)
            except XsbotError as error:
                log.warning("rollout %s cannot start yet: %s", rollout_id, error)
                self.desk.time.wait_until(self.desk.time.now() + timedelta(seconds=_START_AGAIN), wake)
                wake.clear()
        return None

    def _settle(self, alias: str, rollout_id: int, wake: threading.Event) -> None:
        try:
            Driver(self.desk, self.desk.gateways[alias], rollout_id, self.stop, wake).settle()
        except XenError as error:
            log.warning("pool %s: what is owed could not be given back: %s", alias, error)
        except Exception:
            log.exception("pool %s: settling ended by a fault of ours", alias)

    def _owing(self, alias: str) -> int | None:
        """The rollout whose settings the pool's oldest debt came from; None when nothing is owed or one is at work."""
        with self.desk.database.reading() as tx:
            if any(row.pool_alias == alias for row in rollouts.driven(tx)):
                return None
            for standing in self.desk.pools():
                if standing.alias == alias and standing.row is not None:
                    owed = debts.open_debts(tx, standing.row.uuid)
                    ids = [debt.rollout_id for debt in owed if debt.rollout_id is not None]
                    return max(ids) if ids else None
        return None

    def _crashed(self, rollout_id: int, error: Exception) -> None:
        """A fault of ours: people are asked instead of trying the same again for ever."""
        fault = uuid.uuid4().hex[:8]
        log.exception("rollout %s: driver ended by a fault [%s]", rollout_id, fault)
        reason = because("driver.fault", fault=fault, what=type(error).__name__)
        try:
            with self.desk.database.transaction() as tx:
                row = rollouts.get(tx, rollout_id)
                if row.state in (State.RUNNING, State.ABORTING):
                    rollouts.transition(
                        tx,
                        rollout_id,
                        State.NEEDS_ATTENTION,
                        frm=row.state,
                        actor=BOT,
                        reason=reason,
                        sentence=self.desk.say(reason),
                        at=self.desk.time.now(),
                    )
                    rollouts.set_problem(tx, rollout_id, reason, ("retry", "abort"), ())
        except XsbotError:
            log.exception("rollout %s: and the fault could not be written down", rollout_id)

    def _in_thread(self, key: int, work: object, name: str) -> None:
        with self._lock:
            known = self._threads.get(key)
            if known is not None and known[0].is_alive():
                return
            event = threading.Event()
            thread = threading.Thread(target=work, args=(event,), name=name, daemon=True)  # type: ignore[arg-type]
            self._threads[key] = (thread, event)
            thread.start()
