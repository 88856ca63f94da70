"""Amendments of running rollouts: proposed, decided about, and the one place where a rollout's digest changes.

At most one is open for a rollout, and only while the rollout needs attention: whatever moves it on closes the
amendment in the same transaction (`storage.rollouts.transition`). Each step writes its audit event and has the
amendment's card drawn anew. Whether a quorum is there is `bot.rollout.policy`'s business.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from bot.rollout.amendment import AmendmentState, Offer
from bot.rollout.errors import InvalidSpec
from bot.rollout.lifecycle import State
from bot.rollout.reason import Reason, because
from bot.rollout.spec import digest_of, parse_spec
from storage import audit, outbox
from storage.actors import Actor
from storage.columns import Topic
from storage.errors import Conflict, NotFound
from storage.tables import AmendmentRow, RolloutRow, SpecRow

__all__ = [
    "AmendmentRow",
    "by_digest",
    "expired",
    "get",
    "next_number",
    "of",
    "open_of",
    "open_of_each",
    "propose",
    "redraw",
    "take_effect",
]


def next_number(tx: Session, rollout_id: int) -> int:
    """The number that the rollout's next amendment gets, which is part of its spec."""
    return 1 + tx.exec(select(func.count()).where(AmendmentRow.rollout_id == rollout_id)).one()


def propose(
    tx: Session,
    row: RolloutRow,
    *,
    spec_bytes: bytes,
    offer: Offer,
    why: Reason,
    by: Actor,
    at: datetime,
    reason: Reason,
    sentence: str,
    expires_at: datetime | None = None,
    updates: dict[str, Any] | None = None,
    forecast: dict[str, Any] | None = None,
    checks: Any = None,
) -> AmendmentRow:
    """Record a proposal against the spec that `row` has now; one that is open already is superseded by it. It takes no
    effect any more from `expires_at` on.

    Raises `Conflict` unless the rollout needs attention, or when somebody else proposed at the same moment;
    `InvalidSpec` for bytes that are no amendment of this rollout with the next number.
    """
    if row.state is not State.NEEDS_ATTENTION:
        raise _elsewhere(row)
    number = next_number(tx, row.id)
    spec = parse_spec(spec_bytes)
    if spec.pool_uuid != row.pool_uuid or spec.amendment != number:
        raise InvalidSpec(
            "The changed spec does not belong to this step of the rollout.", "Propose the amendment again."
        )
    present = open_of(tx, row.id)
    if present is not None:
        replaced = because("amendment.superseded", user=by.name, number=present.number, by=number)
        told = f"{by.name} proposed another change, so amendment {present.number} is void."
        close(tx, present, AmendmentState.SUPERSEDED, by, replaced, told, at)
    amendment = AmendmentRow(
        rollout_id=row.id,
        number=number,
        digest=digest_of(spec_bytes),
        replaces=row.digest,
        proposer_kind=by.kind,
        proposer_id=by.id,
        proposer_name=by.name,
        offer=offer.as_dict(),
        why=why.as_dict(),
        updates=updates,
        forecast=forecast,
        checks=checks,
        created_at=at,
        expires_at=expires_at,
    )
    try:
        with tx.begin_nested():
            tx.add(amendment)
            tx.add(SpecRow(rollout_id=row.id, digest=amendment.digest, body=spec_bytes, created_at=at))
            tx.flush()
    except IntegrityError as error:
        raise Conflict(
            f"Somebody proposed another amendment of rollout {row.id}.", "Look at its card in the thread."
        ) from error
    _audit(tx, amendment, "amendment.proposed", by, reason, sentence, at)
    redraw(tx, amendment, at)
    return amendment


def open_of(tx: Session, rollout_id: int) -> AmendmentRow | None:
    """The rollout's open amendment, None when there is none."""
    return tx.exec(
        select(AmendmentRow).where(
            AmendmentRow.rollout_id == rollout_id, col(AmendmentRow.state) == AmendmentState.OPEN
        )
    ).first()


def open_of_each(tx: Session, rollout_ids: Collection[int]) -> dict[int, AmendmentRow]:
    """The same for several rollouts; those without one are missing."""
    query = select(AmendmentRow).where(
        col(AmendmentRow.rollout_id).in_(rollout_ids), col(AmendmentRow.state) == AmendmentState.OPEN
    )
    return {row.rollout_id: row for row in tx.exec(query).all()}


def expired(tx: Session, at: datetime) -> list[AmendmentRow]:
    """The open amendments whose time is over."""
    query = select(AmendmentRow).where(
        col(AmendmentRow.state) == AmendmentState.OPEN, col(AmendmentRow.expires_at) <= at
    )
    return list(tx.exec(query.order_by(col(AmendmentRow.id))).all())


def of(tx: Session, rollout_id: int) -> list[AmendmentRow]:
    """Every amendment that was proposed for the rollout, oldest first."""
    query = select(AmendmentRow).where(AmendmentRow.rollout_id == rollout_id).order_by(col(AmendmentRow.number))
    return list(tx.exec(query).all())


def by_digest(tx: Session, rollout_id: int, digest: str) -> AmendmentRow | None:
    """The amendment with that digest, open or not; None when the digest is none of an amendment."""
    return tx.exec(
        select(AmendmentRow)
        .where(AmendmentRow.rollout_id == rollout_id, AmendmentRow.digest == digest)
        .execution_options(populate_existing=True)
    ).first()


def get(tx: Session, amendment_id: int) -> AmendmentRow:
    """The amendment of that id. Raises `NotFound`."""
    amendment = tx.get(AmendmentRow, amendment_id, populate_existing=True)
    if amendment is None:
        raise NotFound(f"There is no amendment {amendment_id}.")
    return amendment


def close(
    tx: Session,
    amendment: AmendmentRow,
    state: AmendmentState,
    by: Actor,
    reason: Reason,
    sentence: str,
    at: datetime,
) -> None:
    """End an open amendment in that state. Raises `Conflict` when it is not open any more, or when it is to be applied
    and its time is over."""
    in_time = [or_(col(AmendmentRow.expires_at).is_(None), col(AmendmentRow.expires_at) > at)]
    closed = tx.exec(
        update(AmendmentRow)
        .where(
            col(AmendmentRow.id) == amendment.id,
            col(AmendmentRow.state) == AmendmentState.OPEN,
            *(in_time if state is AmendmentState.APPLIED else ()),
        )
        .values(state=state, closed_at=at, outcome=reason.as_dict())
        .execution_options(synchronize_session=False)
    )
    if closed.rowcount != 1:
        raise Conflict(
            f"Amendment {amendment.number} of rollout {amendment.rollout_id} was decided already.",
            "Look at its card in the thread.",
        )
    tx.refresh(amendment)
    _audit(tx, amendment, f"amendment.{state.value}", by, reason, sentence, at)
    redraw(tx, amendment, at)


def take_effect(
    tx: Session, amendment: AmendmentRow, by: Actor, reason: Reason, sentence: str, at: datetime
) -> RolloutRow:
    """Make the amendment's spec the rollout's own: from now on its digest is the approved one.

    The caller moves the rollout on in the same transaction. Raises `Conflict` when the amendment is not open any
    more, when the rollout does not need attention, or when its spec is another one than it was proposed against.
    """
    close(tx, amendment, AmendmentState.APPLIED, by, reason, sentence, at)
    values: dict[str, Any] = {"digest": amendment.digest}
    if amendment.updates is not None:
        values |= {"updates": amendment.updates, "forecast": amendment.forecast, "checks": amendment.checks}
    switched = tx.exec(
        update(RolloutRow)
        .where(
            col(RolloutRow.id) == amendment.rollout_id,
            col(RolloutRow.digest) == amendment.replaces,
            col(RolloutRow.state) == State.NEEDS_ATTENTION,
        )
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    row = _rollout(tx, amendment.rollout_id)
    if switched.rowcount != 1:
        raise _elsewhere(row)
    return row


def overtake(tx: Session, row: RolloutRow, by: Actor, at: datetime) -> None:
    """End the rollout's open amendment, if it has one, because the rollout goes on in another way."""
    amendment = open_of(tx, row.id)
    if amendment is None:
        return
    reason = because("amendment.overtaken", number=amendment.number, state=row.state.value)
    told = f"Amendment {amendment.number} is void, because the rollout is {row.state.value.replace('_', ' ')} now."
    close(tx, amendment, AmendmentState.OVERTAKEN, by, reason, told, at)


def card_key(amendment_id: int) -> str:
    """The key under which the amendment's card is queued and remembered as posted."""
    return f"amendment:{amendment_id}:card"


def redraw(tx: Session, amendment: AmendmentRow, at: datetime) -> None:
    """Have the amendment's card posted or edited, because something it shows has changed."""
    outbox.enqueue(
        tx,
        Topic.AMENDMENT,
        lane=outbox.rollout_lane(amendment.rollout_id),
        key=card_key(amendment.id),
        payload={"rollout_id": amendment.rollout_id, "amendment_id": amendment.id},
        at=at,
    )


def _rollout(tx: Session, rollout_id: int) -> RolloutRow:
    row = tx.get(RolloutRow, rollout_id, populate_existing=True)
    if row is None:
        raise NotFound(f"There is no rollout {rollout_id}.", "Look at /xs history for those there are.")
    return row


def _elsewhere(row: RolloutRow) -> Conflict:
    return Conflict(
        f"Rollout {row.id} is {row.state.value.replace('_', ' ')}, and not where this change was proposed.",
        "Look at /xs status for where it stands.",
    )


def _audit(
    tx: Session, amendment: AmendmentRow, action: str, by: Actor, reason: Reason, sentence: str, at: datetime
) -> None:
    row = _rollout(tx, amendment.rollout_id)
    audit.append(
        tx,
        actor=by,
        action=action,
        reason=reason,
        sentence=sentence,
        at=at,
        rollout_id=row.id,
        pool_uuid=row.pool_uuid,
        details={"amendment": amendment.number, "digest": amendment.digest, "replaces": amendment.replaces},
    )
