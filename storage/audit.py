"""The audit trail: an append-only chain in which every line fixes all lines before it.

A line's *body* is canonical JSON (sorted keys, no spaces, ASCII). Its hash is SHA-256 over the 32 bytes of the
previous line's hash followed by the body; the first line follows 32 zero bytes. The hash of the last line, the
*head*, is published in the audit channel, so that even somebody who may rewrite the whole database cannot change
what happened before the last publication without being seen.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import update
from sqlmodel import Session, col, select

from bot.rollout.reason import Reason
from storage.actors import Actor
from storage.columns import Topic
from storage.errors import AuditDamaged, Conflict, SecretRefused
from storage.tables import AuditHead, AuditRow, OutboxRow

#: The hash before the first line.
GENESIS = "00" * 32
#: The lane in which audit lines go to the audit channel.
AUDIT_LANE = "audit"
#: How much of a head must be given to look for it.
SHORTEST_HEAD = 12

_SECRET_KEY = re.compile(r"pass(word|wd|phrase)|secret|token|credential|api_?key|private_?key", re.IGNORECASE)
# Slack's tokens (xoxb-, xoxp-, xapp-, …) and signed URLs are recognisable wherever somebody pastes them.
_SECRET_VALUE = re.compile(r"\b(xox[a-z]|xapp)-[\w-]{6,}|https://hooks\.slack\.com/\S+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """What a verification found: whether the chain holds, how many lines were good, the head, and what is wrong."""

    ok: bool
    count: int
    head: str
    problem: str = ""


def append(
    tx: Session,
    *,
    actor: Actor,
    action: str,
    reason: Reason,
    sentence: str,
    at: datetime,
    rollout_id: int | None = None,
    pool_uuid: str = "",
    details: Mapping[str, Any] | None = None,
    announce: bool = True,
) -> AuditRow:
    """Add one line to the chain and, unless `announce` is False, put it into the audit channel's lane.

    Raises `SecretRefused` when a key names a secret, `AuditDamaged` when the chain has no head, `Conflict` when
    somebody else appended between reading and writing the head (impossible while the row lock works).
    """
    head = tx.exec(select(AuditHead.seq, AuditHead.hash).where(AuditHead.id == 1).with_for_update()).one_or_none()
    if head is None:
        raise AuditDamaged("The audit chain has no head.", "Restore the database from a backup.")
    previous_seq, previous_hash = head
    seq = previous_seq + 1
    document = {
        "seq": seq,
        "at": at.astimezone(UTC).isoformat(),
        "actor": {"kind": actor.kind, "id": actor.id, "name": actor.name},
        "action": action,
        "reason": reason.as_dict(),
        "sentence": sentence,
        "rollout_id": rollout_id,
        "pool_uuid": pool_uuid,
        "details": dict(details or {}),
    }
    if not re.fullmatch("[0-9a-f]{64}", previous_hash):
        raise AuditDamaged("The audit chain's head is not a hash.", "Check with `xsbot audit verify`.")
    body = json.dumps(_without_secrets(document), sort_keys=True, separators=(",", ":")).encode("ascii")
    row = AuditRow(
        seq=seq,
        at=at,
        action=action,
        rollout_id=rollout_id,
        pool_uuid=pool_uuid,
        body=body,
        hash=chained(previous_hash, body),
    )
    moved = tx.exec(
        update(AuditHead)
        .where(col(AuditHead.id) == 1, col(AuditHead.seq) == previous_seq, col(AuditHead.hash) == previous_hash)
        .values(seq=seq, hash=row.hash)
        .execution_options(synchronize_session=False)
    )
    if moved.rowcount != 1:
        raise Conflict("The audit chain was continued by somebody else meanwhile.", "Try again.")
    tx.add(row)
    if announce:
        key, payload = f"audit:{seq}", {"seq": seq}
        tx.add(OutboxRow(topic=Topic.AUDIT, lane=AUDIT_LANE, key=key, payload=payload, created_at=at, not_before=at))
    tx.flush()
    return row


def chained(previous_hash: str, body: bytes) -> str:
    """The hash of a line, in hex."""
    return hashlib.sha256(bytes.fromhex(previous_hash) + body).hexdigest()


def head(tx: Session) -> str:
    """The hash of the last line, which is published in the audit channel."""
    found = tx.exec(select(AuditHead.hash).where(AuditHead.id == 1)).one_or_none()
    if found is None:
        raise AuditDamaged("The audit chain has no head.", "Restore the database from a backup.")
    return found


def event(tx: Session, seq: int) -> AuditRow | None:
    """One line by its chain number, None when there is none."""
    return tx.get(AuditRow, seq)


def recent(tx: Session, rollout_id: int | None = None, limit: int = 20, pool_uuid: str | None = None) -> list[AuditRow]:
    """The newest lines first, of one rollout or pool when asked."""
    query = select(AuditRow).order_by(col(AuditRow.seq).desc()).limit(limit)
    if rollout_id is not None:
        query = query.where(AuditRow.rollout_id == rollout_id)
    if pool_uuid is not None:
        query = query.where(AuditRow.pool_uuid == pool_uuid)
    return list(tx.exec(query).all())


def exported(tx: Session, rollout_id: int | None = None) -> Iterator[AuditRow]:
    """Every line, oldest first, of one rollout when asked; read in batches, so that a long trail needs no memory."""
    query = select(AuditRow).order_by(col(AuditRow.seq)).execution_options(yield_per=500)
    if rollout_id is not None:
        query = query.where(AuditRow.rollout_id == rollout_id)
    for row in tx.exec(query):
        yield row
        tx.expunge(row)


def verify(tx: Session, head: str | None = None) -> VerifyResult:
    """Walk the whole chain and compare it with the stored head and, when given, with a published one.

    `head` may be any head that was ever published, shortened to its first 12 digits or more. Finds lines that were
    edited, removed, reordered or cut off. Only a published head finds a chain that was rewritten as a whole.
    """
    stored = tx.exec(select(AuditHead.seq, AuditHead.hash).where(AuditHead.id == 1)).one_or_none()
    if stored is None:
        return VerifyResult(False, 0, "", "The chain's head is missing.")
    wanted = None if head is None else head.strip().lower()
    if wanted is not None and len(wanted) < SHORTEST_HEAD:
        return VerifyResult(False, 0, stored[1], f"A published head has at least {SHORTEST_HEAD} digits.")
    published = wanted is None or GENESIS.startswith(wanted)
    previous, count = GENESIS, 0
    columns = (AuditRow.seq, AuditRow.at, AuditRow.action, AuditRow.rollout_id, AuditRow.pool_uuid, AuditRow.body)
    rows = tx.connection().execute(
        select(*columns, AuditRow.hash).order_by(col(AuditRow.seq)).execution_options(yield_per=500)  # type: ignore[call-overload]
    )
    try:
        for seq, at, action, rollout_id, pool_uuid, body, hash_ in rows:
            problem = ""
            if seq != count + 1:
                problem = f"Line {count + 1} is missing."
            elif chained(previous, body) != hash_:
                problem = f"Line {seq} was changed or moved: its hash does not follow from the line before."
            elif not _columns_agree(body, seq, at, action, rollout_id, pool_uuid):
                problem = f"Line {seq} was changed: its columns differ from its body."
            if problem:
                return VerifyResult(False, count, stored[1], problem)
            previous, count = hash_, seq
            published = published or (wanted is not None and hash_.startswith(wanted))
    except ValueError:
        # The driver could not even read a column; rows are fetched in batches, so it may be any line from here on.
        return VerifyResult(False, count, stored[1], f"A line after {count} was changed: it cannot be read.")
    finally:
        rows.close()
    if (count, previous) != (stored[0], stored[1]):
        problem = f"The chain ends at line {count}, but its head says {stored[0]}: it was cut off or rewritten."
        return VerifyResult(False, count, stored[1], problem)
    if not published:
        problem = "The published head is not in the chain: it was cut off or rewritten."
        return VerifyResult(False, count, previous, problem)
    return VerifyResult(True, count, previous)


def _columns_agree(body: bytes, seq: int, at: datetime, action: str, rollout_id: int | None, pool_uuid: str) -> bool:
    try:
        document = json.loads(body)
        present = (document["seq"], document["action"], document["rollout_id"], document["pool_uuid"])
        return present == (seq, action, rollout_id, pool_uuid) and datetime.fromisoformat(document["at"]) == at
    except (KeyError, TypeError, ValueError):
        return False


def _without_secrets(value: Any, path: str = "") -> Any:
    """The value with recognisable secrets blotted out; a key that names a secret is refused."""
    if isinstance(value, Mapping):
        for key in value:
            if _SECRET_KEY.search(str(key)):
                raise SecretRefused(
                    f"“{path}{key}” looks like a secret and was not recorded.", "Leave it out of the audit trail."
                )
        return {str(key): _without_secrets(entry, f"{path}{key}.") for key, entry in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        entries = sorted(value) if isinstance(value, (set, frozenset)) else value
        return [_without_secrets(entry, path) for entry in entries]
    if isinstance(value, str):
        return _SECRET_VALUE.sub("[removed]", value)
    return value
