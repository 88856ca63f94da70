"""The states of a rollout: the table is the design's, ends are ends, and nothing is stranded."""

from __future__ import annotations

from itertools import product

import pytest

from bot.rollout.errors import IllegalTransition
from bot.rollout.lifecycle import DRIVEN, OPEN, TERMINAL, TRANSITIONS, State, check_transition

TABLE = {
    None: "awaiting_approval approved",
    "awaiting_approval": "approved rejected expired superseded cancelled",
    "approved": "running expired superseded cancelled awaiting_approval",
    "running": "paused needs_attention aborting succeeded failed",
    "paused": "running needs_attention aborting",
    "needs_attention": "running paused aborting",
    "aborting": "aborted needs_attention failed",
}
ENDS = {"succeeded", "aborted", "failed", "rejected", "expired", "superseded", "cancelled"}


def reachable(start: State | None) -> set[State]:
    seen: set[State] = set()
    ahead: list[State | None] = [start]
    while ahead:
        for state in TRANSITIONS[ahead.pop()]:
            if state not in seen:
                seen.add(state)
                ahead.append(state)
    return seen


@pytest.mark.parametrize(("present", "wanted"), list(product([None, *State], State)))
def test_exactly_the_listed_steps_are_allowed(present: State | None, wanted: State) -> None:
    if wanted.value in TABLE.get(present.value if present else None, "").split():
        check_transition(present, wanted)
        return
    with pytest.raises(IllegalTransition) as refused:
        check_transition(present, wanted)
    assert wanted.value.replace("_", " ") in refused.value.sentence
    assert refused.value.hint


def test_what_is_over_is_over() -> None:
    assert {state.value for state in TERMINAL} == ENDS
    assert all(not TRANSITIONS[state] for state in TERMINAL)
    assert frozenset(State) == OPEN | TERMINAL


def test_every_state_can_be_reached() -> None:
    assert reachable(None) == set(State)


@pytest.mark.parametrize("state", sorted(OPEN))
def test_from_every_open_state_there_is_a_way_to_an_end(state: State) -> None:
    assert reachable(state) & TERMINAL


def test_nothing_runs_that_was_not_approved() -> None:
    into_running = {state for state, wanted in TRANSITIONS.items() if State.RUNNING in wanted}
    assert into_running == {State.APPROVED, State.PAUSED, State.NEEDS_ATTENTION}
    before_approval = {None, State.AWAITING_APPROVAL}
    assert all(State.RUNNING not in TRANSITIONS[state] for state in before_approval)


def test_a_rollout_that_ran_can_always_be_aborted() -> None:
    for state in (State.RUNNING, State.PAUSED, State.NEEDS_ATTENTION):
        assert State.ABORTING in TRANSITIONS[state]
    assert State.ABORTED in TRANSITIONS[State.ABORTING]


def test_the_worker_drives_open_states_only() -> None:
    assert DRIVEN < OPEN
