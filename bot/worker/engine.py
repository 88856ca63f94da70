"""What an engine is: it sees to it that each rollout that should be driven is driven by exactly one process.

An engine knows nothing of pools: what is to be done is `bot.worker.work`'s business, and who may do it is decided by
the fence on the rollout's row. It starts that work where it belongs, wakes it when people decided something, and looks
every two seconds at the database for what it may have missed.
"""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable
from time import monotonic

from bot.rollouts import Rollouts
from bot.worker.threads import Threads
from bot.worker.work import Work
from storage.errors import DatabaseUnavailable
from storage.tables import RolloutRow

log = logging.getLogger(__name__)

#: Real seconds between two looks at our own database for rollouts that nobody drives, and for news of driven ones.
SWEEP_EVERY_S = 2.0
#: An engine counts as alive when it looked within so many real seconds; a look waits for the database up to 30.
_LOOKED_WITHIN_S = 45.0


class Engine(ABC):
    """`start`, `wake`, `settle` and `shut_down` are for everybody and may be called from any thread."""

    def __init__(self, desk: Rollouts) -> None:
        self.desk = desk
        #: Set it to have no more effects taken on any pool.
        self.stop = threading.Event()
        self.work = Work(desk, self.stop)
        self.threads = Threads(self.stop)
        self._wake = threading.Event()
        self._sweeper = threading.Thread(target=self._run, name="sweep", daemon=True)
        self._known: dict[str, object] = {}
        self._looked_at = float("-inf")

    def start(self) -> None:
        """Begin to look for work."""
        self._sweeper.start()

    def lives(self) -> bool:
        """Whether the loop that finds rollouts to drive has looked lately."""
        return not self.stop.is_set() and monotonic() - self._looked_at < _LOOKED_WITHIN_S

    def wake(self) -> None:
        """Something may have changed: look for work, and have every driver look at its rollout."""
        self._wake.set()
        self.threads.wake()

    def shut_down(self, deadline: float) -> None:
        """Take no more effects and end every thread until `deadline` (`time.monotonic`).

        What XAPI is doing goes on; the rows stay as they are.
        """
        self.stop.set()
        self.wake()
        self.threads.join(deadline)
        if self._sweeper.ident is not None:
            self._sweeper.join(max(0.0, deadline - monotonic()))

    @abstractmethod
    def sweep(self) -> None:
        """Find somebody for each rollout that nobody drives."""

    @abstractmethod
    def settle(self, alias: str) -> None:
        """Give back what is owed to a pool on which no rollout is at work, in the background."""

    def _run(self) -> None:
        while not self.stop.is_set():
            try:
                self.sweep()
                self._looked_at = monotonic()
            except DatabaseUnavailable as error:
                log.warning("rollouts could not be looked for, trying again: %s", error)
            except Exception:
                # The rows are still there, and whoever looks next finds them.
                log.exception("looking for rollouts to drive failed; trying again")
            self._wake.wait(SWEEP_EVERY_S)
            self._wake.clear()

    def _tell_drivers(self, rows: Iterable[RolloutRow]) -> None:
        """Wake the threads whose rollout another process changed: paused, aborted, given up."""
        news: dict[str, object] = {rollout_name(row.id): (row.state, row.giving_up) for row in rows}
        changed = {name for name in {*news, *self._known} if news.get(name) != self._known.get(name)}
        self._known = news
        if changed:
            self.threads.wake(*changed)


def rollout_name(rollout_id: int) -> str:
    """What the driving of a rollout is called, among threads and among jobs."""
    return f"rollout-{rollout_id}"


def settling_name(alias: str) -> str:
    """What the settling of a pool's debts is called."""
    return f"settle-{alias}"
