"""Freezes: times in which no rollout of a pool starts, because an administrator said so."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlmodel import Session, col, select

from storage.actors import Actor
from storage.tables import FreezeRow

__all__ = ["FreezeRow", "active", "begin", "end"]


def begin(tx: Session, pool_alias: str, until: datetime, why: str, by: Actor, at: datetime) -> FreezeRow:
    """Freeze the pool from now on; a freeze that is there already takes this end and this reason."""
    end(tx, pool_alias, at)
    row = FreezeRow(
        pool_alias=pool_alias, begins=at, until=until, why=why, by_kind=by.kind, by_id=by.id, by_name=by.name
    )
    tx.add(row)
    tx.flush()
    return row


def end(tx: Session, pool_alias: str, at: datetime) -> FreezeRow | None:
    """End the pool's freeze early; the one that was ended, None when there was none."""
    ended = None
    for row in active(tx, at, (pool_alias,)).values():
        row.ended_at, ended = at, row
        tx.add(row)
    tx.flush()
    return ended


def active(tx: Session, at: datetime, aliases: Collection[str] | None = None) -> dict[str, FreezeRow]:
    """The freezes that hold at that moment, by pool; of some pools when asked."""
    query = select(FreezeRow).where(col(FreezeRow.ended_at).is_(None), col(FreezeRow.until) > at)
    if aliases is not None:
        query = query.where(col(FreezeRow.pool_alias).in_(list(aliases)))
    return {row.pool_alias: row for row in tx.exec(query.order_by(col(FreezeRow.id))).all()}
