"""The engine of one process: it alone holds the database, so a thread per rollout is all the exclusion there is."""

from __future__ import annotations

from functools import partial

from bot.worker.engine import Engine, rollout_name, settling_name
from bot.worker.threads import Work


class Embedded(Engine):
    """Drives every rollout in a thread of this process."""

    def sweep(self) -> None:
        """Start a driver for each rollout that has none."""
        rows = self.work.due()
        self._tell_drivers(rows)
        for row in rows:
            if settling_name(row.pool_alias) in self.threads.names:
                # The settler steps aside when it sees the rollout.
                self.threads.wake(settling_name(row.pool_alias))
            else:
                self._in_thread(rollout_name(row.id), partial(self.work.drive, row.id))

    def settle(self, alias: str) -> None:
        """Settle in a thread of its own."""
        rollout_id = self.work.owing(alias)
        if rollout_id is not None:
            self._in_thread(settling_name(alias), partial(self.work.settle, alias, rollout_id))

    def _in_thread(self, name: str, work: Work) -> None:
        self.threads.start(name, work)
