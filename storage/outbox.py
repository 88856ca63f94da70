"""The outbox: messages that must reach Slack, written in the transaction that causes them.

Messages of one *lane* (a rollout, a pool, the audit channel) are sent strictly in order; lanes do not wait for each
other. There is one sender: it asks for `next_due`, claims a row, renders the newest state, sends, and marks the row.
A claimed row that was never marked (the sender was killed) is due again; only then can a message be doubled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case, delete, func
from sqlmodel import Session, col, select

from bot.rollout.reason import because
from storage import audit
from storage.actors import BOT
from storage.audit import AUDIT_LANE
from storage.columns import Topic
from storage.errors import Conflict, NotFound
from storage.tables import OutboxRow

__all__ = ["AUDIT_LANE", "COALESCING", "URGENT", "OutboxRow", "Spent", "Topic"]

#: Topics whose message is rendered from the newest state when it is sent, so that one pending row is enough.
COALESCING = frozenset({Topic.NOTICE, Topic.CARD, Topic.PROGRESS, Topic.AMENDMENT, Topic.DEBTS})

#: What somebody waits for, or has to answer.
URGENT = frozenset({Topic.CARD, Topic.ATTENTION, Topic.AMENDMENT})

#: What a row's error says while Slack has asked to wait with it.
RATE_LIMITED = "ratelimited"

_UNSENT = (col(OutboxRow.sent_at).is_(None), col(OutboxRow.dead_at).is_(None))


def rollout_lane(rollout_id: int) -> str:
    """The lane of one rollout's card and thread."""
    return f"rollout:{rollout_id}"


def report_lane(rollout_id: int) -> str:
    """The lane of one rollout's files: what cannot be drawn or uploaded holds up no message."""
    return f"report:{rollout_id}"


def pool_lane(pool_uuid: str) -> str:
    """The lane of one pool's notices."""
    return f"pool:{pool_uuid}"


def enqueue(
    tx: Session, topic: Topic, *, lane: str, key: str, payload: Mapping[str, Any] | None = None, at: datetime
) -> OutboxRow:
    """Put a message at the end of its lane.

    For coalescing topics a waiting row of the same key is taken instead, at its place in the lane and with the newer
    payload. A row that is being sent at this moment does not count: what it shows may be older than this change.
    """
    if topic in COALESCING:
        waiting = tx.exec(
            select(OutboxRow)
            .where(OutboxRow.topic == topic, OutboxRow.key == key, OutboxRow.lane == lane, *_UNSENT)
            .where(col(OutboxRow.claimed_at).is_(None))
            .order_by(col(OutboxRow.id))
        ).first()
        if waiting is not None:
            waiting.payload = dict(payload or {})
            tx.add(waiting)
            tx.flush()
            return waiting
    row = OutboxRow(topic=topic, lane=lane, key=key, payload=dict(payload or {}), created_at=at, not_before=at)
    tx.add(row)
    tx.flush()
    return row


def next_due(tx: Session, now: datetime) -> list[OutboxRow]:
    """The first unsent row of each lane, as far as it may be sent by now; oldest first.

    Lanes in which something urgent waits go before the others: when fifty pools tell their progress to one channel,
    which takes one message a second, nobody should wait an hour for a card to approve or a question to answer.
    """
    heads = select(func.min(OutboxRow.id)).where(*_UNSENT).group_by(col(OutboxRow.lane))
    urgent = select(OutboxRow.lane).where(*_UNSENT, col(OutboxRow.topic).in_(URGENT))
    first = case((col(OutboxRow.lane).in_(urgent), 0), else_=1)
    query = select(OutboxRow).where(col(OutboxRow.id).in_(heads), col(OutboxRow.not_before) <= now)
    return list(tx.exec(query.order_by(first, col(OutboxRow.id))).all())


def next_due_at(tx: Session) -> datetime | None:
    """When the next row may be sent (perhaps in the past), None when nothing waits."""
    heads = select(func.min(OutboxRow.id)).where(*_UNSENT).group_by(col(OutboxRow.lane))
    query = select(OutboxRow.not_before).where(col(OutboxRow.id).in_(heads)).order_by(col(OutboxRow.not_before))
    return tx.exec(query.limit(1)).first()


def empty(tx: Session, lane: str) -> bool:
    """Whether nothing of that lane waits."""
    return tx.exec(select(OutboxRow.id).where(OutboxRow.lane == lane, *_UNSENT).limit(1)).first() is None


@dataclass(frozen=True, slots=True)
class Spent:
    """What one message took of what Slack lets us send: a post to `channel` ("" when none), and so many edits.

    `held_until` is set instead when Slack refused it and asked to wait: with the channel, or with edits when that is
    "". `unknown` says that its sender was lost while sending.
    """

    at: datetime
    channel: str = ""
    edits: int = 0
    held_until: datetime | None = None
    unknown: bool = False


def spent(tx: Session, since: datetime, now: datetime) -> list[Spent]:
    """What was sent since, what may have been, and for what Slack asked to wait; oldest first."""
    sent = select(OutboxRow).where(col(OutboxRow.sent_at) >= since).order_by(col(OutboxRow.sent_at))
    found = [Spent(row.sent_at, row.channel, row.edits) for row in tx.exec(sent).all() if row.sent_at is not None]
    for row in tx.exec(select(OutboxRow).where(*_UNSENT).order_by(col(OutboxRow.id))).all():
        if row.claimed_at is not None:
            found.append(Spent(row.claimed_at, unknown=True))
        elif row.error == RATE_LIMITED and row.not_before > now:
            found.append(Spent(now, row.channel, held_until=row.not_before))
    return found


def claim(tx: Session, row_id: int, at: datetime) -> OutboxRow:
    """Say that the row is being sent from now on; call it *before* reading the state that will be shown.

    Counts the attempt. Raises `Conflict` when the row was sent or given up meanwhile, `NotFound` when it is gone.
    """
    row = _unsent(tx, row_id)
    row.claimed_at = at
    row.attempts += 1
    tx.add(row)
    tx.flush()
    return row


def mark_sent(tx: Session, row_id: int, at: datetime, *, channel: str = "", edits: int = 0) -> None:
    """The message arrived, or need not any more: it was posted to `channel` ("" when not), so many edits were made.

    Raises `Conflict` when the row was not claimed or is settled already.
    """
    row = _claimed(tx, row_id)
    row.sent_at = at
    row.channel, row.edits = channel, edits
    row.claimed_at = None
    row.error = ""
    tx.add(row)
    tx.flush()


def count_edit(tx: Session, row_id: int) -> None:
    """One more edit was made on behalf of a message that was sent."""
    row = tx.get(OutboxRow, row_id, populate_existing=True)
    if row is not None:
        row.edits += 1
        tx.add(row)
        tx.flush()


def postpone(tx: Session, row_id: int, not_before: datetime, error: str, *, channel: str = "") -> None:
    """The message could not be sent now; its lane waits until `not_before`.

    `channel` is the one it could not be posted to, for whoever sends next.
    """
    row = _unsent(tx, row_id)
    row.channel = channel
    row.not_before = not_before
    row.claimed_at = None
    row.error = error
    tx.add(row)
    tx.flush()


def give_up(tx: Session, row_id: int, error: str, at: datetime) -> None:
    """The message can never be sent; its lane goes on without it, and the audit trail says so.

    The loss of an audit line is not announced in the audit channel, which is what could not be reached.
    """
    row = _unsent(tx, row_id)
    row.dead_at = at
    row.claimed_at = None
    row.error = error
    tx.add(row)
    prefix, _, number = row.lane.partition(":")
    audit.append(
        tx,
        actor=BOT,
        action="message.undeliverable",
        reason=because("message.undeliverable", topic=row.topic.value, key=row.key, error=error),
        sentence=f"A message ({row.topic.value}) could not be delivered: {error}.",
        at=at,
        rollout_id=int(number) if prefix in ("rollout", "report") else None,
        pool_uuid=number if prefix == "pool" else "",
        announce=row.topic is not Topic.AUDIT,
    )


def depth(tx: Session) -> int:
    """How many messages wait."""
    return tx.exec(select(func.count()).select_from(OutboxRow).where(*_UNSENT)).one()


def forget_sent(tx: Session, before: datetime) -> int:
    """Delete rows that were sent before that moment; how many. Undeliverable rows stay."""
    gone = tx.exec(delete(OutboxRow).where(col(OutboxRow.sent_at) < before))
    return int(gone.rowcount)


def _unsent(tx: Session, row_id: int) -> OutboxRow:
    row = tx.get(OutboxRow, row_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(f"There is no message {row_id} in the outbox.")
    if row.sent_at is not None or row.dead_at is not None:
        raise Conflict(f"Message {row_id} was {'sent' if row.sent_at else 'given up'} already.")
    return row


def _claimed(tx: Session, row_id: int) -> OutboxRow:
    row = _unsent(tx, row_id)
    if row.claimed_at is None:
        raise Conflict(f"Message {row_id} was not claimed before it was sent.", "Claim a row before rendering it.")
    return row
