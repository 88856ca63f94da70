"""The timeline of a rollout: when each host entered which phase, and what the pool looked like meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Field, Session, col, select

from bot.rollout.lifecycle import State
from bot.rollout.memory import TurnPhase
from bot.rollout.timeline import Sample, Span, Standstill, Timeline
from storage.columns import Moment, TurnPhaseWord
from storage.tables import AuditRow, RolloutRow, Table, TurnRow

#: States in which a rollout waits for people.
_STANDING_STILL = {f"rollout.{state.value}": state for state in (State.PAUSED, State.NEEDS_ATTENTION)}


class PhaseRow(Table, table=True):
    """One phase of one host; it lasts until the host's next row."""

    __tablename__ = "phases"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: int = Field(default=None, primary_key=True)
    rollout_id: int = Field(index=True, foreign_key="rollouts.id")
    host: str
    phase: TurnPhase = Field(sa_type=TurnPhaseWord)
    began_at: datetime = Field(sa_type=Moment)


class SampleRow(Table, table=True):
    """The pool at one look (see `bot.rollout.timeline.Sample`); looks that saw nothing new leave no row."""

    __tablename__ = "samples"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: int = Field(default=None, primary_key=True)
    rollout_id: int = Field(index=True, foreign_key="rollouts.id")
    at: datetime = Field(sa_type=Moment)
    moved: int
    spare_mib: int
    capacity_mib: int
    in_service: int


_MIB = 1024**2


def enter(tx: Session, rollout_id: int, host: str, phase: TurnPhase, at: datetime) -> None:
    """The host enters a phase."""
    tx.add(PhaseRow(rollout_id=rollout_id, host=host, phase=phase, began_at=at))
    tx.flush()


def add_sample(tx: Session, rollout_id: int, sample: Sample, at: datetime) -> bool:
    """Write down what a look saw, under the bot's own time `at`; False when it is what the last one saw."""
    last = tx.exec(
        select(SampleRow).where(SampleRow.rollout_id == rollout_id).order_by(col(SampleRow.id).desc()).limit(1)
    ).first()
    seen = (sample.spare // _MIB, sample.capacity // _MIB, sample.in_service)
    if last is not None and not sample.moved and (last.spare_mib, last.capacity_mib, last.in_service) == seen:
        return False
    spare, capacity, in_service = seen
    tx.add(
        SampleRow(
            rollout_id=rollout_id,
            at=at,
            moved=sample.moved,
            spare_mib=spare,
            capacity_mib=capacity,
            in_service=in_service,
        )
    )
    tx.flush()
    return True


def of(tx: Session, row: RolloutRow) -> Timeline:
    """Everything that was written down of a rollout, in order of time."""
    turns = tx.exec(select(TurnRow).where(TurnRow.rollout_id == row.id).order_by(col(TurnRow.position))).all()
    phases = tx.exec(select(PhaseRow).where(PhaseRow.rollout_id == row.id).order_by(col(PhaseRow.id))).all()
    samples = tx.exec(select(SampleRow).where(SampleRow.rollout_id == row.id).order_by(col(SampleRow.id))).all()
    return Timeline(
        hosts=tuple((turn.host, turn.name) for turn in turns),
        coordinator=row.coordinator,
        spans=_spans(phases, row.finished_at),
        standstills=_standstills(tx, row),
        samples=tuple(
            Sample(sample.at, sample.moved, sample.spare_mib * _MIB, sample.capacity_mib * _MIB, sample.in_service)
            for sample in samples
        ),
        began=row.started_at,
        ended=row.finished_at,
    )


def _spans(phases: Sequence[PhaseRow], finished_at: datetime | None) -> tuple[Span, ...]:
    found: list[Span] = []
    latest: dict[str, int] = {}
    for phase in phases:
        if phase.host in latest:
            index = latest[phase.host]
            earlier = found[index]
            found[index] = Span(earlier.host, earlier.phase, earlier.began, phase.began_at)
        latest[phase.host] = len(found)
        found.append(Span(phase.host, phase.phase, phase.began_at, finished_at))
    return tuple(found)


def _standstills(tx: Session, row: RolloutRow) -> tuple[Standstill, ...]:
    query = select(AuditRow).where(AuditRow.rollout_id == row.id, col(AuditRow.action).like("rollout.%"))
    found: list[Standstill] = []
    waiting: Standstill | None = None
    for event in tx.exec(query.order_by(col(AuditRow.seq))).all():
        if "to" not in event.details:
            continue  # not a transition
        if waiting is not None:
            found.append(Standstill(waiting.state, waiting.began, event.at))
            waiting = None
        if event.action in _STANDING_STILL:
            waiting = Standstill(_STANDING_STILL[event.action], event.at)
    return (*found, waiting) if waiting is not None else tuple(found)
