"""Who approved which digest. Whether that is enough is `bot.rollout.policy`'s business."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from bot.rollout.errors import NotAllowed, StaleDigest
from bot.rollout.policy import Approval
from storage import amendments, rollouts, threads
from storage.actors import Actor
from storage.errors import Conflict, NotFound
from storage.tables import ApprovalRow


def approve(tx: Session, rollout_id: int, digest: str, user: Actor, at: datetime) -> Approval:
    """Write down that the person approved exactly this digest, and have the card show it.

    An approval that was revoked counts again. Raises `NotFound` for an unknown rollout, `StaleDigest` when the
    rollout's spec is another one now, `NotAllowed` for somebody who is not in Slack, `Conflict` for a second click.
    """
    if user.kind != "slack":
        raise NotAllowed("Approvals are given in Slack only.", "Open the card with /xs approve.")
    amendment = amendments.open_of(tx, rollout_id)
    if rollouts.get(tx, rollout_id).digest != digest and (amendment is None or amendment.digest != digest):
        raise StaleDigest(
            f"Rollout {rollout_id} was changed since this card was posted.", "Look at the newest card and decide there."
        )
    row = tx.get(ApprovalRow, (rollout_id, digest, user.id), with_for_update=True, populate_existing=True)
    if row is not None and row.revoked_at is None:
        raise _twice(rollout_id)
    if row is None:
        row = ApprovalRow(rollout_id=rollout_id, digest=digest, user_id=user.id, user_name=user.name, at=at)
    row.user_name, row.at, row.revoked_at = user.name, at, None
    try:
        with tx.begin_nested():
            tx.add(row)
            tx.flush()
    except IntegrityError as error:
        raise _twice(rollout_id) from error
    threads.redraw(tx, rollout_id, at)
    if amendment is not None:
        amendments.redraw(tx, amendment, at)
    return _approval(row)


def revoke(tx: Session, rollout_id: int, digest: str, user_id: str, at: datetime) -> Approval:
    """End a person's approval (taken back, or the authority is gone), and have the card show it.

    Raises `NotFound` when there is none that counts.
    """
    row = tx.get(ApprovalRow, (rollout_id, digest, user_id), with_for_update=True, populate_existing=True)
    if row is None or row.revoked_at is not None:
        raise NotFound("There is no such approval.", "There is nothing to take back.")
    row.revoked_at = at
    tx.add(row)
    tx.flush()
    threads.redraw(tx, rollout_id, at)
    return _approval(row)


def of(tx: Session, rollout_id: int) -> list[Approval]:
    """Every approval of the rollout, of any of its digests, revoked ones too; oldest first."""
    return [_approval(row) for row in _rows(tx, [rollout_id])]


def names(tx: Session, rollout_id: int) -> dict[str, str]:
    """The names of those who approved, by user id."""
    return {row.user_id: row.user_name for row in _rows(tx, [rollout_id])}


def with_names(tx: Session, rollout_ids: Collection[int]) -> dict[int, list[tuple[Approval, str]]]:
    """What `of` gives for several rollouts, each with the person's name; every rollout has an entry."""
    found: dict[int, list[tuple[Approval, str]]] = {rollout_id: [] for rollout_id in rollout_ids}
    for row in _rows(tx, rollout_ids):
        found[row.rollout_id].append((_approval(row), row.user_name))
    return found


def _rows(tx: Session, rollout_ids: Collection[int]) -> list[ApprovalRow]:
    query = select(ApprovalRow).where(col(ApprovalRow.rollout_id).in_(rollout_ids))
    return list(tx.exec(query.order_by(col(ApprovalRow.at), col(ApprovalRow.user_id))).all())


def _approval(row: ApprovalRow) -> Approval:
    return Approval(row.user_id, row.digest, row.at, revoked=row.revoked_at is not None)


def _twice(rollout_id: int) -> Conflict:
    return Conflict(f"You have approved rollout {rollout_id} already.", "It waits for somebody else now.")
