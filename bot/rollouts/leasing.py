"""Holding a pool for as long as something is set on it outside its rollouts, so that no rollout begins meanwhile."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.rollouts.desk import Desk
from bot.time import Time
from storage import leases
from storage.actors import Actor
from storage.database import Database, Session
from storage.errors import DatabaseUnavailable, StorageError

log = logging.getLogger(__name__)

#: How long a lease holds if its process dies; longer where a call to XAPI may last. Whoever works on renews it.
_HOLDS = timedelta(minutes=5)
_RENEW_EVERY = timedelta(minutes=1)
#: While the database is away it is not asked more often: each try may take a while, and an upload waits for it.
_TRY_AGAIN = timedelta(seconds=15)
#: Between two looks at the lease there are at most a login and a call, or a call that is asked twice.
_CALLS_BETWEEN = 2


@dataclass
class Lease:
    """A pool that is held. To be renewed by whoever works for longer than a call takes.

    `call` is how long a call to the pool may take, `taken_at` when it was taken.
    """

    database: Database
    time: Time
    pool_uuid: str
    holder: str
    call: timedelta
    taken_at: datetime
    ended: bool = field(default=False, init=False)
    _renewed_at: datetime = field(init=False)
    _next: datetime = field(init=False)

    def __post_init__(self) -> None:
        self._renewed(self.taken_at)

    @property
    def _safe_until(self) -> datetime:
        """Until when a call may begin: the lease still holds at its end."""
        return self._renewed_at + holds_for(self.call) - _CALLS_BETWEEN * self.call

    def keep(self) -> None:
        """Renew it if that was not just done. A database that is away is waited for as long as the lease surely holds.

        Raises `storage.errors.Conflict` when it was lost, `DatabaseUnavailable` when it soon will be.
        """
        if self.time.now() < min(self._next, self._safe_until):
            return
        try:
            self.renew()
        except DatabaseUnavailable as error:
            now = self.time.now()
            if now >= self._safe_until:
                raise
            log.warning("the lease of pool %s could not be renewed yet: %s", self.pool_uuid, error)
            self._next = now + _TRY_AGAIN

    def renew(self) -> None:
        """Renew it. To be done right before an effect: a process that was frozen finds out that it lost the pool.

        Raises `storage.errors.Conflict` then.
        """
        with self.database.transaction() as tx:
            # Asked only now: others may have kept this transaction waiting for longer than the lease holds.
            now = self.time.now()
            leases.renew(tx, self.pool_uuid, self.holder, now, now + holds_for(self.call))
        self._renewed(now)

    def conclude(self, in_the_same: Callable[[Session], None]) -> None:
        """End it, and write down what came of it `in_the_same` transaction."""
        with self.database.transaction() as tx:
            in_the_same(tx)
            leases.end(tx, self.pool_uuid, self.holder)
        self.ended = True

    def give_up(self) -> None:
        """End it unless that was done. Where the database is away that is only logged: it ends by itself."""
        if self.ended:
            return
        try:
            self.conclude(lambda tx: None)
        except StorageError as error:
            log.warning("the lease of pool %s could not be ended, it will end by itself: %s", self.pool_uuid, error)

    def _renewed(self, at: datetime) -> None:
        self._renewed_at, self._next = at, at + _RENEW_EVERY


def holds_for(call: timedelta) -> timedelta:
    """How long a lease holds that nobody renews, where a call to the pool may take `call`."""
    return max(_HOLDS, (_CALLS_BETWEEN + 1) * call)


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
        call = timedelta(seconds=self.settings.pool(alias).timeout_s)
        with self.database.transaction() as tx:
            now = self.time.now()
            holder = leases.take(tx, pool_uuid, alias, what, actor, now, now + holds_for(call))
            in_the_same(tx)
        lease = Lease(self.database, self.time, pool_uuid, holder, call, now)
        try:
            yield lease
        finally:
            lease.give_up()
