"""A rollout on paper: the planner at work on a pool where everything takes as long as it is expected to.

Nothing is decided here: each step is the planner's own, and the rules of XAPI that it must keep are checked at each
(`BrokenRule`). Forecasts and the property tests use the same simulation; the tests give it other durations than the
planner believes in, and failures.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.rollout.planner.pipeline import out_now
from bot.rollout.planner.plan import Move, Plan
from bot.rollout.planner.planner import plan
from bot.rollout.planner.policy import Policy
from bot.rollout.planner.view import TAKEN_OUT, Guest, Node, Stage, View

#: Steps after which a simulation that does not end counts as stuck.
_STEPS = 20_000


class BrokenRule(AssertionError):
    """The planner asked for something that XAPI or people forbid."""


@dataclass(frozen=True, slots=True)
class Reality:
    """What really happens: seconds of an installation, a restart and a move, whether a host comes back, and whether
    a move arrives. `notice` is how long it takes until the end of something is seen."""

    apply: Callable[[Node], float]
    restart: Callable[[Node], float]
    move: Callable[[Guest], float]
    returns: Callable[[Node], bool] = lambda node: True
    arrives: Callable[[Guest, str], bool] = lambda guest, to: True
    notice: float = 2.0


@dataclass(slots=True)
class TurnTimes:
    """When one host's turn began, when it went out of service and when it was back, in seconds; -1: never."""

    begun: float = -1.0
    out: float = -1.0
    back: float = -1.0
    leaving: int = 0
    """How many VMs left the host for its turn."""


@dataclass(slots=True)
class Course:
    """What became of it. `lowest_spare` is the smallest share of all memory in service that was free, `most_out` the
    most hosts out at once, `stuck` the host and the VM at which it ended, None when it went through."""

    seconds: float = 0.0
    settled: float = 0.0
    """When the last VM has arrived as well."""
    moves: int = 0
    displaced: int = 0
    lowest_spare: float = 1.0
    most_out: int = 0
    lost: int = 0
    decisions: int = 0
    host_seconds: float = 0.0
    stuck: tuple[str, str] | None = None
    finished: bool = False
    turns: dict[str, TurnTimes] = field(default_factory=dict)
    stopped: dict[str, float] = field(default_factory=dict)
    """Seconds that each VM that cannot move is down for."""


class Simulation:
    """One rollout; `run` carries it through."""

    def __init__(self, view: View, policy: Policy, reality: Reality) -> None:
        self.view, self.policy, self.reality = view, policy, reality
        self.now = 0.0
        self.events: list[tuple[float, int, Callable[[], None]]] = []
        self.number = 0
        self.course = Course(turns={node.uuid: TurnTimes() for node in view.nodes})
        self.ends: dict[str, float] = {}
        self.waits: dict[str, float] = {}
        self.guests = {guest.uuid: guest for node in view.nodes for guest in node.guests}
        #: Hosts that others took out before: what is left without them is not the plan's doing.
        self.given = {node.uuid for node in view.nodes if node.stage is Stage.OUT}
        self._take_up()

    def run(self) -> Course:
        """Until all is done, or nothing moves any more."""
        while self.course.decisions < _STEPS:
            self._decide()
            if not self.events:
                break
            at, _, happen = heapq.heappop(self.events)
            self._pass(at)
            happen()
            # What ends at nearly the same time is seen in the same look.
            while self.events and self.events[0][0] <= self.now + 0.5:
                heapq.heappop(self.events)[2]()
        self.course.finished = all(node.stage in (Stage.UP, Stage.LOST) for node in self.view.nodes)
        return self.course

    def _take_up(self) -> None:
        """What is under way in the view already ends when it is due."""
        for node in self.view.nodes:
            if node.stage is Stage.APPLY:
                self._at(node.due, self._installed(node))
            elif node.stage in (Stage.RESTART, Stage.RETURN):
                self._at(node.due, self._returned(node))
            if 0 < node.not_before < math.inf:
                self._at(node.not_before, lambda: None)
            for guest in node.guests:
                if guest.to is not None:
                    self._at(guest.seconds / 2, self._landing(guest))
                elif 0 < guest.not_before < math.inf:
                    self.waits[guest.uuid] = guest.not_before
                    self._at(guest.not_before, lambda: None)

    # -- time ----------------------------------------------------------------------------------------------------

    def _at(self, seconds: float, happen: Callable[[], None]) -> None:
        self.number += 1
        heapq.heappush(self.events, (self.now + seconds, self.number, happen))

    def _pass(self, moment: float) -> None:
        elapsed = moment - self.now
        if elapsed <= 0:
            return
        out = out_now(self.view.nodes)
        self.course.host_seconds += out * elapsed
        self.now = moment
        for node in self.view.nodes:
            if node.due:
                node.due = max(0.0, node.due - elapsed)
            if node.not_before:
                node.not_before = left if (left := node.not_before - elapsed) > 0.001 else 0.0
        for uuid in list(self.waits):
            left = self.waits[uuid] - elapsed
            self.guests[uuid].not_before = left if left > 0.001 else 0.0
            if left <= 0.001:
                del self.waits[uuid]
            else:
                self.waits[uuid] = left

    # -- deciding ------------------------------------------------------------------------------------------------

    def _decide(self) -> None:
        # Each answer may make the next one possible without any time passing.
        for _ in range(12):
            self.course.decisions += 1
            decided = plan(self.view, self.policy)
            self._carry_out(decided)
            if not (decided.drain or decided.keep or decided.out or decided.apply or decided.restart):
                break
        if decided.look is not None and not decided.anything:
            self._at(decided.look, lambda: None)
        if decided.stuck is not None and not self.events:
            self.course.stuck = decided.stuck
        serving = [node for node in self.view.nodes if node.stage not in (*TAKEN_OUT, Stage.LOST)]
        total = sum(node.capacity for node in serving)
        if total:
            free = sum(node.capacity - node.used for node in serving) / total
            self.course.lowest_spare = min(self.course.lowest_spare, free)
        self.course.most_out = max(self.course.most_out, out_now(self.view.nodes))

    def _carry_out(self, decided: Plan) -> None:
        for uuid in decided.keep:
            self.view.by_uuid[uuid].stage = Stage.OLD
        for uuid in decided.drain:
            turn = self.course.turns[uuid]
            turn.begun = self.now if turn.begun < 0 else turn.begun
        for uuid in decided.out:
            self._check_spare(self.view.by_uuid[uuid])
            turn = self.course.turns[uuid]
            turn.out = self.now
            turn.begun = self.now if turn.begun < 0 else turn.begun
        for move in decided.moves:
            self._move(move)
        if decided.apply:
            self._apply(self.view.by_uuid[decided.apply])
        for uuid in decided.restart:
            self._restart(self.view.by_uuid[uuid])

    def _check_spare(self, leaving: Node) -> None:
        """While another host is out, the rest must be able to take in the fullest of them."""
        out = (node for node in self.view.nodes if node.stage in TAKEN_OUT and node.uuid not in self.given)
        others = [node for node in out if node.drains and node is not leaving]
        if not others or not leaving.drains or self.policy.headroom <= 0:
            return
        rest = [node for node in self.view.nodes if node.stage in (Stage.OLD, Stage.DRAIN, Stage.UP)]
        used = {node.uuid: node.used for node in rest}
        for guest in (guest for node in rest for guest in node.guests if guest.to in used):
            used[guest.to or ""] -= guest.memory  # held twice while it moves between them
        fullest = max(rest, key=lambda node: used[node.uuid])
        free = sum(node.capacity - used[node.uuid] for node in rest if node is not fullest)
        if free < self.policy.headroom * used[fullest.uuid]:
            raise BrokenRule(f"no spare is left when {leaving.name} goes out")

    def _move(self, move: Move) -> None:
        guest, source, target = self.guests[move.vm], self.view.by_uuid[move.source], self.view.by_uuid[move.to]
        if target.stage not in (Stage.OLD, Stage.UP):
            raise BrokenRule(f"moved to {target.name}, which is {target.stage}")
        if target.behind and not source.behind:
            raise BrokenRule(f"moved from the updated {source.name} to {target.name}")
        if target.used > target.capacity:
            raise BrokenRule(f"{target.name} is overfull")
        if source.sending > self.policy.streams or target.receiving > self.policy.streams:
            raise BrokenRule("too many streams")
        self.course.moves += 1
        if source.stage in (Stage.DRAIN, Stage.OUT, Stage.APPLIED):
            self.course.turns[source.uuid].leaving += 1
        self._at(self.reality.move(guest) + self.reality.notice, self._landing(guest))

    def _landing(self, guest: Guest) -> Callable[[], None]:
        def land() -> None:
            arrived = self.reality.arrives(guest, guest.to or "")
            if not arrived:
                guest.refused |= {guest.to or ""}
                guest.not_before = self.waits[guest.uuid] = 30.0
                self._at(30.0, lambda: None)
            self.view.finish(guest, arrived=arrived)
            self.course.settled = self.now

        return land

    def _apply(self, node: Node) -> None:
        if any(other.stage is Stage.APPLY for other in self.view.nodes):
            raise BrokenRule("two installations at once")
        if node.drains and any(not guest.stays for guest in node.guests):
            raise BrokenRule(f"{node.name} is not empty")
        if node.stage is not Stage.OUT:
            raise BrokenRule(f"{node.name} is in service")
        coordinator = self.view.coordinator
        if coordinator is not None and coordinator is not node and coordinator.stage is not Stage.UP:
            raise BrokenRule("a member before its coordinator")
        node.stage, node.due = Stage.APPLY, node.apply
        self._at(self.reality.apply(node) + self.reality.notice, self._installed(node))

    def _installed(self, node: Node) -> Callable[[], None]:
        def end() -> None:
            node.stage, node.due = Stage.APPLIED, 0.0
            if not node.tail:
                self._back(node)

        return end

    def _restart(self, node: Node) -> None:
        if node.coordinator and self.view.flights:
            raise BrokenRule("moves in flight when the coordinator goes")
        if node.coordinator and any(other.stage is Stage.APPLY for other in self.view.nodes):
            raise BrokenRule("an installation when the coordinator goes")
        if node.drains and any(not guest.stays for guest in node.guests):
            raise BrokenRule(f"{node.name} restarts with VMs on it")
        if node.sending or node.receiving:
            raise BrokenRule(f"moves in flight when {node.name} restarts")
        node.stage, node.due = Stage.RESTART, node.tail
        patience = 0.0 if self.reality.returns(node) else 2 * node.tail
        self._at(self.reality.restart(node) + patience + self.reality.notice, self._returned(node))

    def _returned(self, node: Node) -> Callable[[], None]:
        def end() -> None:
            if self.reality.returns(node):
                self._back(node)
            else:
                node.stage, self.view.troubled = Stage.LOST, True
                self.course.lost += 1

        return end

    def _back(self, node: Node) -> None:
        node.stage, node.updated, node.behind = Stage.UP, True, False
        node.due, node.rank = 0.0, node.rank + 1
        turn = self.course.turns[node.uuid]
        turn.back = self.now
        self.course.seconds = self.course.settled = self.now
        for guest in node.guests:
            if guest.stays:
                self.course.stopped[guest.uuid] = self.now - max(turn.out, 0.0)
