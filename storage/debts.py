"""Debts: what was switched off or moved on a pool and is owed back.

Debts belong to the pool. While one is open, its original value is never overwritten: a later rollout that switches
the same thing off again finds it switched off, and what it finds is not what people had.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import or_
from sqlalchemy import select as select_of
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from bot.rollout.memory import Debt, DebtKind
from bot.rollout.reason import Reason, because
from storage import audit
from storage.actors import BOT, Actor
from storage.tables import DebtRow

#: Kinds that are written to the trail but not posted: a line per moved VM would drown the audit channel.
QUIET = frozenset({DebtKind.VM_HOME})


def open_debt(
    tx: Session,
    pool_uuid: str,
    debt: Debt,
    rollout_id: int | None,
    at: datetime,
    *,
    actor: Actor = BOT,
    reason: Reason | None = None,
    sentence: str = "",
) -> bool:
    """Write down what is owed from now on, with its original value (JSON), and one audit event.

    False, and nothing changes, when a debt of that kind and subject is open already.
    """
    if _open(tx, pool_uuid, debt.kind, debt.subject) is not None:
        return False
    row = DebtRow(
        pool_uuid=pool_uuid,
        kind=debt.kind,
        subject=debt.subject,
        original=debt.original,
        label=debt.label,
        rollout_id=rollout_id,
        opened_at=at,
        waiting_for=debt.waiting_for,
    )
    try:
        with tx.begin_nested():
            tx.add(row)
            tx.flush()
    except IntegrityError:
        # Another process opened the same debt between our look and our write: its original is the one that counts.
        if _open(tx, pool_uuid, debt.kind, debt.subject) is None:
            raise
        return False
    audit.append(
        tx,
        actor=actor,
        action="debt.opened",
        reason=reason or because("debt.opened", kind=debt.kind.value, subject=debt.subject, label=debt.label),
        sentence=sentence or f"{_what(row)} is owed back from now on.",
        at=at,
        rollout_id=rollout_id,
        pool_uuid=pool_uuid,
        details={"kind": debt.kind.value, "subject": debt.subject, "original": debt.original},
        announce=debt.kind not in QUIET,
    )
    return True


def close_debt(
    tx: Session,
    pool_uuid: str,
    kind: DebtKind,
    subject: str,
    outcome: str,
    at: datetime,
    *,
    rollout_id: int | None = None,
    actor: Actor = BOT,
    reason: Reason | None = None,
    sentence: str = "",
) -> bool:
    """Strike the debt off with one audit event; `outcome` is ``settled`` or ``left_alone``. False when none is open."""
    row = _open(tx, pool_uuid, kind, subject)
    if row is None:
        return False
    row.closed_at, row.outcome, row.waiting_for = at, outcome, ""
    tx.add(row)
    result = "was given back" if outcome == "settled" else f"is no longer owed ({outcome.replace('_', ' ')})"
    audit.append(
        tx,
        actor=actor,
        action="debt.settled",
        reason=reason or because("debt.settled", kind=kind.value, subject=subject, label=row.label, outcome=outcome),
        sentence=sentence or f"{_what(row)} {result}.",
        at=at,
        rollout_id=row.rollout_id if rollout_id is None else rollout_id,
        pool_uuid=pool_uuid,
        details={"kind": kind.value, "subject": subject, "original": row.original, "outcome": outcome},
        announce=kind not in QUIET,
    )
    return True


def note_waiting(tx: Session, pool_uuid: str, key: str, code: str) -> bool:
    """Write down which XAPI error keeps the debt ``kind:subject`` from being settled, "" for none.

    Whether that is news.
    """
    kind, _, subject = key.partition(":")
    row = _open(tx, pool_uuid, DebtKind(kind), subject)
    if row is None or row.waiting_for == code:
        return False
    row.waiting_for = code
    tx.add(row)
    tx.flush()
    return True


def left_alone(tx: Session, rollout_id: int) -> frozenset[DebtKind]:
    """The kinds of what the rollout owed and did not restore, because somebody else had changed it meanwhile."""
    query = select(DebtRow).where(DebtRow.rollout_id == rollout_id, DebtRow.outcome == "left_alone")
    return frozenset(row.kind for row in tx.exec(query).all())


def subjects_left_alone(tx: Session, rollout_id: int) -> frozenset[str]:
    """The uuids of what the rollout owed and left alone: people know, and it is not asked about again."""
    query = select(DebtRow).where(DebtRow.rollout_id == rollout_id, DebtRow.outcome == "left_alone")
    return frozenset(row.subject for row in tx.exec(query).all())


def ask_about(tx: Session, pool_uuid: str, older_than: datetime, asked_before: datetime, at: datetime) -> bool:
    """Whether people are to be asked about what the pool is owed: something is owed since `older_than` or longer, and
    was not asked about since `asked_before`. Says so once: who asks next is told no."""
    owed = (DebtRow.pool_uuid == pool_uuid, col(DebtRow.closed_at).is_(None), col(DebtRow.opened_at) <= older_than)
    due = or_(col(DebtRow.asked_at).is_(None), col(DebtRow.asked_at) <= asked_before)
    if tx.exec(select(DebtRow.id).where(*owed, due).limit(1).with_for_update()).first() is None:
        return False
    for row in tx.exec(select(DebtRow).where(*owed)).all():
        row.asked_at = at
        tx.add(row)
    tx.flush()
    return True


def open_debts(tx: Session, pool_uuid: str) -> tuple[Debt, ...]:
    """What is owed to the pool, oldest first. Lists and maps in `original` come back as JSON has them."""
    query = select(DebtRow).where(DebtRow.pool_uuid == pool_uuid, col(DebtRow.closed_at).is_(None))
    return tuple(_debt(row) for row in tx.exec(query.order_by(col(DebtRow.id))).all())


def all_open(tx: Session) -> dict[str, tuple[Debt, ...]]:
    """What is owed, by pool uuid; pools to which nothing is owed are not named."""
    # Columns instead of rows: with many rollouts under way there are hundreds, and somebody looks all the time.
    query = select_of(
        col(DebtRow.pool_uuid),
        col(DebtRow.kind),
        col(DebtRow.subject),
        col(DebtRow.original),
        col(DebtRow.label),
        col(DebtRow.opened_at),
        col(DebtRow.rollout_id),
        col(DebtRow.waiting_for),
    ).where(col(DebtRow.closed_at).is_(None))
    found: dict[str, list[Debt]] = {}
    for pool_uuid, kind, subject, original, label, at, rollout_id, waiting in tx.connection().execute(
        query.order_by(col(DebtRow.id))
    ):
        debt = Debt(kind, subject, original, label, opened_at=at, rollout_id=rollout_id, waiting_for=waiting)
        found.setdefault(pool_uuid, []).append(debt)
    return {pool_uuid: tuple(owed) for pool_uuid, owed in found.items()}


def _open(tx: Session, pool_uuid: str, kind: DebtKind, subject: str) -> DebtRow | None:
    query = select(DebtRow).where(
        DebtRow.pool_uuid == pool_uuid,
        DebtRow.kind == kind,
        DebtRow.subject == subject,
        col(DebtRow.closed_at).is_(None),
    )
    return tx.exec(query.with_for_update()).one_or_none()


def _what(row: DebtRow) -> str:
    kind = row.kind.value.replace("_", " ")
    return f"{kind} of {row.label}" if row.label else kind


def _debt(row: DebtRow) -> Debt:
    return Debt(
        kind=row.kind,
        subject=row.subject,
        original=row.original,
        label=row.label,
        opened_at=row.opened_at,
        rollout_id=row.rollout_id,
        waiting_for=row.waiting_for,
    )
