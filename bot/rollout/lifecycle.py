"""The states of a rollout and the only table of allowed transitions.

A transition is carried out by `storage` as a compare-and-set that writes the audit event and the messages it causes
in the same transaction. Nothing else changes a state.
"""

from __future__ import annotations

from enum import StrEnum

from bot.rollout.errors import IllegalTransition


class State(StrEnum):
    """Where a rollout is between request and outcome."""

    AWAITING_APPROVAL = "awaiting_approval"
    """Requested; people are asked."""
    APPROVED = "approved"
    """The quorum agreed to exactly this spec; the worker takes it up when it is due."""
    RUNNING = "running"
    """The worker carries it out."""
    PAUSED = "paused"
    """A person stopped it at a safe point."""
    NEEDS_ATTENTION = "needs_attention"
    """It cannot go on without a person's word."""
    ABORTING = "aborting"
    """A person ended it; what is in hand is finished and everything owed is given back."""
    SUCCEEDED = "succeeded"
    ABORTED = "aborted"
    FAILED = "failed"
    """Ended without effect: nothing was changed, or a person gave up on what is left."""
    REJECTED = "rejected"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"


S = State

TRANSITIONS: dict[State | None, frozenset[State]] = {
    None: frozenset({S.AWAITING_APPROVAL, S.APPROVED}),
    S.AWAITING_APPROVAL: frozenset({S.APPROVED, S.REJECTED, S.EXPIRED, S.SUPERSEDED, S.CANCELLED}),
    S.APPROVED: frozenset({S.RUNNING, S.EXPIRED, S.SUPERSEDED, S.CANCELLED, S.AWAITING_APPROVAL}),
    S.RUNNING: frozenset({S.PAUSED, S.NEEDS_ATTENTION, S.ABORTING, S.SUCCEEDED, S.FAILED}),
    S.PAUSED: frozenset({S.RUNNING, S.NEEDS_ATTENTION, S.ABORTING}),
    S.NEEDS_ATTENTION: frozenset({S.RUNNING, S.PAUSED, S.ABORTING}),
    S.ABORTING: frozenset({S.ABORTED, S.NEEDS_ATTENTION, S.FAILED}),
    S.SUCCEEDED: frozenset(),
    S.ABORTED: frozenset(),
    S.FAILED: frozenset(),
    S.REJECTED: frozenset(),
    S.EXPIRED: frozenset(),
    S.SUPERSEDED: frozenset(),
    S.CANCELLED: frozenset(),
}

#: States that nothing leaves.
TERMINAL = frozenset(state for state in State if not TRANSITIONS[state])
#: States in which the rollout holds its pool: no other rollout may be proposed or run there.
OPEN = frozenset(State) - TERMINAL
#: States that the worker drives.
DRIVEN = frozenset({S.APPROVED, S.RUNNING, S.ABORTING})
#: States in which people are waited for, and reminded.
WAITING = frozenset({S.PAUSED, S.NEEDS_ATTENTION})


def check_transition(present: State | None, wanted: State) -> None:
    """Refuse a step that the table does not have.

    Raises `IllegalTransition` with a sentence for the person whose click came too late.
    """
    if wanted in TRANSITIONS[present]:
        return
    where = "does not exist yet" if present is None else f"is {present.value.replace('_', ' ')}"
    raise IllegalTransition(
        f"The rollout {where}, so it cannot become {wanted.value.replace('_', ' ')}.",
        "Look at /xs status for where it stands.",
    )
