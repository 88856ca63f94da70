"""A simulated pool and a local workspace for the commands that only look at them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.lab.pool import LabPool
from bot.lab.slack import LabSlack
from bot.lab.time import ScaledTime

FAST = 1000.0


@pytest.fixture(scope="module")
def small() -> Iterator[LabPool]:
    """Three hosts; only looked at."""
    with LabPool.start(scenario="small", time=ScaledTime(FAST)) as pool:
        yield pool


@pytest.fixture(scope="module")
def single() -> Iterator[LabPool]:
    """One host, whose VMs can go nowhere."""
    with LabPool.start(scenario="single", time=ScaledTime(FAST), number=2) as pool:
        yield pool


@pytest.fixture
def slack() -> Iterator[LabSlack]:
    """The workspace."""
    with LabSlack.start() as slack:
        yield slack
