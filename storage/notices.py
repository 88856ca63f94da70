"""Notices: the messages that say a pool has updates, was never synced, or not lately.

There is one notice per pool and checksum. It is opened once, edited as things change, and ends superseded (by a newer
checksum) or done. Each change puts the notice into the outbox of its pool.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from sqlmodel import Session, col, select

from storage import outbox, posted
from storage.actors import Actor
from storage.columns import NoticeState, Topic
from storage.errors import Conflict, NotFound
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
    if notice.state is not NoticeState.OPEN:
        notice.folded_by, notice.folded_until = "", None
    notice.state = NoticeState.OPEN
    notice.closed_at = None
    _changed(tx, notice, at)
    return notice, created


def fold(tx: Session, notice_id: int, by: Actor, until: datetime | None, at: datetime) -> Notice:
    """Fold an open notice away, until then or (None) until a newer one; whoever folded it before is forgotten.

    Raises `NotFound`; `Conflict` when it has ended.
    """
    notice = _open(tx, notice_id)
    notice.folded_by, notice.folded_until = f"{by.kind}:{by.id}:{by.name}", until
    _changed(tx, notice, at)
    return notice


def unfold(tx: Session, notice_id: int, at: datetime, *, anew: bool = False) -> Notice | None:
    """Show it in full again, `anew` as a new message; None when it was not folded. Raises like `fold`."""
    notice = _open(tx, notice_id)
    if not notice.folded_by:
        return None
    notice.folded_by, notice.folded_until = "", None
    if anew:
        # An edit of an old message is noticed by nobody; the old one goes on saying until when it was folded.
        posted.forget(tx, notice_key(notice.id))
    _changed(tx, notice, at)
    return notice


def folded_by(notice: Notice) -> Actor | None:
    """Who folded it away, None while it is shown."""
    kind, _, rest = notice.folded_by.partition(":")
    id_, _, name = rest.partition(":")
    return Actor(kind, id_, name) if notice.folded_by else None  # type: ignore[arg-type]


def woken(tx: Session, now: datetime) -> list[Notice]:
    """The open notices that were folded until now or earlier."""
    query = select(Notice).where(Notice.state == NoticeState.OPEN, col(Notice.folded_until) <= now)
    return list(tx.exec(query.order_by(col(Notice.id))).all())


def _open(tx: Session, notice_id: int) -> Notice:
    notice = tx.get(Notice, notice_id, with_for_update=True, populate_existing=True)
    if notice is None:
        raise NotFound(f"There is no notice {notice_id}.")
    if notice.state is not NoticeState.OPEN:
        raise Conflict("This message is about updates that are no longer waiting.", "`/xs updates` says what is.")
    return notice


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
