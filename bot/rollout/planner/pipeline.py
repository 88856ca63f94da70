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


def depth(view: View, policy: Policy, *, drains: bool) -> int:
    """How many hosts of a kind, those that must be empty or the others, pay off out of service at once, or may be."""
    working = [node for node in view.nodes if node.drains is drains and node.stage not in (Stage.UP, Stage.LOST)]
    apply = max((node.apply for node in working), default=0.0)
    tail = max((node.tail for node in working), default=0.0)
    useful = 1 + math.ceil(tail / apply) if apply else len(view.nodes)
    # Nobody loses capacity while a toolstack restarts.
    share = len(view.nodes) // 3
    if not drains:
        share = max(2, share)
    limit = max(1, min(useful, share))
    return min(limit, policy.max_out) if policy.max_out else limit


@dataclass
class Pipeline:
    """The forecast behind one decision. `starts` says when each queued host may begin its installation.

    Hosts that must be empty and hosts that keep their VMs are counted apart: the first to come back of each kind are
    the canaries of their kind, and a toolstack that restarts takes no capacity away.
    """

    view: View
    policy: Policy
    lock: float = 0.0
    spans: dict[bool, list[tuple[float, float]]] = field(default_factory=lambda: {True: [], False: []})
    starts: dict[str, float] = field(default_factory=dict)
    ends: dict[str, float] = field(default_factory=dict)
    """When each host that is out, or will be, comes back."""

    def __post_init__(self) -> None:
        nodes, policy = self.view.nodes, self.policy
        self.limit = {drains: depth(self.view, policy, drains=drains) for drains in (True, False)}
        came_back = [node for node in nodes if node.updated and node.stage is Stage.UP]
        self.back = {drains: sum(n.drains is drains or n.coordinator for n in came_back) for drains in (True, False)}
        for node in nodes:
            if node.stage in (Stage.APPLIED, Stage.RESTART, Stage.RETURN):
                tail = node.tail if node.stage is Stage.APPLIED else node.due
                self._span(node, 0.0, max(tail, 5.0))
            elif node.stage is Stage.APPLY:
                self.lock = max(self.lock, max(node.due, 0.0) + _HANDOVER)
                self._span(node, 0.0, max(node.due, 0.0) + node.tail)
        queue = [node for node in nodes if node.stage in (Stage.DRAIN, Stage.OUT)]
        queue.sort(key=lambda node: (node.stage is Stage.DRAIN, drain_seconds(node, policy)))
        for node in queue:
            self.enqueue(node)

    def enqueue(self, node: Node) -> float:
        """Put the host at the end of the queue; when it may begin its installation."""
        moment = max(self.lock, drain_seconds(node, self.policy) if node.drains else 0.0)
        begin = moment if node.stage is Stage.OUT else self.earliest(node, moment)
        self.starts[node.uuid] = begin
        if begin < _NEVER:
            self.lock = begin + node.apply + _HANDOVER
            self._span(node, begin, begin + node.apply + node.tail)
        return begin

    def earliest(self, node: Node, moment: float) -> float:
        """The earliest time from `moment` on at which the host may be out besides those that are."""
        ends = (end for _, end in self.spans[node.drains] if end > moment)
        for at in [moment, *sorted(ends)]:
            if self.out_at(at, drains=node.drains) + 1 <= self.allowed_at(at, drains=node.drains):
                return at
        return _NEVER

    def out_at(self, moment: float, *, drains: bool) -> int:
        """How many hosts of the kind are out at that time."""
        return sum(begin <= moment < end for begin, end in self.spans[drains])

    def allowed_at(self, moment: float, *, drains: bool) -> int:
        """How many of the kind may be: one until the canaries are back, then one more for each that is back."""
        back = self.back[drains] + sum(end <= moment for _, end in self.spans[drains])
        if self.policy.canary and back < 1 + self.policy.canary:
            return 1
        limit = self.limit[drains]
        return max(1, min(limit, 1 + back)) if self.policy.slow_start else limit

    def next_return(self) -> float:
        """When the next host that had to be emptied comes back."""
        return min((end for _, end in self.spans[True]), default=_NEVER)

    def _span(self, node: Node, begin: float, end: float) -> None:
        self.spans[node.drains].append((begin, end))
        self.ends[node.uuid] = end


def out_now(nodes: Iterable[Node], *, drains: bool | None = None) -> int:
    """How many hosts (of a kind) are out of service because of us."""
    return sum(node.stage in TAKEN_OUT and drains in (None, node.drains) for node in nodes)
