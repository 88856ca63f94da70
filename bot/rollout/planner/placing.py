"""Where a VM fits: fill levels, the spare that must remain, and making room for a large one."""

from __future__ import annotations

from bot.rollout.planner.policy import Policy
from bot.rollout.planner.view import RESERVE_BYTES, RESERVE_SHARE, Guest, Node, Stage, View

#: Updated hosts are filled to the pool's mean level plus this, so that they stay usable, at most to `_FULL`.
_ABOVE_MEAN, _FULL = 0.10, 0.85


class Placing:
    """The memory side of one decision."""

    def __init__(self, view: View, policy: Policy) -> None:
        self.view = view
        self.policy = policy
        self.serving = [node for node in view.nodes if node.stage in (Stage.OLD, Stage.DRAIN, Stage.UP)]
        total = sum(node.capacity for node in view.nodes if node.stage is not Stage.LOST)
        used = sum(node.used for node in view.nodes)
        mean = used / total if total else 1.0
        self.fill = max(min(mean + _ABOVE_MEAN, _FULL), mean + 0.04)

    def room(self, node: Node, share: float | None) -> float:
        """Bytes that may still be placed on the host when it is filled to `share`; None: to the last byte."""
        if share is None:
            return node.capacity - node.used
        reserve = max(node.capacity * RESERVE_SHARE, min(RESERVE_BYTES, node.capacity * 0.05))
        return min(node.capacity * share, node.capacity - reserve) - node.used

    def target(self, guest: Guest, share: float | None, *, settled: bool, avoid: str = "") -> Node | None:
        """The best host for the guest: home, else away from its group, else the emptiest; None when none takes it."""
        source = self.view.by_uuid[guest.host]
        best: Node | None = None
        best_key: tuple[bool, int, bool, bool, float] | None = None
        for node in self.serving:
            if node is source or not node.accepts or node.settled is not settled or node.uuid == avoid:
                continue
            if node.rank < source.rank or node.uuid in guest.refused:
                continue
            if node.behind and not source.behind:
                continue
            if self.room(node, share) < guest.memory:
                continue
            key = (
                node.uuid != guest.home,
                sum(other.group == guest.group for other in node.guests) if guest.group else 0,
                node.receiving >= self.policy.streams,
                node.away,
                node.level,
            )
            if best_key is None or key < best_key:
                best, best_key = node, key
        return best

    def spare_without(self, leaving: Node | None) -> bool:
        """Whether the hosts in service could still take in the fullest of them after `leaving` went out."""
        rest = [node for node in self.serving if node is not leaving]
        if not rest:
            return False
        fullest = max(rest, key=lambda node: node.used)
        free = sum(node.capacity - node.used for node in rest if node is not fullest)
        if leaving is not None:
            free -= sum(guest.memory for guest in leaving.waiting())
        return free >= self.policy.headroom * fullest.used

    def make_room(self, guest: Guest) -> list[tuple[Guest, Node]]:
        """Moves of smaller guests after which `guest` fits somewhere; the host that needs the fewest, [] for none."""
        source = self.view.by_uuid[guest.host]
        best: list[tuple[Guest, Node]] = []
        for node in self.serving:
            if node is source or not node.accepts or node.rank < source.rank or node.uuid in guest.refused:
                continue
            if node.behind and not source.behind:
                continue
            moves = self._clear(node, guest)
            if moves and (not best or len(moves) < len(best)):
                best = moves
        return best

    def _clear(self, node: Node, guest: Guest) -> list[tuple[Guest, Node]]:
        free = {other.uuid: other.capacity - other.used for other in self.serving}
        short = guest.memory - free[node.uuid]
        movable = [g for g in node.guests if g.to is None and not g.stays and g.not_before <= 0 and g.moved < 4]
        # One guest that closes the gap is better than many: the smallest such, else the largest first.
        enough = sorted((g for g in movable if g.memory >= short), key=lambda g: g.memory)
        order = [*enough[:3], *sorted((g for g in movable if g.memory < short), key=lambda g: -g.memory)]
        for first in range(min(len(order), 4)):
            moves: list[tuple[Guest, Node]] = []
            left, room = short, dict(free)
            for mover in order[first:]:
                if left <= 0:
                    break
                takers = [
                    other
                    for other in self.serving
                    if other is not node
                    and other.uuid != guest.host
                    and other.accepts
                    and other.rank >= node.rank
                    and (node.behind or not other.behind)
                    and other.uuid not in mover.refused
                    and room[other.uuid] >= mover.memory
                ]
                if not takers:
                    continue
                # The tightest fit keeps larger holes whole.
                taker = min(takers, key=lambda other: (not other.settled, room[other.uuid]))
                room[taker.uuid] -= mover.memory
                left -= mover.memory
                moves.append((mover, taker))
            if left <= 0 and moves:
                return moves
        return []
