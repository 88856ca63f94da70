"""Which hosts would not be done before the window closes, seen from what is in hand already."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from bot.rollout.decision import Estimates
from bot.rollout.memory import IntentState, TurnPhase
from bot.rollout.model import AvailableUpdates, PoolSnapshot
from bot.rollout.pausing import in_hand
from bot.rollout.planner.pipeline import drain_seconds
from bot.rollout.planner.policy import Policy
from bot.rollout.planner.view import Node, Stage, View
from bot.rollout.pursuit import Round
from bot.rollout.reason import Reason
from bot.rollout.spec import Spec
from bot.rollout.turn import Turn
from bot.rollout.whatif import policy_for, present_view, view_of
from bot.rollout.window import may_begin, why_not

#: Looking, asking and answering around each of a turn's steps, and the gate at its end.
_AROUND = 60.0
#: The stop and the start of a VM that cannot move.
_STOP_AND_START = 60.0


def seconds_in_turn(view: View, node: Node, policy: Policy) -> float:
    """How long the host's turn takes if it begins now, among the others: with the installations that are before it, as
    XAPI installs on one host of a pool at a time, with its VMs' way home, and with room around it. A window is not
    to be overrun; `bot.rollout.expected` says what is likely for one host by itself."""
    moves = drain_seconds(node, policy) if node.drains else 0.0
    stays = _STOP_AND_START if any(guest.stays for guest in node.guests) and node.drains else 0.0
    before = sum(other.apply for other in view.nodes if other.stage in (Stage.DRAIN, Stage.OUT) and other is not node)
    installing = sum(other.due for other in view.nodes if other.stage is Stage.APPLY)
    return max(moves, before + installing) + stays + node.apply + node.tail + moves + _AROUND


def late_hosts(round_: Round) -> frozenset[str]:
    """The hosts (uuids) that are not begun and would not be done in time."""
    hours = round_.memory.hours
    if not hours.bounded:
        return frozenset()
    view, policy = present_view(round_), policy_for(round_.spec)
    return frozenset(
        node.uuid
        for node in view.nodes
        if node.stage is Stage.OLD and not may_begin(round_.now, seconds_in_turn(view, node, policy), hours)
    )


def out_of_time(round_: Round, turns: Sequence[Turn], hand: Sequence[Turn]) -> Reason | None:
    """Why the rollout pauses now: every host that is left is late, and nothing is in hand any more."""
    left = [turn for turn in turns if turn.update_left]
    if not left or not all(turn.host.uuid in round_.late for turn in left):
        return None
    # Whoever waits for something, as for members that find their coordinator again, wants to look again.
    if round_.steps or round_.problems or round_.wake_at is not None:
        return None
    begun = [turn for turn in turns if not (turn.update_left and _kept_back(round_, turn))]
    if in_hand(round_, begun) or any(turn.phase is TurnPhase.CHECKING for turn in hand):
        return None
    return why_not(round_.now, round_.memory.hours, len(turns) - len(left), len(turns))


def _kept_back(round_: Round, turn: Turn) -> bool:
    """Whether the only thing asked for on the host was that its VMs leave, and that was taken back."""
    memory, uuid = round_.memory, turn.host.uuid
    drained, kept = memory.intent(f"DrainHost:{uuid}"), memory.intent(f"KeepHost:{uuid}")
    if drained is None or kept is None or kept.started_at < drained.started_at:
        return False
    touched = (memory.intent(f"{kind}:{uuid}") for kind in ("DisableHost", "ApplyUpdates", "RebootHost"))
    return not any(intent is not None and intent.state is not IntentState.FAILED for intent in touched)


def first_turn(spec: Spec, snapshot: PoolSnapshot, updates: AvailableUpdates, estimates: Estimates) -> timedelta:
    """How long the turn takes that a rollout begins with: the coordinator's, or the shortest of the members'."""
    view, policy = view_of(spec, snapshot, updates, estimates), policy_for(spec)
    behind = [node for node in view.nodes if node.behind and spec.host(node.uuid) is not None]
    first = [node for node in behind if node.coordinator] or behind
    seconds = min((seconds_in_turn(view, node, policy) for node in first), default=0.0)
    return timedelta(seconds=seconds)
