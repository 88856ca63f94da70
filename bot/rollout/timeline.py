"""What a rollout did over time: the phases of each host, and what the pool looked like meanwhile.

It is written down as it happens, because neither intents (a retry forgets the failed one) nor turns (they keep the
present phase only) can tell it afterwards. Pictures and reports are made of it; nothing is decided by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.rollout.lifecycle import State
from bot.rollout.memory import TurnPhase
from bot.rollout.model import PoolSnapshot


@dataclass(frozen=True, slots=True)
class Span:
    """One phase of one host; `ended` is None while it lasts."""

    host: str
    phase: TurnPhase
    began: datetime
    ended: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standstill:
    """A time in which the rollout waited for people: paused, or needing attention."""

    state: State
    began: datetime
    ended: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """The pool at one look.

    `moved` counts the VMs found on another host than at the look before, `spare` and `capacity` are bytes of memory on
    hosts in service, `in_service` is how many hosts that are.
    """

    at: datetime
    moved: int = 0
    spare: int = 0
    capacity: int = 0
    in_service: int = 0


@dataclass(frozen=True, slots=True)
class Timeline:
    """One rollout over time; `hosts` are (uuid, name) in the order of their turns, the coordinator marked by uuid."""

    hosts: tuple[tuple[str, str], ...]
    coordinator: str
    spans: tuple[Span, ...] = ()
    standstills: tuple[Standstill, ...] = ()
    samples: tuple[Sample, ...] = ()
    began: datetime | None = None
    ended: datetime | None = None

    @property
    def moves(self) -> int:
        """How many moves of VMs were seen in all."""
        return sum(sample.moved for sample in self.samples)

    @property
    def lowest_spare(self) -> Sample | None:
        """The moment with the least spare memory on hosts in service, None when nobody looked."""
        return min(self.samples, key=lambda sample: sample.spare, default=None)


def sampled(snapshot: PoolSnapshot, before: PoolSnapshot | None) -> Sample:
    """What one look adds to the timeline, compared with the look before.

    Memory is counted as the planner counts it: what VMs may claim at most plus overhead (``dynamic_max``), not what
    ``host_metrics`` reports as free, which lags behind.
    """
    serving = [host for host in snapshot.hosts if host.live and host.enabled]
    capacity = sum(host.memory_total - host.memory_overhead for host in serving)
    used = sum(vm.memory for host in serving for vm in snapshot.residents(host.uuid))
    moved = 0
    if before is not None:
        for vm in snapshot.vms:
            known = before.vm(vm.uuid)
            if known is not None and None not in (known.resident_on, vm.resident_on):
                moved += known.resident_on != vm.resident_on
    return Sample(snapshot.taken_at, moved, capacity - used, capacity, len(serving))
