"""Intents: what XAPI was asked for, written down before it was asked."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from bot.rollout.memory import Intent, IntentState
from storage import rollouts
from storage.errors import NotFound
from storage.tables import IntentRow

_RESTARTS = ("RebootHost:", "RestartToolstack:")


def open_intent(
    tx: Session,
    rollout_id: int,
    key: str,
    *,
    at: datetime,
    boot_time: float = 0.0,
    agent_start_time: float = 0.0,
) -> Intent:
    """Write down that the effect is about to be asked for.

    A known key is opened again: its attempts go up by one, the error of the last try becomes the earlier one, and its
    result and task are cleared.
    """
    row = tx.get(IntentRow, (rollout_id, key), with_for_update=True, populate_existing=True)
    if row is None:
        row = IntentRow(rollout_id=rollout_id, key=key, state=IntentState.OPEN, started_at=at, attempts=0)
    row.state, row.started_at, row.finished_at = IntentState.OPEN, at, None
    row.attempts += 1
    row.earlier = list(row.error) or row.earlier
    row.task_ref, row.error, row.transient, row.result = "", [], False, None
    row.boot_time, row.agent_start_time = boot_time, agent_start_time
    return _saved(tx, row)


def set_task(tx: Session, rollout_id: int, key: str, task_ref: str) -> Intent:
    """Write down which XAPI task carries the effect out. Raises `NotFound`."""
    row = _row(tx, rollout_id, key)
    row.task_ref = task_ref
    return _saved(tx, row)


def finish(tx: Session, rollout_id: int, key: str, at: datetime, result: Any = None) -> Intent:
    """The effect happened; `result` is what the call gave back, as JSON. Raises `NotFound`."""
    row = _row(tx, rollout_id, key)
    row.state, row.finished_at, row.result = IntentState.DONE, at, result
    row.error, row.earlier, row.transient = [], None, False
    return _saved(tx, row)


def fail(
    tx: Session, rollout_id: int, key: str, at: datetime, error: tuple[str, ...], transient: bool = False
) -> Intent:
    """XAPI refused: `error` is its code and parameters, `transient` says that trying again may help."""
    row = _row(tx, rollout_id, key)
    row.state, row.finished_at = IntentState.FAILED, at
    row.error, row.transient = list(error), transient
    return _saved(tx, row)


def lose(tx: Session, rollout_id: int, key: str, at: datetime) -> Intent:
    """Its task vanished with the coordinator: only looking tells whether it happened. Raises `NotFound`."""
    row = _row(tx, rollout_id, key)
    row.state, row.finished_at = IntentState.LOST, at
    return _saved(tx, row)


def forgive(tx: Session, rollout_id: int, at: datetime, keys: Collection[str] = ()) -> tuple[str, ...]:
    """Forget what failed, so that it is tried anew: every failed intent, and those of `keys`; which ones.

    One of `keys` that is still open is not forgotten (its effect may yet come, and a reboot must not be asked for
    twice): it is waited for anew from `at`. The subjects are added to the rollout's `forgiven`.
    """
    query = select(IntentRow).where(IntentRow.rollout_id == rollout_id).order_by(col(IntentRow.key))
    rows = [row for row in tx.exec(query).all() if row.state is IntentState.FAILED or row.key in keys]
    for row in rows:
        # A restart whose answer was lost may still be under way, as one may that is waited for.
        lost_restart = row.state is IntentState.LOST and row.key.startswith(_RESTARTS)
        if row.state is IntentState.OPEN or lost_restart:
            row.started_at = at
            tx.add(row)
        else:
            tx.delete(row)
    rollout = rollouts.get(tx, rollout_id)
    rollout.forgiven = list(dict.fromkeys([*rollout.forgiven, *(row.key.partition(":")[2] for row in rows)]))
    tx.add(rollout)
    tx.flush()
    return tuple(row.key for row in rows)


def all_intents(tx: Session, rollout_id: int) -> dict[str, Intent]:
    """Everything the rollout asked for, by key."""
    rows = tx.exec(select(IntentRow).where(IntentRow.rollout_id == rollout_id).order_by(col(IntentRow.started_at)))
    return {row.key: _intent(row) for row in rows.all()}


def _row(tx: Session, rollout_id: int, key: str) -> IntentRow:
    row = tx.get(IntentRow, (rollout_id, key), with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(f"Rollout {rollout_id} never asked for {key}.")
    return row


def _saved(tx: Session, row: IntentRow) -> Intent:
    tx.add(row)
    tx.flush()
    return _intent(row)


def _intent(row: IntentRow) -> Intent:
    return Intent(
        key=row.key,
        state=row.state,
        started_at=row.started_at,
        attempts=row.attempts,
        finished_at=row.finished_at,
        task_ref=row.task_ref,
        boot_time=row.boot_time,
        agent_start_time=row.agent_start_time,
        error=tuple(row.error),
        transient=row.transient,
        result=row.result,
        earlier=tuple(row.earlier or ()),
    )
