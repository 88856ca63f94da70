"""When each host entered which phase, what the looks saw, and when people were waited for."""

from __future__ import annotations

from datetime import timedelta

from bot.rollout.lifecycle import State
from bot.rollout.memory import TurnPhase, TurnProgress
from bot.rollout.timeline import Sample, Span, Standstill
from storage import rollouts, timeline, turns
from storage.database import Database
from tests.storage.scene import NOW, asked, move

GIB = 1024**3
SOON, LATER, END = (NOW + timedelta(minutes=minutes) for minutes in (1, 5, 9))


def test_a_phase_lasts_until_the_next_one(database: Database) -> None:
    rollout_id = asked(database, State.APPROVED, State.RUNNING)
    with database.transaction() as tx:
        for left, at in ((7, NOW), (3, SOON)):
            turns.record(tx, rollout_id, TurnProgress("h1", "xs-01", TurnPhase.EVACUATING, left, 7), at)
        turns.record(tx, rollout_id, TurnProgress("h2", "xs-02", TurnPhase.WAITING), SOON)
        turns.record(tx, rollout_id, TurnProgress("h1", "xs-01", TurnPhase.APPLYING), LATER)
        known = timeline.of(tx, rollouts.get(tx, rollout_id))
        assert known.hosts == (("h1", "xs-01"), ("h2", "xs-02"))
        assert known.spans == (
            Span("h1", TurnPhase.EVACUATING, NOW, LATER),
            Span("h2", TurnPhase.WAITING, SOON, None),
            Span("h1", TurnPhase.APPLYING, LATER, None),
        )
    with database.transaction() as tx:
        move(tx, rollout_id, State.SUCCEEDED, at=END)
        ended = timeline.of(tx, rollouts.get(tx, rollout_id))
        assert [span.ended for span in ended.spans] == [LATER, END, END]
        assert (ended.began, ended.ended) == (NOW, END)


def test_a_look_that_saw_nothing_new_leaves_no_trace(database: Database) -> None:
    rollout_id = asked(database, State.APPROVED, State.RUNNING)
    first, moved = Sample(NOW, 0, 80 * GIB, 128 * GIB, 2), Sample(NOW, 2, 80 * GIB, 128 * GIB, 2)
    with database.transaction() as tx:
        assert timeline.add_sample(tx, rollout_id, first, NOW)
        assert not timeline.add_sample(tx, rollout_id, first, SOON)
        assert timeline.add_sample(tx, rollout_id, moved, LATER)
        known = timeline.of(tx, rollouts.get(tx, rollout_id))
        assert [(sample.at, sample.moved) for sample in known.samples] == [(NOW, 0), (LATER, 2)]
        assert known.samples[0].spare == 80 * GIB
        assert known.moves == 2


def test_times_in_which_people_were_waited_for(database: Database) -> None:
    rollout_id = asked(database, State.APPROVED, State.RUNNING)
    with database.transaction() as tx:
        move(tx, rollout_id, State.PAUSED, at=SOON)
        move(tx, rollout_id, State.RUNNING, at=LATER)
        move(tx, rollout_id, State.NEEDS_ATTENTION, at=END)
        known = timeline.of(tx, rollouts.get(tx, rollout_id))
        assert known.standstills == (
            Standstill(State.PAUSED, SOON, LATER),
            Standstill(State.NEEDS_ATTENTION, END, None),
        )
