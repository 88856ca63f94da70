"""The process of the simulated pools: as many as a bench asks for, each on its own loopback addresses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.lab.pool import LabPool
from bot.lab.scenario import Durations, HostSpec, Scenario, VmSpec, load_scenario
from bot.lab.time import ScaledTime
from tests.bench.child import serve

#: Calls that change nothing on a pool, by the beginning of their message.
_LOOKS = ("get", "login", "logout", "from", "listMethods", "call_plugin")
_BOOKS = ("task.", "session.", "event.")


def scenario_of(hosts: int, vms: int, durations: dict[str, float] | None = None, *, updates: bool = True) -> Scenario:
    """So many equal hosts with so many equal VMs dealt over them; everything reboots."""
    base = load_scenario("small")
    names = tuple(HostSpec(f"xs-{number:02d}", 512) for number in range(1, hosts + 1))
    guests = tuple(VmSpec(f"vm-{number:04d}", names[number % hosts].name, 4) for number in range(vms))
    return replace(
        base,
        hosts=names,
        vms=guests,
        ha=hosts > 1,
        updates=base.updates if updates else (),
        durations=Durations(**(durations or {})),
    )


class Site:
    """The pools of this process."""

    def __init__(self) -> None:
        self.pools: list[LabPool] = []

    def start(
        self, count: int, hosts: int, vms: int, speed: float, durations: dict[str, float] | None, updates: bool
    ) -> list[dict[str, Any]]:
        """Start them; how each is reached, as the configuration has it."""
        scenario, clock = scenario_of(hosts, vms, durations, updates=updates), ScaledTime(speed)
        self.pools = [LabPool.start(scenario, clock, number=number) for number in range(1, count + 1)]
        return [
            {
                "urls": [host.url for host in pool.hosts],
                "username": pool.username,
                "password": pool.password,
                "fingerprints": {host.uuid: host.fingerprint for host in pool.hosts},
                "channel": "C0UPDATES",
                "mode": "act",
            }
            for pool in self.pools
        ]

    def effects_asked_for(self) -> int:
        """How many calls the bot made that change the pools."""
        return sum(_changes(call.method) for pool in self.pools for call in pool.calls if call.user == pool.username)

    def calls(self) -> int:
        """How many calls were answered."""
        return sum(len(pool.calls) for pool in self.pools)

    def trouble(self) -> list[str]:
        """What stumbled in the simulation itself, and what no update may do to a pool."""
        crashes = [repr(error) for pool in self.pools for error in pool.world.kernel.crashes]
        return crashes + [str(found) for pool in self.pools for found in pool.verdict().violations]


def _changes(method: str) -> bool:
    name = method.removeprefix("Async.")
    return not name.startswith(_BOOKS) and not name.partition(".")[2].startswith(_LOOKS) and name != "GET /updates"


if __name__ == "__main__":
    site = Site()
    serve(
        {
            "start": site.start,
            "effects": site.effects_asked_for,
            "calls": site.calls,
            "trouble": site.trouble,
        }
    )
