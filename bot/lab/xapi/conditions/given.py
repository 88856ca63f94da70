"""What a condition is called with, and the list of them by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.lab.xapi.failure import NULL
from bot.lab.xapi.faults import FAULTS, FaultError
from bot.lab.xapi.machine import Machine
from bot.lab.xapi.world import World


@dataclass(frozen=True, slots=True)
class Given:
    """What a condition was called with; a condition that needs a host or VM says so when there is none."""

    world: World
    on: bool
    machine: Machine | None
    guest: str
    seconds: float

    @property
    def host(self) -> Machine:
        """The machine. Raises `FaultError`."""
        if self.machine is None:
            raise FaultError("This fault needs the name of a host.", f"Hosts: {', '.join(self.world.machines)}.")
        return self.machine

    @property
    def vm(self) -> str:
        """The VM's ref. Raises `FaultError`."""
        if self.guest == NULL:
            raise FaultError("This fault needs the name of a VM.")
        return self.guest


Condition = Callable[[Given], None]

#: Name → what it does.
CONDITIONS: dict[str, Condition] = {}


def condition(switch: Condition) -> Condition:
    """Register a condition under its function's name, with its docstring as the description."""
    CONDITIONS[switch.__name__] = switch
    told = (switch.__doc__ or "").strip().rstrip(".")
    FAULTS[switch.__name__] = told[:1].lower() + told[1:]
    return switch
