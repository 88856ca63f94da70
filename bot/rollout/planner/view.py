"""What the planner sees: hosts with their stage, memory and guests, at one moment.

All times are seconds from now, all sizes bytes. A view is the planner's own scratch paper: planning reserves memory and
streams in it. It is made afresh from each snapshot; only a `Simulation` keeps one, as its truth.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

#: Left free on every host besides what its guests claim, as far as there is a choice: share and bytes.
RESERVE_SHARE, RESERVE_BYTES = 0.01, 2**30


class Stage(StrEnum):
    """How far a host is, derived from its records and from what it was asked for."""

    OLD = "old"
    DRAIN = "drain"
    """Its guests are leaving; it is still in service, so that a guest that cannot leave loses nothing."""
    OUT = "out"
    """Out of service, not updated yet."""
    APPLY = "apply"
    APPLIED = "applied"
    RESTART = "restart"
    RETURN = "return"
    """Restarted, on its way back into service."""
    UP = "up"
    """In service with nothing left to do."""
    LOST = "lost"
    """Not ours to use: offline, left out by people, or taken out of service by somebody else."""


#: Stages in which the host runs no guests because of us.
TAKEN_OUT = frozenset({Stage.OUT, Stage.APPLY, Stage.APPLIED, Stage.RESTART, Stage.RETURN})


@dataclass(slots=True, eq=False)
class Guest:
    """One running VM. `to` is where it is moving, `refused` are hosts that would not take it, `not_before` is when it
    may be tried again. `stays` says that it is stopped for its host's turn, or never moved at all."""

    uuid: str
    memory: int
    host: str
    seconds: float
    home: str = ""
    to: str | None = None
    stays: bool = False
    group: str = ""
    refused: frozenset[str] = frozenset()
    not_before: float = 0.0
    moved: int = 0


@dataclass(slots=True, eq=False)
class Node:
    """One host. `drains` says that it must be empty for its turn; `apply` and `tail` are the seconds its installation
    and its restart are expected to take (0: none); `due` is when the present installation or restart should end;
    `updated` that it came back from its turn, `behind` that it lacks updates. `rank` compares versions: no guest moves
    to a lower one. `wanted` is its place in the order that people gave. `not_before` is when guests may move from or to
    it again; infinite when only people can change that."""

    uuid: str
    name: str
    capacity: int
    stage: Stage = Stage.OLD
    coordinator: bool = False
    drains: bool = True
    apply: float = 0.0
    tail: float = 0.0
    due: float = 0.0
    updated: bool = False
    behind: bool = True
    rank: int = 0
    wanted: int = 0
    stopping: bool = False
    """Whether guests that stay were stopped for its turn already."""
    held: bool = False
    """Whether it may not be begun now, whatever the plan: it would not be done in time."""
    away: bool = False
    """Perhaps still looking for its coordinator after that one's restart."""
    not_before: float = 0.0
    used: int = 0
    sending: int = 0
    receiving: int = 0
    guests: list[Guest] = field(default_factory=list)

    @property
    def accepts(self) -> bool:
        """Whether guests may be moved here."""
        return (self.stage is Stage.OLD or self.stage is Stage.UP) and self.not_before <= 0

    @property
    def beginnable(self) -> bool:
        """Whether its turn may begin, as far as it goes by this host alone."""
        return self.stage is Stage.OLD and not self.held

    @property
    def settled(self) -> bool:
        """Whether a guest that moves here need not move again for the sake of the update."""
        return self.stage is Stage.UP or not self.drains

    @property
    def level(self) -> float:
        """The share of its memory that is spoken for."""
        return self.used / self.capacity if self.capacity else 1.0

    def waiting(self) -> list[Guest]:
        """The guests that still have to be asked to move."""
        return [guest for guest in self.guests if guest.to is None and not guest.stays]


@dataclass(slots=True, eq=False)
class View:
    """The whole pool. `nodes` are in the order of work, coordinator first; `displaced` counts moves so far to hosts
    that had to be emptied later; `members` bounds how many members may have begun (None: all); `troubled` says that a
    host is lost or stuck, so that no further one may be begun; `busy` that something other than moves, installations
    and restarts is under way."""

    nodes: list[Node]
    displaced: int = 0
    troubled: bool = False
    busy: bool = False
    members: int | None = None

    def __post_init__(self) -> None:
        self.by_uuid = {node.uuid: node for node in self.nodes}
        self.count = sum(len(node.guests) for node in self.nodes)
        self.flights = sum(node.sending for node in self.nodes)

    by_uuid: dict[str, Node] = field(init=False)
    count: int = field(init=False)
    flights: int = field(init=False)

    @property
    def coordinator(self) -> Node | None:
        """The host that answers for the pool."""
        return next((node for node in self.nodes if node.coordinator), None)

    def may_begin(self) -> bool:
        """Whether one more member may begin its turn."""
        if self.members is None:
            return True
        begun = sum(not n.coordinator and (n.updated or n.stage in (*TAKEN_OUT, Stage.DRAIN)) for n in self.nodes)
        return begun < self.members

    def start(self, guest: Guest, target: Node) -> None:
        """The guest begins to move: its memory is held at both ends until it arrived."""
        source = self.by_uuid[guest.host]
        guest.to = target.uuid
        source.sending += 1
        target.receiving += 1
        target.used += guest.memory
        self.flights += 1

    def finish(self, guest: Guest, *, arrived: bool) -> None:
        """The move is over; without `arrived` the guest is where it was."""
        source, target = self.by_uuid[guest.host], self.by_uuid[guest.to or ""]
        source.sending -= 1
        target.receiving -= 1
        self.flights -= 1
        guest.to = None
        if arrived:
            source.used -= guest.memory
            source.guests.remove(guest)
            target.guests.append(guest)
            guest.host = target.uuid
            guest.moved += 1
        else:
            target.used -= guest.memory
