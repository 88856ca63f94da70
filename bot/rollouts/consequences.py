"""What ending a rollout now would mean, said before anybody presses the button."""

from __future__ import annotations

from bot.rollout.lifecycle import State
from bot.rollout.memory import DebtKind, TurnPhase
from bot.rollout.reason import Reason, because
from bot.rollouts.standing import Standing

#: What people call the things that XAPI does not switch on again while versions differ.
_NAMES = {DebtKind.HA: "High availability", DebtKind.VM_HOME: "The way home of moved VMs"}
_UNTOUCHED = (TurnPhase.WAITING, TurnPhase.SKIPPED)


def abort_consequences(standing: Standing) -> tuple[Reason, ...]:
    """The consequences of an abort, most important first."""
    if standing.row.state in (State.AWAITING_APPROVAL, State.APPROVED):
        return (because("abort.nothing"),)
    done = [turn for turn in standing.turns if turn.phase is TurnPhase.DONE]
    in_hand = [turn for turn in standing.turns if turn.phase not in (*_UNTOUCHED, TurnPhase.DONE)]
    left = len(standing.turns) - len(done) - len(in_hand)
    if not done and not in_hand:
        return (because("abort.nothing"),)
    found = [because("abort.host_in_hand", host=turn.name) for turn in in_hand]
    updated = len(done) + sum(_was_applied(turn.phase) for turn in in_hand)
    mixed = updated > 0 and (left > 0 or len(in_hand) > sum(_was_applied(turn.phase) for turn in in_hand))
    if mixed:
        found.append(because("abort.mixed", done=updated, left=len(standing.turns) - updated))
        owed = {debt.kind for debt in standing.debts}
        found.extend(because("abort.stays_off", what=name) for kind, name in _NAMES.items() if kind in owed)
    return tuple(found)


def _was_applied(phase: TurnPhase) -> bool:
    """Whether a host in that phase ends up updated when the rollout is ended."""
    before = (*_UNTOUCHED, TurnPhase.DISABLING, TurnPhase.EVACUATING)
    return phase not in before
