"""What is done to the bot and to its surroundings in one run, drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

#: Faults of simulated pools and how often each is chosen. Those of the lab carry the lab's names.
POOL_FAULTS = {
    "unreachable": 4,
    "drop_connections": 4,
    "answers_lost": 4,
    "coordinator_hangs": 3,
    "coordinator_slow": 2,
    "host_never_returns": 3,
    "power_fails": 1,
    "toolstack_restarts": 3,
    "apply_fails": 3,
    "migration_fails": 3,
    "vm_stop_fails": 2,
    "livepatch_fails": 2,
    "ha_enable_fails": 2,
    "evacuation_blocked": 2,
    "foreign_sync": 1,
}
#: The same for Slack.
SLACK_FAULTS = {
    "outage": 3,
    "ratelimited": 3,
    "error:internal_error": 3,
    "slow": 2,
    "disconnect": 2,
    "disconnect_abrupt": 2,
    "lost_reply": 1,
}


@dataclass(frozen=True, slots=True)
class Disturbance:
    """One thing that goes wrong.

    `at` is real seconds after the first request. `kind` is ``kill``, ``freeze``, ``database`` or ``slack …``, else a
    fault of a pool. `where`, `which` and `size` are numbers from 0 to 1: among what there is at that moment (a process,
    a pool at work), which host or VM of it, and how long or how often.
    """

    at: float
    kind: str
    where: float
    which: float
    size: float

    def __str__(self) -> str:
        return f"{self.at:7.1f} s  {self.kind:24} where {self.where:.3f}  which {self.which:.3f}  size {self.size:.3f}"


@dataclass(frozen=True, slots=True)
class Plan:
    """Every disturbance of a run, in order."""

    seed: int
    span: float
    disturbances: tuple[Disturbance, ...]

    def count(self, *kinds: str) -> int:
        """How many there are of these kinds."""
        return sum(disturbance.kind in kinds for disturbance in self.disturbances)

    @property
    def faults(self) -> int:
        """How many faults of pools and of Slack."""
        return len(self.disturbances) - self.count("kill", "freeze", "database")


def draw(seed: int, *, span: float, kills: int, faults: int, freezes: int, database_restarts: int) -> Plan:
    """The plan of that seed, spread over `span` real seconds."""
    chance = Random(seed)
    slack = round(faults * 0.3)
    kinds = [
        *["kill"] * kills,
        *["freeze"] * freezes,
        *["database"] * database_restarts,
        *(f"slack {name}" for name in _chosen(chance, SLACK_FAULTS, slack)),
        *_chosen(chance, POOL_FAULTS, faults - slack),
    ]
    drawn = [
        Disturbance(span * chance.random(), kind, chance.random(), chance.random(), chance.random()) for kind in kinds
    ]
    return Plan(seed, span, tuple(sorted(drawn, key=lambda disturbance: disturbance.at)))


def _chosen(chance: Random, weights: dict[str, int], count: int) -> list[str]:
    return chance.choices(list(weights), list(weights.values()), k=count)
