"""Specs: the stored bytes that people approve. They are hashed, never changed, and never written anew."""

from __future__ import annotations

from collections.abc import Collection

from sqlmodel import Session, col, select

from bot.rollout.spec import Spec, digest_of, parse_spec
from storage import rollouts
from storage.errors import SpecDamaged
from storage.tables import RolloutRow, SpecRow

__all__ = ["SpecRow", "at", "of", "of_each"]


def of(tx: Session, rollout_id: int) -> tuple[Spec, bytes, str]:
    """The rollout's spec, the bytes that people approve, and their digest.

    Raises `SpecDamaged` when the bytes are gone or do not match, `InvalidSpec` when this release cannot read them.
    """
    digest = rollouts.get(tx, rollout_id).digest
    return (*at(tx, rollout_id, digest), digest)


def of_each(tx: Session, rows: Collection[RolloutRow]) -> dict[int, tuple[Spec, bytes, str]]:
    """The same for several rollouts, by number. Raises for the first that is not as it should be."""
    query = select(SpecRow).where(col(SpecRow.rollout_id).in_([row.id for row in rows]))
    stored = {(entry.rollout_id, entry.digest): entry for entry in tx.exec(query).all()}
    return {row.id: (*_intact(row.id, row.digest, stored.get((row.id, row.digest))), row.digest) for row in rows}


def at(tx: Session, rollout_id: int, digest: str) -> tuple[Spec, bytes]:
    """The spec of that digest, the rollout's own or one that was proposed for it, and its bytes.

    Raises like `of`.
    """
    return _intact(rollout_id, digest, tx.get(SpecRow, (rollout_id, digest)))


def _intact(rollout_id: int, digest: str, stored: SpecRow | None) -> tuple[Spec, bytes]:
    if stored is None or digest_of(stored.body) != digest:
        raise SpecDamaged(
            f"The stored spec of rollout {rollout_id} is not the one that was approved.",
            "Somebody changed the database: check it with `xsbot audit verify` and ask for a new rollout.",
        )
    return parse_spec(stored.body), stored.body
