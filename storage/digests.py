"""Weekly digests: each is told once in a week and channel, however many clocks there are."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from storage import outbox
from storage.columns import Topic
from storage.tables import DigestRow

__all__ = ["DigestRow", "tell", "told"]


def told(tx: Session, name: str, channel: str, week: str) -> bool:
    """Whether the channel was told the digest of that name in that week."""
    query = select(DigestRow.name).where(
        col(DigestRow.name) == name, col(DigestRow.channel) == channel, col(DigestRow.week) == week
    )
    return tx.exec(query).first() is not None


def tell(tx: Session, name: str, channel: str, week: str, at: datetime) -> bool:
    """Have the channel told the digest of that name; whether nobody did in that week before.

    Of two processes that do so at the same time one gets False, and writes no message.
    """
    try:
        with tx.begin_nested():
            tx.exec(insert(DigestRow).values(name=name, channel=channel, week=week, told_at=at))
    except IntegrityError:
        return False
    outbox.enqueue(
        tx,
        Topic.DIGEST,
        lane=f"digest:{channel}",
        key=f"digest:{name}:{channel}:{week}",
        payload={"name": name, "channel": channel},
        at=at,
    )
    return True
