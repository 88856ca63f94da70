"""Copying memory: workers at both ends, a wire that is shared, memory held while a migration waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from bot.lab.pool import LabPool
from bot.lab.scenario import Durations, HostSpec, Scenario, VmSpec, load_scenario
from bot.lab.time import SteppedTime

from .client import Client, refused

#: 1 GiB takes four seconds in one stream, and nothing varies.
_EXACT = Durations(jitter=0.0, migration_fixed=0.0, migration_gib_per_s=0.25)

Start = Callable[..., Client]


@pytest.fixture
def start(clock: SteppedTime) -> Iterator[Start]:
    """Start a pool of `count` hosts with VMs (host → sizes in GiB); they are named vm-1, vm-2 … as they come."""
    opened: list[Client] = []

    def begin(count: int, sizes: dict[str, list[int]], durations: Durations = _EXACT, **vm: Any) -> Client:
        numbered = [(host, size) for host, found in sizes.items() for size in found]
        scenario: Scenario = replace(
            load_scenario("small"),
            hosts=tuple(HostSpec(f"xs-{number:02d}", 64) for number in range(1, count + 1)),
            vms=tuple(VmSpec(f"vm-{n}", host, size, **vm) for n, (host, size) in enumerate(numbered, start=1)),
            ha=False,
            durations=durations,
        )
        opened.append(Client(LabPool.start(scenario, clock), clock).login())
        return opened[-1]

    yield begin
    for client in opened:
        client.close()
        client.pool.stop()
        assert client.pool.world.kernel.crashes == []


def move(client: Client, vm: str, host: str) -> str:
    return str(client("Async.VM.pool_migrate", client.vm(vm), client.host(host), {}))


def seconds(client: Client, began: Any) -> dict[str, float]:
    """When each VM arrived."""
    return {e.vm: (e.at - began).total_seconds() for e in client.pool.effects if e.kind == "vm_migrated"}


def test_streams_that_fit_on_the_wire_do_not_slow_each_other(start: Start) -> None:
    client = start(2, {"xs-01": [4, 4, 4, 4]})
    began = client.clock.now()
    for task in [move(client, f"vm-{n}", "xs-02") for n in range(1, 5)]:
        client.finish(task)
    assert seconds(client, began) == pytest.approx({f"vm-{n}": 16.0 for n in range(1, 5)}, abs=0.01)


@pytest.mark.parametrize("targets", [["xs-02", "xs-03"], ["xs-02", "xs-02"]])
def test_streams_share_a_wire_that_is_too_narrow(start: Start, targets: list[str]) -> None:
    client = start(3, {"xs-01": [4, 2]}, replace(_EXACT, wire_gib_per_s=0.25))
    began = client.clock.now()
    for task in [move(client, f"vm-{n}", host) for n, host in enumerate(targets, start=1)]:
        client.finish(task)
    # Half the speed for both until the small one is over, then all of it for the other.
    assert seconds(client, began) == pytest.approx({"vm-2": 16.0, "vm-1": 24.0}, abs=0.01)


def test_arriving_streams_share_the_wire_of_their_target(start: Start) -> None:
    client = start(3, {"xs-01": [4], "xs-02": [4]}, replace(_EXACT, wire_gib_per_s=0.25))
    began = client.clock.now()
    for task in [move(client, "vm-1", "xs-03"), move(client, "vm-2", "xs-03")]:
        client.finish(task)
    assert seconds(client, began) == pytest.approx({"vm-1": 32.0, "vm-2": 32.0}, abs=0.01)


def test_a_fifth_waits_for_a_worker_and_holds_memory_meanwhile(start: Start) -> None:
    client = start(2, {"xs-01": [4, 4, 4, 4, 8]})
    began, before = client.clock.now(), int(client("host.compute_free_memory", client.host("xs-02")))
    tasks = [move(client, f"vm-{n}", "xs-02") for n in range(1, 6)]
    client.passes(1)
    held = before - int(client("host.compute_free_memory", client.host("xs-02")))
    assert held == pytest.approx(24 * 2**30, rel=0.01)
    for task in tasks:
        client.finish(task)
    assert seconds(client, began)["vm-5"] == pytest.approx(16 + 32, abs=0.01)


def test_a_migration_keeps_its_sources_worker_while_it_waits_for_its_target(start: Start) -> None:
    client = start(3, {"xs-01": [4, 4, 4, 4], "xs-02": [4, 4, 4, 4, 1]})
    began = client.clock.now()
    tasks = [move(client, f"vm-{n}", "xs-03") for n in range(1, 9)]
    # xs-01 has room for it at once, but all workers of xs-02 queue for xs-03.
    tasks.append(move(client, "vm-9", "xs-01"))
    client.passes(1)
    world = client.pool.world
    assert client.pool.run(lambda: [world.machines[name].outgoing for name in ("xs-01", "xs-02")]) == [4, 4]
    assert client.pool.run(lambda: world.machines["xs-03"].incoming) == 4
    for task in tasks:
        client.finish(task)
    arrived = seconds(client, began)
    assert [arrived["vm-1"], arrived["vm-8"], arrived["vm-9"]] == pytest.approx([16.0, 32.0, 36.0], abs=0.01)


def test_a_cancelled_migration_leaves_its_place_in_the_queue(start: Start) -> None:
    client = start(2, {"xs-01": [4, 4, 4, 4, 8, 2]})
    began = client.clock.now()
    tasks = [move(client, f"vm-{n}", "xs-02") for n in range(1, 7)]
    client("task.cancel", tasks[4])
    client("task.cancel", tasks[0])
    for task in tasks:
        client.finish(task)
    arrived = seconds(client, began)
    assert set(arrived) == {"vm-2", "vm-3", "vm-4", "vm-6"}
    assert arrived["vm-6"] == pytest.approx(8.0, abs=0.01)
    free = int(client("host.compute_free_memory", client.host("xs-02")))
    assert free == pytest.approx((64 - 2.5 - 14) * 2**30, rel=0.01)


def test_what_a_guest_writes_meanwhile_is_sent_twice(start: Start) -> None:
    client = start(2, {"xs-01": [4]}, dirtied=0.5)
    began = client.clock.now()
    client.finish(move(client, "vm-1", "xs-02"))
    assert seconds(client, began) == pytest.approx({"vm-1": 24.0}, abs=0.01)


def test_nobody_leaves_or_restarts_a_host_to_which_a_vm_is_on_its_way(start: Start) -> None:
    client = start(3, {"xs-01": [8], "xs-02": [1], "xs-03": []})
    began = client.clock.now()
    arriving = move(client, "vm-1", "xs-02")
    assert "evacuate" not in client("host.get_allowed_operations", client.host("xs-02"))
    client("host.disable", client.host("xs-02"))
    evacuation = client("Async.host.evacuate", client.host("xs-02"))
    assert client.finish(arriving)["status"] == client.finish(evacuation)["status"] == "success"
    assert client.pool.host("xs-02").resident_vms == []
    assert (client.clock.now() - began).total_seconds() > 32 + 32
    back = move(client, "vm-2", "xs-01")
    with refused("HOST_NOT_DISABLED"):
        client("host.reboot", client.host("xs-01"))
    assert client.finish(back)["status"] == "success"


def test_a_host_takes_the_time_that_is_its_own(clock: SteppedTime) -> None:
    slow = HostSpec("xs-02", 64, apply_s=1000.0, reboot_s=2000.0)
    scenario = replace(load_scenario("small"), hosts=(HostSpec("xs-01", 64), slow), vms=(), ha=False)
    with LabPool.start(scenario, clock) as pool:
        client = Client(pool, clock).login()
        client.update_host("xs-02", evacuate=False)
        client("host.reboot", client.host("xs-02"))
        client.passes(3000)
        at = {effect.kind: effect.at for effect in pool.effects if effect.host == "xs-02"}
        client.close()
    assert (at["apply_done"] - at["apply_started"]).total_seconds() == pytest.approx(1000, abs=0.1)
    assert (at["host_booted"] - at["host_rebooted"]).total_seconds() == pytest.approx(2000, abs=0.1)


def test_the_log_says_what_was_under_way_when_the_coordinator_went(start: Start) -> None:
    client = start(3, {"xs-02": [32, 1]})
    client("host.disable", client.host("xs-01"))
    move(client, "vm-1", "xs-03")
    client("host.restart_agent", client.host("xs-01"))
    client.passes(5)
    client.close()
    (lost,) = [effect for effect in client.pool.effects if effect.kind == "coordinator_lost"]
    assert (lost.detail["vms"], lost.detail["hosts"]) == (["vm-1"], [])
