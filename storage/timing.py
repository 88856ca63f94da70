"""When rollouts are to start or to go on, and which words about time people have heard already.

Each of those words is said once, by whichever process writes it down first.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from sqlmodel import Session

from bot.rollout.lifecycle import WAITING, State
from storage import rollouts, threads
from storage.columns import Topic
from storage.tables import RolloutRow


def plan_start(tx: Session, rollout_id: int, starts_at: datetime | None, due_at: datetime | None) -> RolloutRow:
    """Write down when an approved rollout is to start, and when that is looked at; another start is announced anew."""
    row = rollouts.get(tx, rollout_id)
    if row.starts_at != starts_at:
        row.starts_at, row.announced_at = starts_at, None
    row.due_at = due_at
    return _saved(tx, row)


def set_due(tx: Session, rollout_id: int, due_at: datetime | None) -> RolloutRow:
    """Write down when the rollout is looked at again; where that is when it goes on, another time is announced anew."""
    row = rollouts.get(tx, rollout_id)
    if row.state is State.PAUSED and row.due_at != due_at:
        row.announced_at = None
    row.due_at = due_at
    return _saved(tx, row)


def look_now(tx: Session, pool_alias: str, at: datetime) -> None:
    """Have whatever waits on the pool for a freeze to end looked at now; one that waits for its own start goes on
    waiting."""
    for row in rollouts.open_rollouts(tx, (pool_alias,)):
        waits = row.state in (State.APPROVED, State.PAUSED) and row.due_at is not None
        if waits and row.due_at != row.starts_at:
            row.due_at = at
            _saved(tx, row)


def announce(tx: Session, rollout_id: int, at: datetime) -> bool:
    """Have the channel told that a rollout starts, or goes on, at its time; whether nobody did before."""
    row = rollouts.get(tx, rollout_id)
    begins = row.begins_at
    # With its moment, because by the time Slack takes the message the rollout may wait for another one, or for none.
    return begins is not None and _once(tx, row, "announced_at", at, Topic.ANNOUNCEMENT, {"begins": begins.isoformat()})


def remind_approvers(tx: Session, rollout_id: int, at: datetime) -> bool:
    """Have approvers told that the time for their approval runs out; whether nobody did before."""
    row = rollouts.get(tx, rollout_id)
    return row.state is State.AWAITING_APPROVAL and _once(tx, row, "approvers_reminded_at", at, Topic.REMINDER)


def warn(tx: Session, rollout_id: int, at: datetime) -> bool:
    """Write down that people are told how long the rollout works already; whether nobody did before."""
    row = rollouts.get(tx, rollout_id)
    return row.state is State.RUNNING and _once(tx, row, "warned_at", at)


def remind(tx: Session, rollout_id: int, every: timedelta, at: datetime) -> RolloutRow | None:
    """The rollout, when people are to be reminded now that it waits for them; None when they are not.

    Whoever asks has reminded them: within `every` nobody else gets another answer, in whatever process.
    """
    row = rollouts.get(tx, rollout_id)
    if row.state not in WAITING or (row.reminded_at is not None and at - row.reminded_at < every):
        return None
    # A row of a release that kept this in memory: its interval begins now.
    known, row.reminded_at = row.reminded_at is not None, at
    row.waiting_since = row.waiting_since or at
    _saved(tx, row)
    return row if known else None


def ask_anew(tx: Session, rollout_id: int, at: datetime) -> None:
    """Have people called once more who are to say what becomes of the rollout, before they would be reminded."""
    row = rollouts.get(tx, rollout_id)
    if row.state is State.NEEDS_ATTENTION and row.problem_reason is not None:
        row.reminded_at = at
        _saved(tx, row)
        threads.enqueue(tx, Topic.ATTENTION, row.id, at, {"reason": row.problem_reason.as_dict()})


def _once(
    tx: Session,
    row: RolloutRow,
    said_at: str,
    at: datetime,
    topic: Topic | None = None,
    payload: Mapping[str, Any] = MappingProxyType({}),
) -> bool:
    """Write down in the column `said_at` that it is said now, and have the message sent; False when it was before."""
    if getattr(row, said_at) is not None:
        return False
    setattr(row, said_at, at)
    _saved(tx, row)
    if topic is not None:
        threads.enqueue(tx, topic, row.id, at, payload)
    return True


def _saved(tx: Session, row: RolloutRow) -> RolloutRow:
    tx.add(row)
    tx.flush()
    return row
