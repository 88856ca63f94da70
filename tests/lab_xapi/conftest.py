"""Pools on a stepped clock, and clients that are closed at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from bot.lab.pool import LabPool
from bot.lab.time import SteppedTime

from .client import Client


@pytest.fixture
def clock() -> SteppedTime:
    return SteppedTime()


@pytest.fixture
def start(clock: SteppedTime) -> Iterator[Callable[[str], Client]]:
    """Start a scenario and answer a client of the bot's account; nothing inside may have stumbled at the end."""
    opened: list[Client] = []

    def begin(scenario: str, ha: bool = False) -> Client:
        client = Client(LabPool.start(scenario=scenario, time=clock), clock).login()
        opened.append(client)
        if not ha and client("pool.get_ha_enabled", client.pool_ref()):
            client("pool.disable_ha")
        return client

    yield begin
    for client in opened:
        client.close()
        client.pool.stop()
        assert client.pool.world.kernel.crashes == []
    assert clock._parked == 0


@pytest.fixture
def small(start: Callable[[str], Client]) -> Client:
    """Three hosts, twelve VMs, HA already switched off."""
    return start("small")
