"""Clients that do anything at any time: the lab refuses, but it never stumbles and never loses a VM."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
import XenAPI

from bot.lab.xapi.failure import NULL
from bot.lab.xapi.faults import FAULTS

from .client import AWAY, Client

SCENARIOS = ["small", "split-guidance", "livepatch", "tight", "pinned", "toolstack-only", "single"]


def anything(client: Client, chance: Random) -> None:
    """One random step of a client that does not think."""
    hosts, vms = client.pool.hosts, client.pool.vms
    host, other, vm = chance.choice(hosts).ref, chance.choice(hosts).ref, chance.choice(vms).ref
    calls: list[tuple[Any, ...]] = [
        ("host.disable", host),
        ("host.enable", host),
        ("host.evacuate", host),
        ("host.apply_updates", host, client.checksum()),
        ("host.reboot", host),
        ("host.restart_agent", host),
        ("pool.disable_ha",),
        ("pool.enable_ha", [client("pool.get_default_SR", client.pool_ref())], {}),
        ("pool.sync_updates", client.pool_ref(), False),
        ("pool.designate_new_master", other),
        ("VM.pool_migrate", vm, other, {}),
        ("VM.suspend", vm),
        ("VM.resume_on", vm, other, False, False),
        ("VM.start", vm, False, False),
        ("VM.clean_shutdown", vm),
        ("VM.restart_device_models", vm),
    ]
    step = chance.randrange(len(calls) + 4)
    if step < len(calls):
        method, *params = calls[step]
        client(f"Async.{method}", *params)
    elif step == len(calls):
        client.get(f"/updates?session_id={client.ref}")
    elif step == len(calls) + 1:
        for task in client("task.get_all")[:1]:
            client("task.cancel", task)
    elif step == len(calls) + 2:
        client("event.from", ["*"], "", 1.0)
    else:
        client.pool.fault(
            chance.choice(list(FAULTS)),
            host=chance.choice(hosts).name,
            vm=chance.choice(vms).name,
            seconds=2,
            on=chance.random() < 0.6,
        )
    client.passes(chance.choice([0.5, 5, 30, 60, 300]))


@pytest.mark.parametrize("seed", range(8))
def test_no_client_can_make_the_lab_stumble(start: Callable[..., Client], seed: int) -> None:
    chance = Random(seed)
    client = start(chance.choice(SCENARIOS), ha=True)
    for _ in range(100):
        try:
            anything(client, chance)
        except XenAPI.Failure as failure:
            if failure.details[0] == "SESSION_INVALID":
                client.login()
            client.passes(10)
        except AWAY:
            client.close()
            client.passes(20)
    client.pool.run(lambda: check(client))


def check(client: Client) -> None:
    world = client.pool.world
    for ref, vm in world.db.items("VM"):
        if vm["is_a_template"]:
            continue
        host = vm["resident_on"]
        assert (vm["power_state"] == "Running") == (host != NULL), vm["name_label"]
        holders = [h["name_label"] for _, h in world.db.items("host") if ref in h["resident_VMs"]]
        assert holders == [world.name("host", host)] * (host != NULL)
    for task in world.db.tables["task"].values():
        assert not task.fields["error_info"] or "Error:" not in task.fields["error_info"][-1]
