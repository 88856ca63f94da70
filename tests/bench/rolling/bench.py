"""Every tool on every pool: one run each on a fresh copy of it, and what the runs say together."""

from __future__ import annotations

import time as real
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import exp, inf, log
from typing import Any

from bot.lab.pool import LabPool
from bot.lab.time import SteppedTime
from tests.bench.rolling import cloudstackops, legacy, ours, vendor, xen_orchestra, xencenter
from tests.bench.rolling.bounds import Bounds, bounds
from tests.bench.rolling.client import Client, Gone, Refused, Stopped
from tests.bench.rolling.loop import Effort
from tests.bench.rolling.outcome import Outcome, outcome
from tests.bench.rolling.pools import Draw, Shape, draw

#: The peers by name.
PEERS: dict[str, Callable[[Client], list[str]]] = {
    "xencenter": xencenter.roll,
    "xen_orchestra": xen_orchestra.roll,
    "vendor": vendor.roll,
    "legacy": legacy.roll,
    "cloudstackops": cloudstackops.roll,
}
OURS = "ours"


@dataclass(frozen=True, slots=True)
class Cost:
    """Real seconds that a run took: all of it, the lab's thread, and for ours looking at the pool and deciding."""

    wall: float
    lab: float
    looking: float = 0.0
    deciding: float = 0.0
    longest: float = 0.0
    rounds: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One pool: its bounds, and what became of it under each tool."""

    seed: int
    bounds: Bounds
    outcomes: dict[str, Outcome]
    costs: dict[str, Cost]


def run(
    drawn: Draw, tool: str, preset: str = "serial", placement: str = "", *, product: bool = False
) -> tuple[Outcome, Cost]:
    """One tool on one pool."""
    time, effort, began = SteppedTime(), Effort(), real.perf_counter()
    with LabPool.start(drawn.scenario, time) as pool, time.participant():
        drawn.disturb(pool)
        start, complaints, error = time.now(), list[str](), ""
        try:
            if tool == OURS:
                ours.roll(pool, time, ours.choices(preset, placement), effort, product=product)
            else:
                complaints = _with_client(pool, time, PEERS[tool])
        except (Stopped, Refused, Gone) as stop:
            error = str(stop)
        found = outcome(tool, pool, drawn, start, error, complaints)
        lab = pool.run(real.thread_time)
        if pool.world.kernel.crashes:
            raise pool.world.kernel.crashes[0]
    cost = Cost(real.perf_counter() - began, lab, effort.looking, effort.deciding, effort.longest, effort.rounds)
    return found, cost


def _with_client(pool: LabPool, time: SteppedTime, roll: Callable[[Client], list[str]]) -> list[str]:
    client = Client(pool, time)
    try:
        return roll(client)
    finally:
        client.close()


def rows(
    shape: Shape, seeds: Iterable[int], tools: Iterable[str], preset: str, placement: str, *, product: bool = False
) -> Iterator[Row]:
    """A row for each seed, as soon as it is known."""
    wanted = tuple(tools)
    for seed in seeds:
        drawn = draw(shape, seed)
        outcomes, costs = {}, {}
        for tool in wanted:
            outcomes[tool], costs[tool] = run(drawn, tool, preset, placement, product=product)
        yield Row(seed, bounds(drawn), outcomes, costs)


def mean(values: Iterable[float]) -> float | None:
    """The geometric mean; None of nothing, or where a value is no positive number."""
    found = list(values)
    if not found or any(not 0 < value < inf for value in found):
        return None
    return exp(sum(map(log, found)) / len(found))


def summary(shape: Shape, found: list[Row]) -> dict[str, Any]:
    """Ours against the others over all rows; geometric means of what both completed.

    `ratios` are makespans of ours over theirs, null where one of the two never completed; `completed` is how many of
    the rows each completed, `errors` why it did not.
    """
    tools = list(found[0].outcomes)
    both = {
        tool: [row for row in found if row.outcomes[OURS].completed and row.outcomes[tool].completed]
        for tool in tools
        if OURS in tools
    }
    done = both.get(OURS, [])
    ratios = {
        tool: _rounded(mean(row.outcomes[OURS].makespan / row.outcomes[tool].makespan for row in both[tool]))
        for tool in tools
        if tool != OURS and OURS in tools
    }
    ratios["lower_bound"] = _rounded(mean(row.outcomes[OURS].makespan / row.bounds.makespan for row in done))
    ratios["policy_bound"] = _rounded(mean(row.outcomes[OURS].makespan / row.bounds.policy for row in done))
    return {
        "hosts": shape.hosts,
        "memory": shape.memory,
        "guidance": shape.guidance,
        "seeds": [row.seed for row in found],
        "ratios": ratios,
        "moves_per_vm": _average(row.outcomes[OURS].moves / row.outcomes[OURS].vms for row in done),
        "moves_bound": _average(row.bounds.moves / row.outcomes[OURS].vms for row in done),
        "host_hours_ratio": _rounded(mean(row.outcomes[OURS].host_seconds / row.bounds.host_seconds for row in done)),
        "completed": {tool: sum(row.outcomes[tool].completed for row in found) for tool in tools},
        "of": len(found),
        "errors": {tool: why for tool in tools if (why := sorted({row.outcomes[tool].error for row in found} - {""}))},
        "violations": {
            tool: count for tool in tools if (count := sum(len(row.outcomes[tool].violations) for row in found))
        },
        "tools": {tool: _tool(tool, found) for tool in tools},
        "wall_s": {tool: round(sum(row.costs[tool].wall for row in found), 1) for tool in tools},
        "ours_cost": _cost([row.costs[OURS] for row in found]) if OURS in tools else None,
    }


def _tool(tool: str, found: list[Row]) -> dict[str, Any]:
    done = [row for row in found if row.outcomes[tool].completed]
    return {
        "makespan_s": _rounded(mean(row.outcomes[tool].makespan for row in done), 0),
        "of_bound": _rounded(mean(row.outcomes[tool].makespan / row.bounds.makespan for row in done)),
        "moves_per_vm": _average(row.outcomes[tool].moves / row.outcomes[tool].vms for row in done),
        "host_hours_of_bound": _rounded(
            mean(row.outcomes[tool].host_seconds / row.bounds.host_seconds for row in done)
        ),
        "away_per_vm": _average(row.outcomes[tool].away / row.outcomes[tool].vms for row in done),
        "complaints": sum(row.outcomes[tool].complaints for row in found),
        "lost": sum(row.outcomes[tool].lost for row in found),
        "downtime_s": round(sum(row.outcomes[tool].downtime for row in found), 1),
        "pinned_downtime_s": _average(row.outcomes[tool].pinned_downtime for row in done),
        "lowest_spare_gib": _average(row.outcomes[tool].lowest_spare for row in done),
    }


def _cost(costs: list[Cost]) -> dict[str, Any]:
    return {
        "wall_s": round(sum(cost.wall for cost in costs), 1),
        "lab_s": round(sum(cost.lab for cost in costs), 1),
        "looking_s": round(sum(cost.looking for cost in costs), 1),
        "deciding_s": round(sum(cost.deciding for cost in costs), 1),
        "rounds": sum(cost.rounds for cost in costs),
        "longest_decision_ms": round(max(cost.longest for cost in costs) * 1000, 1),
    }


def _average(values: Iterable[float]) -> float | None:
    found = list(values)
    return round(sum(found) / len(found), 3) if found and sum(found) < inf else None


def _rounded(value: float | None, digits: int = 3) -> float | None:
    return None if value is None else round(value, digits)
