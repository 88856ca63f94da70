"""Rollouts and the only way their state changes.

`transition` is a compare-and-set: the state moves only along `bot.rollout.lifecycle.TRANSITIONS`, and the audit event
and the messages it causes are written in the same transaction, so that neither exists without the other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from bot.rollout.amendment import Offer
from bot.rollout.errors import InvalidSpec
from bot.rollout.expected import Expectation
from bot.rollout.lifecycle import DRIVEN, OPEN, TERMINAL, WAITING, State, check_transition
from bot.rollout.model import AvailableUpdates
from bot.rollout.reason import Reason, because
from bot.rollout.spec import digest_of, parse_spec
from storage import amendments, audit, leases, outbox, threads
from storage.actors import Actor
from storage.columns import Topic
from storage.errors import Conflict, NotFound, PoolBusy
from storage.tables import RolloutRow, SpecRow
from storage.updates_codec import updates_from_json, updates_to_json

#: States whose end is worth an outcome message: the pool may have been touched.
_UNDER_WAY = frozenset({State.RUNNING, State.PAUSED, State.NEEDS_ATTENTION, State.ABORTING})
#: An expected end that moves by less is not told at once.
_NEWS = timedelta(minutes=1)


def create(
    tx: Session,
    *,
    pool_uuid: str,
    pool_alias: str,
    spec_bytes: bytes,
    requester: Actor,
    reason_text: str,
    updates: AvailableUpdates,
    forecast: Mapping[str, Any],
    checks: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    channel: str,
    at: datetime,
    expires_at: datetime,
    state: State = State.AWAITING_APPROVAL,
    reason: Reason | None = None,
    sentence: str = "",
    replaces: int | None = None,
) -> RolloutRow:
    """Record a request: the rollout, its spec's bytes, one audit event and the card to be posted.

    `forecast` and `checks` are kept as the JSON documents they are; `reason` and `sentence` say in the audit trail
    what was asked for (a plain one when left out); `replaces` is the number of the request that this one takes the
    place of, which must have ended by now.

    Raises `PoolBusy` when the pool has an open rollout or somebody sets something on it, `InvalidSpec` for bytes that
    are no spec of this pool, `IllegalTransition` for a state in which none begins.
    """
    check_transition(None, state)
    if parse_spec(spec_bytes).pool_uuid != pool_uuid:
        raise InvalidSpec("The spec belongs to another pool.", "Ask for the rollout again.")
    busy = _open_of(tx, pool_uuid)
    if busy is not None:
        raise _busy(pool_alias, busy)
    leases.require_free(tx, pool_uuid, pool_alias, at)
    digest = digest_of(spec_bytes)
    emergency = parse_spec(spec_bytes).emergency
    row = RolloutRow(
        emergency=emergency,
        pool_uuid=pool_uuid,
        pool_alias=pool_alias,
        state=state,
        digest=digest,
        requester_kind=requester.kind,
        requester_id=requester.id,
        requester_name=requester.name,
        reason_text=reason_text,
        channel=channel,
        created_at=at,
        expires_at=expires_at,
        approved_at=at if state is State.APPROVED else None,
        forecast=dict(forecast),
        checks=dict(checks) if isinstance(checks, Mapping) else [dict(check) for check in checks],
        updates=updates_to_json(updates),
        replaces=replaces,
    )
    try:
        with tx.begin_nested():
            tx.add(row)
            tx.flush()
    except IntegrityError as error:
        raise _busy(pool_alias, _open_of(tx, pool_uuid)) from error
    tx.add(SpecRow(rollout_id=row.id, digest=digest, body=spec_bytes, created_at=at))
    reason = reason or because("rollout.recorded", pool=pool_alias, digest=digest)
    row.headline = reason.as_dict()
    tx.add(row)
    audit.append(
        tx,
        actor=requester,
        action=f"rollout.{state.value}",
        reason=reason,
        sentence=sentence or f"{requester.name} asked for an update of {pool_alias}.",
        at=at,
        rollout_id=row.id,
        pool_uuid=pool_uuid,
        details={"from": None, "to": state.value, "digest": digest, "reason_text": reason_text},
    )
    threads.redraw(tx, row.id, at)
    if emergency:
        threads.enqueue(tx, Topic.EMERGENCY, row.id, at, {})
    return row


def get(tx: Session, rollout_id: int) -> RolloutRow:
    """The rollout as the database has it now. Raises `NotFound`."""
    row = tx.get(RolloutRow, rollout_id, populate_existing=True)
    if row is None:
        raise NotFound(f"There is no rollout {rollout_id}.", "Look at /xs history for those there are.")
    return row


def still(tx: Session, rollout_id: int, state: State) -> RolloutRow:
    """The rollout as the database has it now, for whoever looked at it before, when it was in that state.

    Raises `NotFound`; `Conflict` when somebody has moved it meanwhile, so that nothing is written about what is over.
    """
    present = _state_of(tx, rollout_id)
    if present is not state:
        raise _lost(rollout_id, present)
    return get(tx, rollout_id)


def open_rollouts(tx: Session, aliases: Collection[str] | None = None) -> list[RolloutRow]:
    """Every rollout that is not over (with `aliases`, of those pools), oldest first."""
    return _in_states(tx, OPEN, aliases)


def open_rollout_of(tx: Session, pool_uuid: str) -> RolloutRow | None:
    """The pool's open rollout, None when the pool is free."""
    return tx.exec(
        select(RolloutRow).where(RolloutRow.pool_uuid == pool_uuid, col(RolloutRow.state).in_(sorted(OPEN)))
    ).first()


def waiting(tx: Session) -> list[RolloutRow]:
    """The rollouts that wait for people, oldest first."""
    return _in_states(tx, WAITING)


def working_on(tx: Session, pool_alias: str) -> bool:
    """Whether a rollout that was started is open on the pool of that alias."""
    waiting = (State.AWAITING_APPROVAL, State.APPROVED)
    query = select(RolloutRow.id).where(
        RolloutRow.pool_alias == pool_alias, col(RolloutRow.state).in_(sorted(OPEN.difference(waiting)))
    )
    return tx.exec(query).first() is not None


def driven(tx: Session) -> list[RolloutRow]:
    """The rollouts that the worker drives, oldest first."""
    return _in_states(tx, DRIVEN)


def recent(tx: Session, pool_uuid: str | None = None, limit: int = 20) -> list[RolloutRow]:
    """The newest rollouts first, of one pool when asked."""
    query = select(RolloutRow).order_by(col(RolloutRow.id).desc()).limit(limit)
    if pool_uuid is not None:
        query = query.where(RolloutRow.pool_uuid == pool_uuid)
    return list(tx.exec(query).all())


def count_by_state(tx: Session) -> dict[State, int]:
    """How many rollouts there are in each state; states without any are not named."""
    query = select(RolloutRow.state, func.count()).group_by(col(RolloutRow.state))
    return {State(state): count for state, count in tx.exec(query).all()}


def transition(
    tx: Session,
    rollout_id: int,
    to: State,
    *,
    frm: State | None = None,
    actor: Actor,
    reason: Reason,
    sentence: str,
    at: datetime,
) -> RolloutRow:
    """Move the rollout to `to`, with exactly one audit event and the messages it causes.

    `frm` is the state the caller believes it is in; None means whatever it is now, if the table allows the step.
    Raises `NotFound`; `Conflict` when it is not in `frm` or somebody else moved it at the same time;
    `IllegalTransition` when the table has no such step.
    """
    present = _state_of(tx, rollout_id)
    if frm is not None and present is not frm:
        raise _lost(rollout_id, present)
    check_transition(present, to)
    values: dict[str, Any] = {"state": to, "headline": reason.as_dict(), **_stamps(present, to, at)}
    values["due_at"] = None
    if to is State.RUNNING:
        values |= {"working_since": at, "warned_at": None}
    values["waiting_since"] = values["reminded_at"] = at if to in WAITING else None
    if to is State.PAUSED:
        values["announced_at"] = None
    if to is not State.NEEDS_ATTENTION:
        values["problem"] = None
    moved = tx.exec(
        update(RolloutRow)
        .where(col(RolloutRow.id) == rollout_id, col(RolloutRow.state) == present)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    if moved.rowcount != 1:
        raise _lost(rollout_id, _state_of(tx, rollout_id))
    row = get(tx, rollout_id)
    if to is State.RUNNING and row.started_at is None:
        row.started_at = at
    if to is State.NEEDS_ATTENTION and row.problem is None:
        row.problem = {"reason": reason.as_dict(), "options": [], "keys": [], "host": ""}
    tx.add(row)
    audit.append(
        tx,
        actor=actor,
        action=f"rollout.{to.value}",
        reason=reason,
        sentence=sentence,
        at=at,
        rollout_id=rollout_id,
        pool_uuid=row.pool_uuid,
        details={"from": present.value, "to": to.value, "digest": row.digest},
    )
    if present is State.NEEDS_ATTENTION:
        # What somebody proposed was an answer to the question that is answered now.
        amendments.overtake(tx, row, actor, at)
    threads.redraw(tx, rollout_id, at)
    if to is State.NEEDS_ATTENTION:
        threads.enqueue(tx, Topic.ATTENTION, rollout_id, at, {"reason": reason.as_dict()})
    if to in TERMINAL and present in _UNDER_WAY:
        threads.enqueue(tx, Topic.OUTCOME, rollout_id, at, {"state": to.value, "reason": reason.as_dict()})
        outbox.enqueue(
            tx,
            Topic.REPORT,
            lane=outbox.report_lane(rollout_id),
            key=f"rollout:{rollout_id}:{Topic.REPORT.value}",
            payload={"rollout_id": rollout_id},
            at=at,
        )
    return row


def set_problem(
    tx: Session,
    rollout_id: int,
    reason: Reason | None,
    options: Iterable[str] = (),
    keys: Iterable[str] = (),
    host: str = "",
    offers: Iterable[Offer] = (),
) -> RolloutRow:
    """Say what needs attention, what a person may answer, and which intents a retry asks for anew; None clears it.

    `host` is the uuid of the one host that it concerns, `offers` are the amendments that would solve it. A problem is
    also gone as soon as the rollout moves to another state than *needs attention*.
    """
    row = get(tx, rollout_id)
    row.problem = None
    if reason is not None:
        row.problem = {
            "reason": reason.as_dict(),
            "options": list(options),
            "keys": list(keys),
            "host": host,
            "offers": [offer.as_dict() for offer in offers],
        }
    return _saved(tx, row)


def problem_keys(row: RolloutRow) -> tuple[str, ...]:
    """The intents behind the rollout's problem."""
    return () if row.problem is None else tuple(row.problem["keys"])


def set_headline(tx: Session, rollout_id: int, reason: Reason) -> bool:
    """Say why the rollout stands where it stands; whether that is news."""
    row = get(tx, rollout_id)
    if row.headline == reason.as_dict():
        return False
    row.headline = reason.as_dict()
    _saved(tx, row)
    return True


def set_expected(tx: Session, rollout_id: int, expectation: Expectation | None) -> bool:
    """Write down when it should be done; whether people should be told, because that differs by a minute or more."""
    row = get(tx, rollout_id)
    known = row.expectation
    row.expected = None if expectation is None else expectation.as_dict()
    _saved(tx, row)
    if known is None or expectation is None:
        return (known is None) is not (expectation is None)
    return abs(known.end - expectation.end) >= _NEWS


def note_abort(tx: Session, rollout_id: int, by: Actor, *, give_up: bool = False) -> RolloutRow:
    """Write down who asked for the abort (the first one stays), and whether what cannot be settled is given up."""
    row = get(tx, rollout_id)
    row.abort_requested_by = row.abort_requested_by or by.id
    row.giving_up = row.giving_up or give_up
    return _saved(tx, row)


def skip_host(tx: Session, rollout_id: int, host: str) -> bool:
    """Write down that people skip the host with that uuid; whether that is news."""
    row = get(tx, rollout_id)
    if host in row.skipped:
        return False
    # A new list: the column does not notice what is done to the one it gave out.
    row.skipped = [*row.skipped, host]
    _saved(tx, row)
    return True


def note_coordinator(tx: Session, rollout_id: int, host: str, synced_at: datetime | None) -> None:
    """Write down which host is the coordinator and when the pool was synced last.

    When it is another host than before, that sync was the former one's: `stale_sync` remembers it.
    """
    row = get(tx, rollout_id)
    if (row.coordinator, row.pool_synced_at) == (host, synced_at):
        return
    if row.coordinator not in ("", host):
        row.stale_sync = row.pool_synced_at or row.stale_sync
    row.coordinator, row.pool_synced_at = host, synced_at
    _saved(tx, row)


def take_fence(tx: Session, rollout_id: int, token: str) -> None:
    """Make `token` the one that may drive the rollout; whoever drove it before loses at its next `check_fence`."""
    row = get(tx, rollout_id)
    row.fence = token
    _saved(tx, row)


def check_fence(tx: Session, rollout_id: int, token: str) -> None:
    """Raise `Conflict` unless `token` still drives the rollout; asked before each effect."""
    # Only this of the row: it is asked several times a round, and the rest of it is large.
    fence = tx.exec(select(RolloutRow.fence).where(RolloutRow.id == rollout_id)).first()
    if fence != token:
        raise Conflict(f"Rollout {rollout_id} is driven by another process now.", "Nothing to do: that one goes on.")


def updates_of(row: RolloutRow) -> AvailableUpdates:
    """The updates as they were when the rollout was asked for."""
    return updates_from_json(row.updates)


def set_checks(tx: Session, rollout_id: int, checks: dict[str, Any], at: datetime) -> None:
    """Keep a newer report of the checks and have the card redrawn. Raises `NotFound`."""
    row = get(tx, rollout_id)
    row.checks = checks
    tx.add(row)
    tx.flush()
    threads.redraw(tx, rollout_id, at)


def _stamps(present: State, to: State, at: datetime) -> dict[str, datetime | None]:
    if to is State.APPROVED:
        return {"approved_at": at}
    if to is State.AWAITING_APPROVAL and present is State.APPROVED:
        return {"approved_at": None, "starts_at": None, "announced_at": None}
    return {"finished_at": at} if to in TERMINAL else {}


def _state_of(tx: Session, rollout_id: int) -> State:
    query = select(RolloutRow.state).where(RolloutRow.id == rollout_id).with_for_update()
    state = tx.exec(query).one_or_none()
    if state is None:
        raise NotFound(f"There is no rollout {rollout_id}.", "Look at /xs history for those there are.")
    return State(state)


def _lost(rollout_id: int, present: State) -> Conflict:
    return Conflict(
        f"Rollout {rollout_id} is {present.value.replace('_', ' ')} now.", "Look at /xs status for where it stands."
    )


def _open_of(tx: Session, pool_uuid: str) -> int | None:
    row = open_rollout_of(tx, pool_uuid)
    return None if row is None else row.id


def _busy(pool_alias: str, rollout_id: int | None) -> PoolBusy:
    which = "another rollout" if rollout_id is None else f"rollout {rollout_id}"
    return PoolBusy(
        f"{pool_alias} has an open rollout already: {which}.",
        "Wait until it is over, or end it: reject it before it runs, abort it while it runs.",
        rollout_id,
    )


def _in_states(tx: Session, states: Iterable[State], aliases: Collection[str] | None = None) -> list[RolloutRow]:
    query = select(RolloutRow).where(col(RolloutRow.state).in_(sorted(states))).order_by(col(RolloutRow.id))
    if aliases is not None:
        query = query.where(col(RolloutRow.pool_alias).in_(aliases))
    return list(tx.exec(query).all())


def _saved(tx: Session, row: RolloutRow) -> RolloutRow:
    tx.add(row)
    tx.flush()
    return row
