"""Looking at a pool that nobody is working on: did its updates change, is its last sync old?

A poll is a few small calls. ``GET /updates`` is asked for only when the checksum is another one than last time, and
never during a rollout or a sync: XAPI makes it wait for them, and makes them wait for it.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from bot.rollout.checks.update_age import NEARLY_TOO_OLD, SUPPORTED_AGE
from bot.rollout.lifecycle import State
from bot.rollout.model import AvailableUpdates
from bot.rollout.outlook import outlook
from bot.rollout.reason import because
from bot.rollouts import Rollouts
from bot.xen.errors import XenError
from bot.xen.gateway import Gateway, RepositoryState
from storage import durations, notices, pools, rollouts, specs
from storage.actors import BOT
from storage.database import Session
from storage.tables import PoolRow, RolloutRow
from storage.updates_codec import updates_to_json

log = logging.getLogger(__name__)

#: Pool operations beside which the updates are not asked for.
_BUSY = frozenset({"sync_updates", "sync_bundle", "apply_updates", "configure_repositories"})


class Poller:
    """Polls pools and keeps their notices."""

    def __init__(self, desk: Rollouts) -> None:
        self.desk = desk

    def poll(self, alias: str) -> None:
        """Look at one pool once; an unreachable pool is noted on its row and nothing else happens.

        A pool on which a rollout is at work is left to the worker, which sees more of it than a poll does.
        """
        if self._at_work_on(alias):
            return
        gateway = self.desk.gateways[alias]
        try:
            state = gateway.repository_state()
            known, row = self._known(alias, state.pool_uuid)
            updates = known
            if self._must_read(state, known, row):
                updates = gateway.updates()
                if updates.checksum != state.hash:
                    # XAPI answered only after a sync had ended: what was read before it is out of date.
                    state = gateway.repository_state()
            prospect = self._outlook(alias, gateway, state, updates, row)
        except XenError as error:
            self._note_error(alias, error)
            return
        finally:
            # Nobody asks this pool anything for minutes; a thousand kept connections would be a thousand open files.
            gateway.rest()
        now = self.desk.time.now()
        with self.desk.database.transaction() as tx:
            pools.remember_pool(
                tx,
                state.pool_uuid,
                alias,
                state.pool_name,
                now,
                last_hash=state.hash,
                last_update_sync=state.last_update_sync,
                updates_json=updates_to_json(updates) if updates is not None else None,
                last_polled_at=now,
                last_error="",
                ha_enabled=state.ha_enabled,
                pending_hosts=state.pending_hosts,
                updated_at=state.updated_at,
                version=state.version,
                outlook=prospect,
            )
            self._supersede(tx, state)
            self._notify(tx, state, updates, prospect)

    def _at_work_on(self, alias: str) -> bool:
        with self.desk.database.reading() as tx:
            return rollouts.working_on(tx, alias)

    def _known(self, alias: str, pool_uuid: str) -> tuple[AvailableUpdates | None, PoolRow | None]:
        with self.desk.database.reading() as tx:
            row = pools.pool_by_uuid(tx, pool_uuid)
        return (pools.known_updates(row), row) if row is not None else (None, None)

    def _must_read(self, state: RepositoryState, known: AvailableUpdates | None, row: PoolRow | None) -> bool:
        if not state.hash or state.pool_operations & _BUSY:
            return False
        with self.desk.database.reading() as tx:
            open_row = rollouts.open_rollout_of(tx, state.pool_uuid)
            latest = next(iter(rollouts.recent(tx, pool_uuid=state.pool_uuid, limit=1)), None)
        if open_row is not None and open_row.state not in (State.AWAITING_APPROVAL, State.APPROVED):
            return False
        if known is None or row is None or known.checksum != state.hash:
            return True
        by_hand = bool(state.current) and any(host.anything for host in known.hosts)
        return by_hand or _ended_since(latest, row)

    def _outlook(
        self,
        alias: str,
        gateway: Gateway,
        state: RepositoryState,
        updates: AvailableUpdates | None,
        row: PoolRow | None,
    ) -> dict[str, Any] | None:
        """What the updates would cost, for the notice: worked out once, which takes a whole look at the pool."""
        if updates is None or not any(host.anything for host in updates.hosts) or state.pool_operations & _BUSY:
            return None
        kept = row.outlook if row is not None else None
        if (
            kept is not None
            and kept["checksum"] == updates.checksum
            and row is not None
            and updates == pools.known_updates(row)
        ):
            return kept
        with self.desk.database.reading() as tx:
            learned = durations.estimates(tx, state.pool_uuid)
        snapshot = gateway.snapshot(disks=False)
        return outlook(snapshot, updates, self.desk.usual(alias), learned).as_dict()

    def _supersede(self, tx: Session, state: RepositoryState) -> None:
        """A rollout that waits, for approvals or for its time, with a checksum the pool no longer has, can never be
        carried out as approved; people hear it now and not in the night for which it was planned."""
        row = rollouts.open_rollout_of(tx, state.pool_uuid)
        if row is None or row.state not in (State.AWAITING_APPROVAL, State.APPROVED) or not state.hash:
            return
        spec = specs.of(tx, row.id)[0]
        if spec.checksum == state.hash:
            return
        difference = because("spec.checksum", old=spec.checksum[:12], new=state.hash[:12])
        reason = because("rollout.superseded", why=self.desk.say(difference))
        rollouts.transition(
            tx,
            row.id,
            State.SUPERSEDED,
            frm=row.state,
            actor=BOT,
            reason=reason,
            sentence=self.desk.say(reason),
            at=self.desk.time.now(),
        )

    def _notify(
        self, tx: Session, state: RepositoryState, updates: AvailableUpdates | None, prospect: dict[str, Any] | None
    ) -> None:
        now = self.desk.time.now()
        if state.pool_operations & _BUSY or _at_work(rollouts.open_rollout_of(tx, state.pool_uuid)):
            return
        if not state.hash or state.last_update_sync is None:
            notice, _ = notices.open_notice(tx, state.pool_uuid, "never_synced", "", {}, now)
            notices.supersede_others(tx, state.pool_uuid, notice.id, now)
            return
        keep: int | None = None
        if updates is not None and any(host.anything for host in updates.hosts):
            payload = {"updates": updates_to_json(updates), "outlook": prospect, **_age(state)}
            notice, _ = notices.open_notice(tx, state.pool_uuid, "updates", state.hash, payload, now)
            notices.supersede_others(tx, state.pool_uuid, notice.id, now)
            keep = notice.id
        self._close_done(tx, state, keep)
        age = state.server_time - state.last_update_sync
        if keep is None and age > timedelta(days=self.desk.settings.poll.stale_sync_days):
            notices.open_notice(tx, state.pool_uuid, "stale_sync", "", {"days": age.days}, now)
        elif keep is None:
            notices.supersede_others(tx, state.pool_uuid, None, now)

    def _close_done(self, tx: Session, state: RepositoryState, keep: int | None) -> None:
        """End the notices whose matter is settled."""
        now = self.desk.time.now()
        current = notices.current_notice(tx, state.pool_uuid)
        while current is not None and current.id != keep and current.kind != "stale_sync":
            notices.close_notice(tx, current.id, now)
            current = notices.current_notice(tx, state.pool_uuid)

    def _note_error(self, alias: str, error: XenError) -> None:
        log.warning("pool %s could not be polled: %s", alias, error)
        with self.desk.database.transaction() as tx:
            row = pools.pool_by_alias(tx, alias)
            if row is None:
                return
            now = self.desk.time.now()
            pools.remember_pool(tx, row.uuid, alias, row.name, row.seen_at, last_polled_at=now, last_error=str(error))


def _age(state: RepositoryState) -> dict[str, Any]:
    """When the host that lags most was updated last, once that is long ago, and whether it is too long.

    Both are part of what a notice keeps, so that it is edited when the time has come.
    """
    if state.updated_at is None or (age := state.server_time - state.updated_at) < NEARLY_TOO_OLD:
        return {}
    return {"updated_at": state.updated_at.isoformat(), "too_old": age >= SUPPORTED_AGE}


def _at_work(row: RolloutRow | None) -> bool:
    return row is not None and row.state not in (State.AWAITING_APPROVAL, State.APPROVED)


def _ended_since(latest: RolloutRow | None, row: PoolRow) -> bool:
    """Whether a rollout ended after the updates were last looked at."""
    # `seen_at` is the last poll that succeeded.
    return latest is not None and latest.finished_at is not None and latest.finished_at >= row.seen_at
