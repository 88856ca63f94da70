"""Pause points: places in a rollout where it waits for people, because they asked for that beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bot.rollout.action import PauseHere
from bot.rollout.memory import DebtKind, IntentState
from bot.rollout.model import Host
from bot.rollout.pursuit import Round
from bot.rollout.reason import because

COORDINATOR, CANARY = "coordinator", "canary"
POINTS = (COORDINATOR, CANARY)


class Pausable(Protocol):
    """What is asked of a host's turn."""

    host: Host

    @property
    def update_left(self) -> bool: ...
    @property
    def begun(self) -> bool: ...


def members_before_pause(round_: Round, turns: Sequence[Pausable]) -> int | None:
    """How many members may begin before the next pause point; None when none is ahead."""
    ahead = {point for point in round_.spec.pause_points if round_.memory.intent(f"PauseHere:{point}") is None}
    if COORDINATOR in ahead and any(turn.host.is_coordinator and (turn.update_left or turn.begun) for turn in turns):
        return 0
    return 1 if CANARY in ahead else None


def pause_here(round_: Round, turns: Sequence[Pausable]) -> bool:
    """Pause when a point is reached and nothing is in hand any more; True when the rollout pauses now."""
    if not any(turn.update_left for turn in turns):
        return False
    for point in POINTS:
        if point not in round_.spec.pause_points or round_.memory.intent(f"PauseHere:{point}") is not None:
            continue
        done = [turn for turn in turns if turn.begun and not turn.update_left]
        passed = [turn for turn in done if turn.host.is_coordinator is (point == COORDINATOR)]
        if passed and not in_hand(round_, turns):
            names = ", ".join(turn.host.name for turn in passed)
            round_.step(PauseHere(point=point), because(f"pause.{point}", hosts=names), milestone=True)
            return True
    return False


def in_hand(round_: Round, turns: Sequence[Pausable]) -> bool:
    """Whether anything is under way, or a host was begun and is not back in service."""
    if any(intent.state is IntentState.OPEN for intent in round_.memory.intents.values()):
        return True
    if any(turn.update_left and turn.begun for turn in turns):
        return True
    return any(round_.memory.debt(DebtKind.HOST_ENABLED, turn.host.uuid) is not None for turn in turns)
