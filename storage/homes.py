"""Whose Home tab is open, or was lately, and what it shows.

Slack says when somebody opens the tab and never when they leave it; so it is kept up for a while after each opening.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, or_
from sqlalchemy.orm import load_only
from sqlmodel import Session, col, select

from bot.rollout.lifecycle import OPEN, State
from storage import amendments, approvals, outbox
from storage.columns import NoticeState
from storage.tables import AuditHead, DebtRow, HomeRow, Notice, OutboxRow, PoolRow, RolloutRow

__all__ = [
    "HomeRow",
    "OpenRollout",
    "forget_opened_before",
    "note_opened",
    "note_shown",
    "open_rollouts",
    "opened_since",
    "remarkable_pools",
    "stamp",
]


@dataclass(frozen=True, slots=True)
class OpenRollout:
    """An open rollout in short. `asked_of_others`: while an approval is waited for, of the request or of an amendment,
    those whose approval would not count (any more): requester, proposer, and who has given theirs; else None."""

    id: int
    alias: str
    state: State
    asked_of_others: frozenset[str] | None


def open_rollouts(tx: Session) -> list[OpenRollout]:
    """Every rollout that is not over, oldest first; without the documents that its row carries."""
    light = load_only(*(getattr(RolloutRow, name) for name in ("pool_alias", "state", "requester_id", "digest")))
    query = select(RolloutRow).where(col(RolloutRow.state).in_(sorted(OPEN))).order_by(col(RolloutRow.id))
    rows = tx.exec(query.options(light)).all()
    numbers = [row.id for row in rows]
    proposed, given = amendments.open_of_each(tx, numbers), approvals.with_names(tx, numbers)
    found = []
    for row in rows:
        amendment = proposed.get(row.id)
        asked: frozenset[str] | None = None
        if amendment is not None or row.state is State.AWAITING_APPROVAL:
            wanted = amendment.digest if amendment is not None else row.digest
            agreed = {entry.user for entry, _name in given[row.id] if entry.digest == wanted and not entry.revoked}
            proposer = {amendment.proposer_id} if amendment is not None else set()
            asked = frozenset(agreed | {row.requester_id} | proposer)
        found.append(OpenRollout(row.id, row.pool_alias, row.state, asked))
    return found


def remarkable_pools(tx: Session) -> frozenset[str]:
    """The aliases of pools of which there is something to say: updates, an open rollout, something owed, an error."""
    told = select(Notice.pool_uuid).where(Notice.state == NoticeState.OPEN)
    owed = select(DebtRow.pool_uuid).where(col(DebtRow.closed_at).is_(None))
    held = select(RolloutRow.pool_uuid).where(col(RolloutRow.state).in_(sorted(OPEN)))
    here = col(PoolRow.uuid)
    query = select(PoolRow.alias).where(
        or_(here.in_(told), here.in_(owed), here.in_(held), col(PoolRow.last_error) != "")
    )
    return frozenset(tx.exec(query).all())


def note_opened(tx: Session, user_id: str, user_name: str, at: datetime) -> HomeRow:
    """Somebody looks at their Home tab. `user_name` "" leaves the known one."""
    row = tx.get(HomeRow, user_id, with_for_update=True, populate_existing=True)
    if row is None:
        row = HomeRow(user_id=user_id, user_name=user_name or user_id, opened_at=at)
    row.opened_at, row.user_name = at, user_name or row.user_name
    tx.add(row)
    tx.flush()
    return row


def note_shown(tx: Session, user_id: str, shown: str, at: datetime) -> None:
    """Slack has the content with that hash now; nothing when the row is gone."""
    row = tx.get(HomeRow, user_id, with_for_update=True, populate_existing=True)
    if row is not None:
        row.shown, row.shown_at = shown, at
        tx.add(row)
        tx.flush()


def opened_since(tx: Session, since: datetime, limit: int) -> list[HomeRow]:
    """Those who opened theirs since then, the last `limit` of them; whose is oldest on the screen comes first."""
    latest = select(HomeRow).where(HomeRow.opened_at >= since).order_by(col(HomeRow.opened_at).desc()).limit(limit)
    rows = list(tx.exec(latest).all())
    return sorted(rows, key=lambda row: (row.shown_at is not None, row.shown_at or row.opened_at, row.user_id))


def forget_opened_before(tx: Session, before: datetime) -> int:
    """Delete the rows of those who have not looked since; how many."""
    return int(tx.exec(delete(HomeRow).where(col(HomeRow.opened_at) < before)).rowcount)


def stamp(tx: Session) -> tuple[int, int, int]:
    """A few numbers of which one changes whenever something happens that people are told.

    What happens makes a message or waits to be merged into one that has not been sent; then fewer wait once it is.
    """
    head = tx.exec(select(AuditHead.seq)).first() or 0
    newest = tx.exec(select(func.max(OutboxRow.id))).one() or 0
    return int(head), int(newest), outbox.depth(tx)
