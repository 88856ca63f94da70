"""The queue before the installation lock: who installs when, who is out when, and when another host may follow.

XAPI installs on one host of a pool at a time, while restarts overlap freely. So a host should be empty just when the
lock gets free, no sooner and no later.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from bot.rollout.planner.policy import Policy
from bot.rollout.planner.view import TAKEN_OUT, Node, Stage, View

#: Between the end of one installation and the beginning of the next: looking, asking, answering.
_HANDOVER = 6.0
_NEVER = math.inf


def drain_seconds(node: Node, policy: Policy) -> float:
    """How long the guests that are still to be moved need, over all streams."""
    waits = [guest.seconds for guest in node.guests if not guest.stays]
    return max([sum(waits) / policy.streams, *waits], default=0.0)


def depth(view: View, policy: Policy) -> int:
    """How many hosts out of service at once pay off, or are allowed."""
    working = [node for node in view.nodes if node.stage not in (Stage.UP, Stage.LOST)]
    apply = max((node.apply for node in working), default=0.0)
    tail = max((node.tail for node in working), default=0.0)
    useful = 1 + math.ceil(tail / apply) if apply else len(view.nodes)
    share = len(view.nodes) // 3
    if not any(node.drains for node in working):
        share = max(share, 2)  # nobody loses capacity while a toolstack restarts
    limit = max(1, min(useful, share))
    return min(limit, policy.max_out) if policy.max_out else limit


@dataclass
class Pipeline:
    """The forecast behind one decision. `starts` says when each queued host may begin its installation."""

    view: View
    policy: Policy
    lock: float = 0.0
    spans: list[tuple[float, float]] = field(default_factory=list)
    starts: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.limit = depth(self.view, self.policy)
        self.back = sum(node.updated and node.stage is Stage.UP for node in self.view.nodes)
        self.returns: list[float] = []
        for node in self.view.nodes:
            if node.stage in (Stage.APPLIED, Stage.RESTART, Stage.RETURN):
                tail = node.tail if node.stage is Stage.APPLIED else node.due
                self._span(0.0, max(tail, 5.0))
            elif node.stage is Stage.APPLY:
                self.lock = max(self.lock, max(node.due, 0.0) + _HANDOVER)
                self._span(0.0, max(node.due, 0.0) + node.tail)
        queue = [node for node in self.view.nodes if node.stage in (Stage.DRAIN, Stage.OUT)]
        queue.sort(key=lambda node: (node.stage is Stage.DRAIN, drain_seconds(node, self.policy)))
        for node in queue:
            self.enqueue(node)

    def enqueue(self, node: Node) -> float:
        """Put the host at the end of the queue; when it may begin its installation."""
        begin = self.earliest(max(self.lock, drain_seconds(node, self.policy)), node.stage is Stage.OUT)
        self.starts[node.uuid] = begin
        if begin < _NEVER:
            self.lock = begin + node.apply + _HANDOVER
            self._span(begin, begin + node.apply + node.tail)
        return begin

    def earliest(self, moment: float, out_already: bool = False) -> float:
        """The earliest time from `moment` on at which one more host may be out."""
        if out_already:
            return moment
        for at in [moment, *sorted(end for _, end in self.spans if end > moment)]:
            if self.out_at(at) + 1 <= self.allowed_at(at):
                return at
        return _NEVER

    def out_at(self, moment: float) -> int:
        """How many hosts are out at that time."""
        return sum(begin <= moment < end for begin, end in self.spans)

    def allowed_at(self, moment: float) -> int:
        """How many may be: one until the canaries are back, then one more for each host that is back."""
        back = self.back + sum(end <= moment for end in self.returns)
        if back < min(1 + self.policy.canary, len(self.view.nodes)) and self.policy.canary:
            return 1
        return max(1, min(self.limit, 1 + back)) if self.policy.slow_start else self.limit

    def next_return(self) -> float:
        """When the next host that must be emptied no more comes back."""
        return min(self.returns, default=_NEVER)

    def _span(self, begin: float, end: float) -> None:
        self.spans.append((begin, end))
        self.returns.append(end)


def out_now(nodes: Iterable[Node]) -> int:
    """How many hosts are out of service because of us."""
    return sum(node.stage in TAKEN_OUT for node in nodes)
