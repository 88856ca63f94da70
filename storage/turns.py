"""Turns: how far each host of a rollout is, for the people who watch."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from bot.rollout.memory import TurnPhase, TurnProgress
from storage.tables import TurnRow

__all__ = ["TurnRow", "of", "record"]

_OVER = frozenset({TurnPhase.DONE, TurnPhase.SKIPPED, TurnPhase.FAILED})


def record(tx: Session, rollout_id: int, progress: TurnProgress, at: datetime) -> bool:
    """Write down how far the host is; whether phase or counts are news.

    Hosts keep the position in which they were first recorded. `started_at` is when the host left *waiting*,
    `finished_at` when its turn ended; a turn that goes on after a failure has no end again.
    """
    row = tx.get(TurnRow, (rollout_id, progress.host), with_for_update=True, populate_existing=True)
    created = row is None
    if row is None:
        last = tx.exec(select(func.max(TurnRow.position)).where(TurnRow.rollout_id == rollout_id)).one()
        row = TurnRow(
            rollout_id=rollout_id,
            host=progress.host,
            position=0 if last is None else last + 1,
            name=progress.name,
            phase=progress.phase,
        )
    changed = created or (row.phase, row.left, row.total) != (progress.phase, progress.left, progress.total)
    row.name, row.phase, row.left, row.total = progress.name, progress.phase, progress.left, progress.total
    if progress.phase is not TurnPhase.WAITING and row.started_at is None:
        row.started_at = at
    if progress.phase not in _OVER:
        row.finished_at = None
    elif row.finished_at is None:
        row.finished_at = at
    tx.add(row)
    tx.flush()
    return changed


def of(tx: Session, rollout_id: int) -> list[TurnRow]:
    """The rollout's hosts in the order of their turns."""
    return list(tx.exec(select(TurnRow).where(TurnRow.rollout_id == rollout_id).order_by(col(TurnRow.position))).all())
