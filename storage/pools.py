"""The pools that were seen, and what the last poll found on them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, TypedDict, Unpack

from sqlmodel import Session, col, select

from bot.rollout.model import AvailableUpdates
from storage.tables import PoolRow
from storage.updates_codec import updates_from_json

__all__ = ["PoolFacts", "PoolRow", "known_updates", "pool_by_alias", "pool_by_uuid", "pools", "remember_pool"]


class PoolFacts(TypedDict, total=False):
    """What a poll may find; what is left out stays as it was.

    `updates_json` is `storage.updates_codec.updates_to_json` of the answer, None when the updates are unknown.
    """

    last_hash: str
    last_update_sync: datetime | None
    updates_json: dict[str, Any] | None
    last_polled_at: datetime | None
    last_error: str
    ha_enabled: bool | None
    pending_hosts: int
    updated_at: datetime | None
    version: str
    outlook: dict[str, Any] | None


def remember_pool(tx: Session, uuid: str, alias: str, name: str, at: datetime, **facts: Unpack[PoolFacts]) -> PoolRow:
    """Write down that the pool was seen under this alias and name, with whatever else is known now."""
    row = tx.get(PoolRow, uuid, with_for_update=True, populate_existing=True)
    if row is None:
        row = PoolRow(uuid=uuid, alias=alias, name=name, seen_at=at)
    row.alias, row.name, row.seen_at = alias, name, at
    for fact, value in facts.items():
        setattr(row, fact, value)
    tx.add(row)
    tx.flush()
    return row


def pools(tx: Session) -> list[PoolRow]:
    """Every pool ever seen, by alias."""
    return list(tx.exec(select(PoolRow).order_by(col(PoolRow.alias), col(PoolRow.uuid))).all())


def pools_by_alias(tx: Session, aliases: Collection[str] | None = None) -> dict[str, PoolRow]:
    """The pools last seen under each alias, or under each of those."""
    query = select(PoolRow).order_by(col(PoolRow.seen_at))
    if aliases is not None:
        query = query.where(col(PoolRow.alias).in_(aliases))
    # The newest comes last and stays.
    return {row.alias: row for row in tx.exec(query).all()}


def pool_by_uuid(tx: Session, uuid: str) -> PoolRow | None:
    """The pool with that uuid, None when it was never seen."""
    return tx.get(PoolRow, uuid)


def pool_by_alias(tx: Session, alias: str) -> PoolRow | None:
    """The pool last seen under that alias (a rebuilt pool has a new uuid), None when none ever was."""
    return tx.exec(select(PoolRow).where(PoolRow.alias == alias).order_by(col(PoolRow.seen_at).desc())).first()


def known_updates(row: PoolRow) -> AvailableUpdates | None:
    """What the last poll found, None when it is not known."""
    return None if row.updates_json is None else updates_from_json(row.updates_json)
