"""Leases: somebody sets something on a pool outside its rollouts, at this moment.

While one holds, no rollout of the pool is asked for, and nobody else sets anything there. Whoever holds it ends it; if
that process dies first, it ends by itself at `until`.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from storage.actors import Actor
from storage.errors import Conflict, PoolBusy
from storage.tables import LeaseRow

__all__ = ["LeaseRow", "end", "held", "renew", "require_free", "take"]


def take(tx: Session, pool_uuid: str, pool_alias: str, what: str, by: Actor, at: datetime, until: datetime) -> str:
    """Take the pool's lease until then; the word with which it is renewed and ended.

    Raises `PoolBusy` while somebody else's holds. Whether a rollout holds the pool is the caller's to ask, in the same
    transaction.
    """
    require_free(tx, pool_uuid, pool_alias, at)
    tx.exec(delete(LeaseRow).where(col(LeaseRow.pool_uuid) == pool_uuid))
    holder = uuid.uuid4().hex
    row = LeaseRow(
        pool_uuid=pool_uuid, holder=holder, what=what, by_kind=by.kind, by_id=by.id, by_name=by.name, until=until
    )
    tx.add(row)
    tx.flush()
    return holder


def require_free(tx: Session, pool_uuid: str, pool_alias: str, at: datetime) -> None:
    """Raise `PoolBusy` while somebody sets something on the pool."""
    present = held(tx, pool_uuid, at)
    if present is not None:
        minutes = max(1, round((present.until - at).total_seconds() / 60))
        raise PoolBusy(
            f"{present.by_name} is setting something on pool {pool_alias} at this moment: {present.what}.",
            f"Try again when that is done; if it was cut off, the pool is free again in {minutes} min.",
        )


def held(tx: Session, pool_uuid: str, at: datetime) -> LeaseRow | None:
    """The lease that holds at that moment, None when there is none."""
    query = select(LeaseRow).where(LeaseRow.pool_uuid == pool_uuid, col(LeaseRow.until) > at)
    return tx.exec(query.execution_options(populate_existing=True)).first()


def renew(tx: Session, pool_uuid: str, holder: str, at: datetime, until: datetime) -> None:
    """Let the lease hold until then. Raises `Conflict` when it has ended by itself, whoever holds the pool now."""
    renewed = tx.exec(
        update(LeaseRow)
        .where(col(LeaseRow.pool_uuid) == pool_uuid, col(LeaseRow.holder) == holder, col(LeaseRow.until) > at)
        .values(until=until)
        .execution_options(synchronize_session=False)
    )
    if renewed.rowcount != 1:
        raise Conflict(
            "This took so long that the pool was free for others meanwhile.", "Look at the pool, and do it again."
        )


def end(tx: Session, pool_uuid: str, holder: str) -> None:
    """End the lease; fine when it has ended, or is somebody else's by now."""
    tx.exec(delete(LeaseRow).where(col(LeaseRow.pool_uuid) == pool_uuid, col(LeaseRow.holder) == holder))
