"""Notices: the messages that say a pool has updates, was never synced, or not lately.

There is one notice per pool and checksum. It is opened once, edited as things change, and ends superseded (by a newer
checksum) or done. Each change puts the notice into the outbox of its pool.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from sqlmodel import Session, col, select

from storage import outbox
from storage.columns import NoticeState, Topic
from storage.errors import NotFound
from storage.tables import Notice

__all__ = ["Notice", "NoticeKind", "NoticeState", "close_notice", "current_notice", "get_notice", "notice_key"]

NoticeKind = Literal["updates", "never_synced", "stale_sync"]


def open_notice(
    tx: Session, pool_uuid: str, kind: NoticeKind, checksum: str, payload: Mapping[str, Any], at: datetime
) -> tuple[Notice, bool]:
    """The open notice of that pool, kind and checksum, and whether it was made just now.

    A known one is edited when the payload differs. A checksum that comes back (its notice had ended) reopens its
    notice; the kinds without a checksum start a new one each time.
    """
    query = select(Notice).where(Notice.pool_uuid == pool_uuid, Notice.kind == kind, Notice.checksum == checksum)
    if not checksum:
        query = query.where(Notice.state == NoticeState.OPEN)
    notice = tx.exec(query.order_by(col(Notice.id).desc()).with_for_update()).first()
    created = notice is None
    if notice is None:
        notice = Notice(pool_uuid=pool_uuid, kind=kind, checksum=checksum, payload=dict(payload), opened_at=at)
    elif notice.state is NoticeState.OPEN and notice.payload == dict(payload):
        return notice, False
    notice.payload = dict(payload)
    notice.state = NoticeState.OPEN
    notice.closed_at = None
    _changed(tx, notice, at)
    return notice, created


def supersede_others(tx: Session, pool_uuid: str, keep: int | None, at: datetime) -> list[Notice]:
    """End every open notice of the pool except `keep`, because a newer one says what holds now."""
    query = select(Notice).where(Notice.pool_uuid == pool_uuid, Notice.state == NoticeState.OPEN)
    ended = [notice for notice in tx.exec(query.order_by(col(Notice.id))).all() if notice.id != keep]
    for notice in ended:
        _end(tx, notice, NoticeState.SUPERSEDED, at)
    return ended


def close_notice(tx: Session, notice_id: int, at: datetime, state: NoticeState = NoticeState.DONE) -> Notice:
    """End one notice; one that has ended already stays as it is. Raises `NotFound`."""
    notice = get_notice(tx, notice_id)
    if notice.state is NoticeState.OPEN:
        _end(tx, notice, state, at)
    return notice


def get_notice(tx: Session, notice_id: int) -> Notice:
    """One notice. Raises `NotFound`."""
    notice = tx.get(Notice, notice_id)
    if notice is None:
        raise NotFound(f"There is no notice {notice_id}.")
    return notice


def current_notice(tx: Session, pool_uuid: str) -> Notice | None:
    """The pool's newest open notice, None when there is none."""
    query = select(Notice).where(Notice.pool_uuid == pool_uuid, Notice.state == NoticeState.OPEN)
    return tx.exec(query.order_by(col(Notice.opened_at).desc(), col(Notice.id).desc())).first()


def notice_key(notice_id: int) -> str:
    """The key under which its message is queued and remembered as posted."""
    return f"notice:{notice_id}"


def _end(tx: Session, notice: Notice, state: NoticeState, at: datetime) -> None:
    notice.state = state
    notice.closed_at = at
    _changed(tx, notice, at)


def _changed(tx: Session, notice: Notice, at: datetime) -> None:
    tx.add(notice)
    tx.flush()
    outbox.enqueue(
        tx,
        Topic.NOTICE,
        lane=outbox.pool_lane(notice.pool_uuid),
        key=notice_key(notice.id),
        payload={"notice_id": notice.id},
        at=at,
    )
