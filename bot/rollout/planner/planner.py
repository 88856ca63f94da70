"""The decision itself: which hosts drain, go out, install and restart now, and which VMs move where.

The coordinator first and alone. Then the members as a chain: each drains into those that came back before it, so that
a VM moves once; the queue before the installation lock is kept full, but no fuller than needed.
"""

from __future__ import annotations

import math

from bot.rollout.planner.pipeline import Pipeline, depth, drain_seconds, out_now
from bot.rollout.planner.placing import Placing
from bot.rollout.planner.plan import Move, Plan, Why
from bot.rollout.planner.policy import Policy
from bot.rollout.planner.view import TAKEN_OUT, Guest, Node, Stage, View
from bot.rollout.spec import Placement

#: A host is drained so much earlier than its forecast says: a late drain leaves the lock idle, an early one is cheap.
_EARLY, _EARLIER = 1.15, 10.0
#: An emptied host stays in service until the lock is that near.
_LATE = 30.0
#: Hosts are levelled only when they differ by more than this from the mean.
_UNEVEN = 0.12
#: More drains at once only compete for the same room.
_DRAINS = 3
_FULLEST = 0.99


def plan(view: View, policy: Policy) -> Plan:
    """The next steps. `view` is used as scratch paper: what is decided is reserved in it."""
    return _Decision(view, policy).plan


class _Decision:
    def __init__(self, view: View, policy: Policy) -> None:
        self.view, self.policy = view, policy
        self.plan = Plan()
        self.retrying = False
        self.tentative: list[tuple[Node, int]] = []
        self.placing = Placing(view, policy)
        coordinator = view.coordinator
        self.first = coordinator is not None and coordinator.stage not in (Stage.UP, Stage.LOST, Stage.RETURN)
        if self.first and coordinator is not None:
            self._coordinator(coordinator)
        else:
            self._members()
        if self._idle() and not view.troubled:
            self._force()
        self._forget()

    # -- the coordinator ---------------------------------------------------------------------------------------

    def _coordinator(self, node: Node) -> None:
        if node.stage is Stage.RESTART:
            self.plan.look_in(10)
            return
        keeping = node.beginnable and not node.drains and not self.view.troubled
        if node.stage is Stage.APPLIED or (
            (node.stage is Stage.OUT or keeping) and not node.apply and not self._left(node)
        ):
            if self._left(node):
                self._drain([node])
                return
            # Its restart cuts off every call in flight.
            self.plan.quiet = True
            if not self.view.flights and not self.view.busy and not self._others_at_work(node):
                self.plan.restart.add(node.uuid)
            return
        if self.view.troubled:
            return
        if node.stage is Stage.OLD and node.not_before > 0:
            if node.not_before < math.inf:
                self._try_again_in(node.not_before)
            return
        if node.beginnable:
            if node.drains:
                self.plan.drain.append(node.uuid)
                node.stage = Stage.DRAIN
            else:
                self._take_out(node)
        if node.stage is Stage.DRAIN and not node.waiting():
            self._take_out(node)
        if node.stage in (Stage.DRAIN, Stage.OUT) and node.drains:
            self._drain([node])
        if node.stage is Stage.OUT and node.apply and not self._left(node):
            self.plan.apply = node.uuid
        if node.stage is Stage.APPLY:
            self._open_early(node)

    def _others_at_work(self, coordinator: Node) -> bool:
        """Whether another host installs or restarts; one that merely stands out of service waits for no coordinator."""
        working = (Stage.APPLY, Stage.RESTART, Stage.RETURN)
        return any(node is not coordinator and node.stage in working for node in self.view.nodes)

    def _open_early(self, coordinator: Node) -> None:
        """While the coordinator installs, the first member may be emptied already, if the budget allows."""
        members = [node for node in self.view.nodes if node.stage is Stage.DRAIN]
        if not members:
            budget = self._budget()
            old = [node for node in self.view.nodes if node.beginnable and node.drains]
            # An order that people gave is kept: who is not next in it does not go first for being small.
            due = min((node.wanted for node in old), default=0)
            fitting = [n for n in old if n.wanted == due and len(n.guests) <= budget and n.accepts]
            chosen = min(fitting, key=self._preference, default=None)
            if (
                chosen is None
                or not self.view.may_begin()
                or len(self.view.nodes) < 4
                or drain_seconds(chosen, self.policy) > coordinator.due
            ):
                return
            self.plan.drain.append(chosen.uuid)
            chosen.stage = Stage.DRAIN
            members = [chosen]
        self._drain(members, within=coordinator.due + 5.0)

    # -- the members -------------------------------------------------------------------------------------------

    def _members(self) -> None:
        self.pipeline = Pipeline(self.view, self.policy)
        for node in self.view.nodes:
            if node.stage is Stage.APPLIED and not self._left(node) and not (node.sending or node.receiving):
                self.plan.restart.add(node.uuid)
        if not self.view.troubled:
            self._send_out()
            self._install()
            self._start_drains()
        draining = [node for node in self.view.nodes if self._drainable(node)]
        draining.sort(key=lambda node: (node.stage is Stage.DRAIN, self.pipeline.starts.get(node.uuid, 0.0)))
        self._drain(draining)
        if self.policy.placement is Placement.HOME:
            self._go_home()
        elif self.policy.placement is Placement.BALANCE:
            self._level_out()

    def _drainable(self, node: Node) -> bool:
        if node.stage is Stage.DRAIN:
            return not self.view.troubled
        return node.stage in (Stage.OUT, Stage.APPLIED) and node.drains

    def _left(self, node: Node) -> bool:
        """Whether guests are still to leave: those that stay are stopped when their host's turn has come."""
        return node.drains and any(not guest.stays for guest in node.guests)

    def _may_go_out(self, node: Node) -> bool:
        if self.policy.max_out and out_now(self.view.nodes) >= self.policy.max_out:
            return False
        out = out_now(self.view.nodes, drains=node.drains)
        if out + 1 > self.pipeline.allowed_at(0.0, drains=node.drains):
            return False
        return out == 0 or not node.drains or self.placing.spare_without(node)

    def _take_out(self, node: Node) -> None:
        self.plan.out.add(node.uuid)
        node.stage = Stage.OUT
        if node in self.placing.serving:
            self.placing.serving.remove(node)

    def _send_out(self) -> None:
        for node in sorted(
            (node for node in self.view.nodes if node.stage is Stage.DRAIN and not node.waiting()),
            key=lambda node: len(node.guests),
        ):
            if node.not_before > 0:
                self._try_again_in(node.not_before)
                continue
            begin = self.pipeline.starts.get(node.uuid, 0.0)
            in_flight = max((guest.seconds for guest in node.guests if guest.to), default=0.0)
            if begin > in_flight + _LATE and self._locked():
                self.plan.look_in(max(5.0, begin - in_flight - _LATE))
                continue
            if self._may_go_out(node):
                self._take_out(node)

    def _locked(self) -> bool:
        return any(node.stage is Stage.APPLY for node in self.view.nodes)

    def _install(self) -> None:
        for node in self.view.nodes:
            if node.apply or (node.away and node.not_before > 0):
                continue
            if node.stage is Stage.OUT and not self._left(node):
                self.plan.restart.add(node.uuid)
            elif node.beginnable and not node.drains and self._may_go_out(node) and self.view.may_begin():
                self._take_out(node)
                self.plan.restart.add(node.uuid)
        if self._locked():
            return
        ready = [node for node in self.view.nodes if node.stage is Stage.OUT and node.apply and not self._left(node)]
        ready = [node for node in ready if node.not_before <= 0]
        if ready:
            self.plan.apply = max(ready, key=lambda node: (node.stopping, node.tail)).uuid
            return
        keeping = [
            node
            for node in self.view.nodes
            if node.beginnable and node.apply and not node.drains and node.not_before <= 0
        ]
        # A host that is nearly empty comes first; one that keeps its guests fills the gap.
        soon = any(node.stage is Stage.OUT and drain_seconds(node, self.policy) < 20 for node in self.view.nodes)
        for node in () if soon else sorted(keeping, key=lambda node: (node.wanted, node.away, -node.tail)):
            if self._may_go_out(node) and self.view.may_begin():
                self._take_out(node)
                self.plan.apply = node.uuid
                return

    def _preference(self, node: Node) -> tuple[int, bool, float, float, int]:
        waiting = node.waiting()
        return node.wanted, node.away, -node.tail, sum(guest.memory for guest in waiting), len(waiting)

    def _start_drains(self) -> None:
        while sum(node.stage is Stage.DRAIN for node in self.view.nodes) < _DRAINS:
            candidates = [n for n in self.view.nodes if n.beginnable and n.drains and n.not_before <= 0]
            if not candidates or not self.view.may_begin():
                return
            node = self._chosen(candidates)
            seconds = drain_seconds(node, self.policy)
            begin = self.pipeline.earliest(node, max(self.pipeline.lock, seconds))
            early = seconds * _EARLY + _EARLIER
            if begin > early:
                if begin - early < 3600:
                    self.plan.look_in(max(5.0, begin - early))
                return
            alone = not out_now(self.view.nodes, drains=True) and not any(
                n.stage is Stage.DRAIN for n in self.view.nodes
            )
            if not alone and not self._spare_then(node, begin):
                return
            self.plan.drain.append(node.uuid)
            node.stage = Stage.DRAIN
            self.pipeline.enqueue(node)

    def _chosen(self, candidates: list[Node]) -> Node:
        """The next host to drain: one whose guests fit into what need not be emptied again, then the longest restart,
        then the least to move. An order that people gave counts first."""
        room = sum(max(0.0, self.placing.room(n, _FULLEST)) for n in self.placing.serving if n.settled and n.accepts)

        def key(node: Node) -> tuple[int, bool, bool, float, float, int]:
            wanted, away, tail, memory, count = self._preference(node)
            return wanted, away, memory > room, tail, memory, count

        return min(candidates, key=key)

    def _spare_then(self, node: Node, moment: float) -> bool:
        """Whether enough spare is left when the host goes out at `moment`, with those back that are due by then."""
        if self.policy.headroom <= 0:
            return True
        if self.pipeline.out_at(moment, drains=True) == 0:
            return True
        back = [n for n in self.view.nodes if n.stage in TAKEN_OUT and self.pipeline.ends.get(n.uuid, moment) <= moment]
        rest = [n for n in (*self.placing.serving, *back) if n is not node and n.stage is not Stage.DRAIN]
        leaving = [n for n in self.view.nodes if n.stage is Stage.DRAIN or n is node]
        free = sum(n.capacity - n.used for n in rest)
        free -= sum(guest.memory for n in leaving for guest in n.waiting())
        fullest = max((n.used for n in rest), default=0)
        return free >= self.policy.headroom * fullest

    # -- moves -------------------------------------------------------------------------------------------------

    def _budget(self) -> float:
        if self.policy.placement is Placement.HOME and self.policy.extra_moves:
            return float(self.view.count)  # it moves home anyway
        if depth(self.view, self.policy, drains=True) == 1:
            return 0.0  # one hole at a time needs no second one opened early
        if not self.policy.extra_moves:
            return 0.0
        # With less than one host's guests no second hole is ever opened in a small pool.
        share = max(self.policy.extra_moves, 1 / len(self.view.nodes))
        return share * self.view.count - self.view.displaced

    def _drain(self, nodes: list[Node], *, within: float | None = None, forced: bool = False) -> None:
        for node in nodes:
            if node.not_before > 0:
                self._try_again_in(node.not_before)
                continue
            waiting = sorted(node.waiting(), key=lambda guest: (-guest.memory, guest.uuid))
            for guest in waiting:
                if node.sending >= self.policy.streams or self.view.flights >= self.policy.flights:
                    break
                if guest.not_before > 0:
                    self._try_again_in(guest.not_before)
                    continue
                if within is not None and guest.seconds > within:
                    continue
                found = self._place(node, guest, len(waiting), forced)
                if found is not None:
                    self._launch(guest, *found)

    def _place(self, node: Node, guest: Guest, waiting: int, forced: bool) -> tuple[Node, Why] | None:
        # Guests that stay where they come to rest first.
        target = self.placing.target(guest, self.placing.fill, settled=True)
        if target is not None:
            return target, Why.HOME if target.uuid == guest.home else Why.UPDATED
        if not self.first and not forced and self._worth_waiting(node):
            return None
        target = self.placing.target(guest, None if forced else _FULLEST, settled=True)
        if target is not None:
            return target, Why.HOME if target.uuid == guest.home else Why.UPDATED
        # The coordinator has nowhere else to go; for the others it is a move more.
        free_of_charge = forced or node.coordinator
        if not free_of_charge and min(waiting, 4) > self._budget():
            return None
        target = self.placing.target(guest, None if forced else _FULLEST, settled=False)
        return (target, Why.DISPLACED) if target is not None else None

    def _worth_waiting(self, node: Node) -> bool:
        """Whether a host comes back early enough to take the rest of this one's guests in time."""
        begin = self.pipeline.starts.get(node.uuid, 0.0)
        return self.pipeline.next_return() + drain_seconds(node, self.policy) <= begin + _EARLIER

    def _launch(self, guest: Guest, target: Node, why: Why) -> None:
        if target.receiving >= self.policy.streams:
            # Kept free for it in this decision, so that smaller ones do not take its place.
            target.used += guest.memory
            self.tentative.append((target, guest.memory))
            return
        self.view.start(guest, target)
        if why is Why.DISPLACED and not self.view.by_uuid[guest.host].coordinator:
            self.view.displaced += 1
        self.plan.moves.append(Move(guest.uuid, guest.host, target.uuid, why))

    def _forget(self) -> None:
        for node, memory in self.tentative:
            node.used -= memory

    def _go_home(self) -> None:
        for node in self.view.nodes:
            if node.stage is not Stage.UP and not (node.stage is Stage.OLD and not node.drains):
                continue
            for guest in node.guests:
                home = self.view.by_uuid.get(guest.home) if guest.home != guest.host else None
                if home is None or guest.to is not None or guest.not_before > 0:
                    continue
                self._send(guest, home, Why.HOME)
        for node in self.view.nodes:
            # Also from a host that drains later: it moves once more then, or never.
            if node.stage is Stage.OLD and node.drains:
                for guest in node.guests:
                    home = self.view.by_uuid.get(guest.home) if guest.home != guest.host else None
                    if home is not None and guest.to is None and guest.not_before <= 0:
                        self._send(guest, home, Why.HOME)

    def _send(self, guest: Guest, home: Node, why: Why) -> None:
        source = self.view.by_uuid[guest.host]
        if home.stage is not Stage.UP or home.not_before > 0 or home.uuid in guest.refused or home.rank < source.rank:
            return
        if source.not_before > 0 or source.sending >= self.policy.streams or home.receiving >= self.policy.streams:
            return
        if self.view.flights >= self.policy.flights or self.placing.room(home, None) < guest.memory:
            return
        self.view.start(guest, home)
        self.plan.moves.append(Move(guest.uuid, guest.host, home.uuid, why))

    def _level_out(self) -> None:
        """Spread the guests once nothing is left to empty: the largest that fits from the fullest to the emptiest."""
        up = [node for node in self.view.nodes if node.stage is Stage.UP and node.not_before <= 0]
        if len(up) < sum(node.stage is not Stage.LOST for node in self.view.nodes):
            return
        mean = sum(node.used for node in up) / max(1, sum(node.capacity for node in up))
        for _ in range(self.policy.flights):
            target = min((n for n in up if n.receiving < self.policy.streams), key=lambda n: n.level, default=None)
            if target is None or target.level > mean - _UNEVEN:
                return
            sources = [n for n in up if n.sending < self.policy.streams and self._staying(n) > mean and n is not target]
            for source in sorted(sources, key=self._staying, reverse=True):
                gap = min(self._staying(source) - target.level, mean + 0.04 - target.level) * target.capacity
                fitting = [
                    g
                    for g in source.waiting()
                    if g.memory <= gap and target.uuid not in g.refused and g.not_before <= 0
                ]
                if fitting:
                    guest = max(fitting, key=lambda g: (g.memory, g.uuid))
                    self.view.start(guest, target)
                    self.plan.moves.append(Move(guest.uuid, source.uuid, target.uuid, Why.BALANCE))
                    break
            else:
                return

    def _staying(self, node: Node) -> float:
        leaving = sum(guest.memory for guest in node.guests if guest.to is not None)
        return (node.used - leaving) / node.capacity if node.capacity else 1.0

    # -- nothing moves any more --------------------------------------------------------------------------------

    def _idle(self) -> bool:
        if self.plan.anything or self.retrying or self.view.flights or self.view.busy:
            return False
        running = (Stage.APPLY, Stage.RESTART, Stage.RETURN)
        return not any(node.stage in running for node in self.view.nodes)

    def _try_again_in(self, seconds: float) -> None:
        self.retrying = True
        self.plan.look_in(seconds)

    def _force(self) -> None:
        """Give up what is not needed for one host, and empty that: to the last byte, displacing, making room."""
        shaken = [node.not_before for node in self.placing.serving if 0 < node.not_before < math.inf]
        if shaken:
            # A host that could not be reached a moment ago, as members after their coordinator's restart, may take
            # guests again soon. Without it the pool looks smaller than it is.
            self._try_again_in(min(shaken))
            return
        self._forget()
        self.tentative.clear()
        blocked = [node for node in self.view.nodes if self._drainable(node) and node.waiting()]
        if not blocked:
            waiting = [node for node in self.view.nodes if node.stage is Stage.DRAIN]
            if waiting:  # empty, and kept back by a spare that will not grow any more
                if not out_now(self.view.nodes, drains=True):
                    self._take_out(waiting[0])
                return
            if self.first:
                return  # No member goes before its coordinator, whatever keeps that one.
            blocked = [n for n in self.view.nodes if n.beginnable and n.drains and n.not_before <= 0]
            if not blocked:
                self._force_keeping()
                return
            if not self.view.may_begin():
                return
            chosen = self._chosen(blocked)
            self.plan.drain.append(chosen.uuid)
            chosen.stage = Stage.DRAIN
            return
        node = min(blocked, key=lambda n: (n.stage is Stage.DRAIN, sum(g.memory for g in n.waiting()), n.uuid))
        for other in blocked:
            if other is not node and other.stage is Stage.DRAIN:
                other.stage = Stage.OLD
                self.plan.keep.append(other.uuid)
        self._drain([node], forced=True)
        if self.plan.moves:
            return
        largest = max(node.waiting(), key=lambda guest: (guest.memory, guest.uuid))
        for guest, target in self.placing.make_room(largest):
            if target.receiving < self.policy.streams and self.view.by_uuid[guest.host].sending < self.policy.streams:
                self.view.start(guest, target)
                self.plan.moves.append(Move(guest.uuid, guest.host, target.uuid, Why.ROOM))
        if not self.plan.moves:
            self.plan.stuck = (node.uuid, largest.uuid)
            self.plan.evacuate = node.uuid

    def _force_keeping(self) -> None:
        for node in self.view.nodes:
            if node.beginnable and not node.drains and node.not_before <= 0 and self.view.may_begin():
                self._take_out(node)
                return
