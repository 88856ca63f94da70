"""Upkeep of a pool outside its rollouts: sync, and giving back what is owed."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import timedelta

from bot.rollout.errors import RolloutError
from bot.rollout.lifecycle import State
from bot.rollout.reason import Reason, because
from bot.rollouts.leasing import Lease, Leasing
from bot.rollouts.roles import Role, require
from bot.xen.errors import XenError
from storage import audit, debts, pools, rollouts
from storage.actors import Actor
from storage.database import Session
from storage.errors import StorageError
from storage.tables import RolloutRow

log = logging.getLogger(__name__)

#: How often a sync under way is looked at.
_SYNC_LOOK = timedelta(seconds=5)
#: A sync downloads hundreds of megabytes; an unreachable pool is not waited for longer than this.
_SYNC_PATIENCE = timedelta(hours=2)


#: What keeps a rollout from going on until somebody syncs its pool.
_UNSYNCED = frozenset({"coordinator.changed", "coordinator.not_synced"})


class Upkeep(Leasing):
    """What administrators do."""

    def sync(self, alias: str, actor: Actor) -> None:
        """Have the pool synchronize with its update channel; returns once XAPI has begun.

        Raises `RolloutError` while a rollout holds the pool: a new checksum would void what was approved. One that
        waits for a sync, because the coordinator changed, is the exception; it looks at the checksum before it goes on.
        Raises `PoolClaimed` while another installation holds it, `storage.errors.PoolBusy` while somebody sets
        something there.
        """
        require(self.authority, actor, Role.ADMIN, self._known(alias))
        with self.database.reading() as tx:
            _holding(tx, alias)
        gateway = self.gateways[alias]
        state = gateway.repository_state()
        busy: list[RolloutRow | None] = []

        def begin(tx: Session) -> None:
            busy.append(_holding(tx, alias))
            self._note(tx, actor, "pool.sync", because("sync.asked", user=actor.name, pool=alias), state.pool_uuid)

        with self._lease(alias, state.pool_uuid, "sync", actor, begin) as lease:
            try:
                gateway.check_claim(f"{self.settings.installation}/{busy[0].id}" if busy[0] is not None else "")
                lease.renew()
                task = gateway.sync()
            except (XenError, StorageError) as error:
                failed = because("sync.failed", pool=alias, why=error.sentence)
                self._note_failure(lease, actor, "pool.sync_failed", failed)
                raise
        self._follow(lambda: self._finish_sync(alias, state.pool_uuid, task, actor))

    def restore(self, alias: str, actor: Actor) -> tuple[str, ...]:
        """Give back what is owed to a pool, now; the keys of the debts that will be tried.

        Raises `RolloutError` while a rollout is at work there: it settles its own debts.
        """
        require(self.authority, actor, Role.ADMIN, self._known(alias))
        asked = because("restore.asked", user=actor.name, pool=alias)
        with self.database.transaction() as tx:
            row = pools.pool_by_alias(tx, alias)
            owed = debts.open_debts(tx, row.uuid) if row is not None else ()
            busy = next((entry for entry in rollouts.open_rollouts(tx) if entry.pool_alias == alias), None)
            if busy is not None and busy.state not in (State.AWAITING_APPROVAL, State.APPROVED):
                raise RolloutError(
                    f"Rollout {busy.id} is at work on pool {alias} and restores what it changed itself.",
                    f"Wait for it, or end it with `/xs abort {busy.id}`.",
                )
            if owed and row is not None:
                self._note(tx, actor, "pool.restore", asked, row.uuid)
        if owed:
            self._settle(alias)
        return tuple(debt.key for debt in owed)

    def _finish_sync(self, alias: str, pool_uuid: str, task: str, actor: Actor) -> None:
        try:
            reason = self._wait_for_sync(alias, task)
        except XenError as error:
            reason = because("sync.failed", pool=alias, why=error.sentence)
        with self.database.transaction() as tx:
            self._note(tx, actor, "pool.synced", reason, pool_uuid)
        self._polled(alias)

    def _conclude(self, lease: Lease, actor: Actor, action: str, reason: Reason) -> None:
        """Write down what came of it as the lease ends. Where that is impossible, the log has it."""
        try:
            lease.conclude(lambda tx: self._note(tx, actor, action, reason, lease.pool_uuid))
        except StorageError:
            log.exception("%s of pool %s could not be written down: %s", action, lease.pool_uuid, self.say(reason))
            raise

    def _note_failure(self, lease: Lease, actor: Actor, action: str, reason: Reason) -> None:
        # Where that fails too it is in the log, and people read the first error, which says more.
        with suppress(StorageError):
            self._conclude(lease, actor, action, reason)

    def _note(self, tx: Session, actor: Actor, action: str, reason: Reason, pool_uuid: str) -> None:
        audit.append(
            tx,
            actor=actor,
            action=action,
            reason=reason,
            sentence=self.say(reason),
            at=self.time.now(),
            pool_uuid=pool_uuid,
        )

    def _wait_for_sync(self, alias: str, task: str) -> Reason:
        gateway = self.gateways[alias]
        until = self.time.now() + _SYNC_PATIENCE
        status = None
        while status is None or status.state == "pending":
            self.time.wait_until(self.time.now() + _SYNC_LOOK)
            try:
                status = gateway.task(task)
            except XenError as error:
                if not error.transient or self.time.now() > until:
                    raise
        if status.error is not None:
            raise status.error
        return because("sync.finished", pool=alias, checksum=gateway.repository_state().hash[:12])


def _holding(tx: Session, alias: str) -> RolloutRow | None:
    """The open rollout of the pool, if it waits for a sync. Raises `RolloutError` for any other."""
    busy = next((row for row in rollouts.open_rollouts(tx) if row.pool_alias == alias), None)
    if busy is not None and not _waits_for_sync(busy):
        raise RolloutError(
            f"Rollout {busy.id} holds pool {alias}, and a sync would change what was approved.",
            "Sync when it is over, or cancel it first.",
        )
    return busy


def _waits_for_sync(row: RolloutRow) -> bool:
    problem = row.problem_reason
    return row.state is State.NEEDS_ATTENTION and problem is not None and problem.code in _UNSYNCED
