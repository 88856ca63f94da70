"""Where messages went, so that they can be edited and answered in their thread."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session

from storage.tables import Posted

__all__ = ["Posted", "find", "forget", "remember"]


def remember(tx: Session, key: str, channel: str, ts: str, at: datetime) -> Posted:
    """Write down that the message of that key is this one now."""
    row = tx.get(Posted, key, with_for_update=True, populate_existing=True)
    if row is None:
        row = Posted(key=key, channel=channel, ts=ts, at=at)
    row.channel, row.ts, row.at = channel, ts, at
    tx.add(row)
    tx.flush()
    return row


def find(tx: Session, key: str) -> Posted | None:
    """Where the message of that key is, None when it was not posted (or is gone)."""
    return tx.get(Posted, key)


def forget(tx: Session, key: str) -> None:
    """The message is gone (somebody deleted it): the next one is posted anew."""
    row = tx.get(Posted, key)
    if row is not None:
        tx.delete(row)
        tx.flush()
