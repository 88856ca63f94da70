"""Holding a pool for as long as something is set on it outside its rollouts, so that no rollout begins meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.rollouts.desk import Desk
from bot.time import Time
from storage import leases
from storage.actors import Actor
from storage.database import Database, Session

#: How long a lease holds if its process dies. A call to XAPI takes seconds; whoever takes longer renews it.
_HOLDS = timedelta(minutes=5)
_RENEW_EVERY = timedelta(minutes=1)


@dataclass
class Lease:
    """A pool that is held. To be renewed by whoever works for longer than a call takes."""

    database: Database
    time: Time
    pool_uuid: str
    holder: str
    renewed_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.renewed_at = self.time.now()

    def keep(self) -> None:
        """Renew it if that was not just done. Raises `storage.errors.Conflict` when it was lost."""
        if self.time.now() - self.renewed_at >= _RENEW_EVERY:
            self.renew()

    def renew(self) -> None:
        """Renew it. To be done right before an effect: a process that was frozen finds out that it lost the pool.

        Raises `storage.errors.Conflict` then.
        """
        now = self.time.now()
        with self.database.transaction() as tx:
            leases.renew(tx, self.pool_uuid, self.holder, now, now + _HOLDS)
        self.renewed_at = now


class Leasing(Desk):
    """What use-cases share that set something on a pool."""

    @contextmanager
    def _lease(
        self, alias: str, pool_uuid: str, what: str, actor: Actor, in_the_same: Callable[[Session], None]
    ) -> Iterator[Lease]:
        """Hold the pool for as long as the block takes. `in_the_same` transaction in which it is taken it is asked
        whether a rollout is in the way, and what is done is written down.

        Raises `storage.errors.PoolBusy` while somebody else sets something there.
        """
        now = self.time.now()
        with self.database.transaction() as tx:
            holder = leases.take(tx, pool_uuid, alias, what, actor, now, now + _HOLDS)
            in_the_same(tx)
        try:
            yield Lease(self.database, self.time, pool_uuid, holder)
        finally:
            with self.database.transaction() as tx:
                leases.end(tx, pool_uuid, holder)
