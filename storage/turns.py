"""Turns: how far each host of a rollout is, for the people who watch."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from enum import IntEnum

from sqlalchemy import case, extract, func
from sqlalchemy import select as select_of
from sqlmodel import Session, col, select

from bot.rollout.memory import TurnPhase, TurnProgress
from bot.rollout.vm_progress import briefly
from storage import timeline
from storage.tables import TurnRow

__all__ = ["News", "TurnRow", "durations", "of", "record"]


class News(IntEnum):
    """What is new about a host since it was written down last; nothing is false."""

    NOTHING = 0
    FURTHER = 1
    """VMs that are under way got on."""
    OTHER = 2
    """Its phase, its counts, or which VMs are under way and which are tried again."""


_OVER = frozenset({TurnPhase.DONE, TurnPhase.SKIPPED, TurnPhase.FAILED})


def record(tx: Session, rollout_id: int, progress: TurnProgress, at: datetime) -> News:
    """Write down how far the host is; what of that is news to people who watch.

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
    if created or row.phase is not progress.phase:
        timeline.enter(tx, rollout_id, progress.host, progress.phase, at)
    news = News.OTHER if created else _news(row.progress, progress)
    vms = [vm.as_dict() for vm in progress.vms] or None
    if row.vms != vms:
        row.vms = vms
    row.name, row.phase, row.left, row.total = progress.name, progress.phase, progress.left, progress.total
    if progress.phase is not TurnPhase.WAITING and row.started_at is None:
        row.started_at = at
    if progress.phase not in _OVER:
        row.finished_at = None
    elif row.finished_at is None:
        row.finished_at = at
    tx.add(row)
    tx.flush()
    return news


def _news(before: TurnProgress, now: TurnProgress) -> News:
    counts = (before.phase, before.left, before.total) != (now.phase, now.left, now.total)
    (then_shown, then_more), (shown, more) = briefly(before.vms), briefly(now.vms)
    then, which = ([replace(vm, percent=None) for vm in listed] for listed in (then_shown, shown))
    if counts or then != which or then_more != more:
        return News.OTHER
    return News.FURTHER if then_shown != shown else News.NOTHING


def of(tx: Session, rollout_id: int) -> list[TurnRow]:
    """The rollout's hosts in the order of their turns."""
    return list(tx.exec(select(TurnRow).where(TurnRow.rollout_id == rollout_id).order_by(col(TurnRow.position))).all())


def of_each(tx: Session, rollout_ids: Collection[int]) -> dict[int, list[TurnRow]]:
    """The same for several rollouts; every rollout has an entry."""
    found: dict[int, list[TurnRow]] = {rollout_id: [] for rollout_id in rollout_ids}
    query = select(TurnRow).where(col(TurnRow.rollout_id).in_(rollout_ids)).order_by(col(TurnRow.position))
    for row in tx.exec(query).all():
        found[row.rollout_id].append(row)
    return found


def durations(tx: Session, bounds: Sequence[float]) -> tuple[list[int], float]:
    """How many turns that are done took at most each of `bounds` seconds, how many there are in all, and their sum."""
    seconds = extract("epoch", col(TurnRow.finished_at)) - extract("epoch", col(TurnRow.started_at))
    within = [func.coalesce(func.sum(case((seconds <= bound, 1), else_=0)), 0) for bound in bounds]
    *counts, turns, seconds_in_all = (
        tx.connection()
        .execute(
            select_of(*within, func.count(), func.coalesce(func.sum(seconds), 0)).where(
                col(TurnRow.phase) == TurnPhase.DONE,
                col(TurnRow.started_at).is_not(None),
                col(TurnRow.finished_at).is_not(None),
            )
        )
        .one()
    )
    return [int(count) for count in (*counts, turns)], float(seconds_in_all)
