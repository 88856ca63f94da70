"""What the planner answers: the next steps, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Why(StrEnum):
    """Why a VM is moved where it is."""

    UPDATED = "updated"
    """To a host that need not be emptied any more: it moves once."""
    DISPLACED = "displaced"
    """To a host that must be emptied later, because there is no room elsewhere in time."""
    ROOM = "room"
    """To make room for a larger VM."""
    HOME = "home"
    BALANCE = "balance"


@dataclass(frozen=True, slots=True)
class Move:
    """One VM to one host."""

    vm: str
    source: str
    to: str
    why: Why


@dataclass(slots=True)
class Plan:
    """The next steps of one decision; hosts and VMs by uuid.

    `drain` are hosts whose VMs begin to leave, `keep` hosts that stop draining for now, `out` hosts that may be taken
    out of service, `apply` the host that may install now, `restart` hosts that may restart, `evacuate` a host that
    XAPI should empty as it sees fit, because no placement was found that squeezes no VM. `stuck` is the host that
    cannot be emptied and the VM that does not fit. `look` is when to look again, in seconds, for what nobody reports.
    """

    moves: list[Move] = field(default_factory=list)
    drain: list[str] = field(default_factory=list)
    keep: list[str] = field(default_factory=list)
    out: set[str] = field(default_factory=set)
    apply: str = ""
    restart: set[str] = field(default_factory=set)
    evacuate: str = ""
    stuck: tuple[str, str] | None = None
    quiet: bool = False
    """Whether the coordinator waits for everything to land before it restarts."""
    look: float | None = None

    @property
    def anything(self) -> bool:
        """Whether there is something to do now."""
        return bool(self.moves or self.drain or self.keep or self.out or self.apply or self.restart or self.evacuate)

    def look_in(self, seconds: float) -> None:
        """Look again within `seconds`."""
        self.look = seconds if self.look is None else min(self.look, seconds)
