"""Giving back what an ended rollout still owes, between rollouts.

The clock and `/xs restore` do this. It steps aside as soon as a rollout wants the pool, never updates or restarts
anything, and leaves a pool alone that another installation has claimed.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

from bot.rollout.lifecycle import State
from bot.rollout.memory import DebtKind, Memory
from bot.worker.driver import Driver
from storage import debts, intents, rollouts
from storage.database import Session
from storage.tables import RolloutRow

log = logging.getLogger(__name__)

#: One settling ends after so long; the clock begins another.
_LIMIT = timedelta(minutes=30)
#: A rollout that only waits for people who approve does not need the pool yet.
_ASIDE = (State.AWAITING_APPROVAL,)


class Settler(Driver):
    """Settles the debts of one ended rollout. Raises `bot.xen.errors.XenError` when the pool cannot be reached."""

    def settle(self) -> None:
        """Round after round, until nothing is left that XAPI permits now, or a rollout wants the pool."""
        row = self._take_over()
        with self.desk.database.transaction() as tx:
            intents.forgive(tx, self.rollout_id, self.desk.time.now())
            claims = [debt for debt in debts.open_debts(tx, row.pool_uuid) if debt.kind is DebtKind.CLAIM]
        if claims:
            self._owner = claims[0].label
        until = self.desk.time.now() + _LIMIT
        while not self.stop.is_set() and self.desk.time.now() < until and self._pool_is_free(row):
            snapshot = self._look(row, self._standing()[1])
            decision = self._round(row, snapshot)
            with self.desk.database.transaction() as tx:
                rollouts.check_fence(tx, self.rollout_id, self.fence)
                self._note_waiting(tx, row, decision)
            if decision.verdict is not None:
                log.info("settling rollout %s ended: %s", self.rollout_id, self.desk.say(decision.verdict.reason))
                return
            self._act(row, decision, snapshot)

    def _memory(self, tx: Session, row: RolloutRow) -> Memory:
        return replace(super()._memory(tx, row), aborting=True, giving_up=False, settling=True)

    def _pool_is_free(self, row: RolloutRow) -> bool:
        with self.desk.database.reading() as tx:
            other = rollouts.open_rollout_of(tx, row.pool_uuid)
        return other is None or other.state in _ASIDE
