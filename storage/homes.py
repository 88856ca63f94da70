"""Whose Home tab is open, or was lately, and what it shows.

Slack says when somebody opens the tab and never when they leave it; so it is kept up for a while after each opening.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, func
from sqlmodel import Session, col, select

from storage import outbox
from storage.tables import AuditHead, HomeRow, OutboxRow

__all__ = ["HomeRow", "forget_opened_before", "note_opened", "note_shown", "opened_since", "stamp"]


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
