"""A short run of the chaos suite on either database. `make chaos` does the same for longer and on more pools."""

from __future__ import annotations

import pytest

from tests.chaos.run import Result, Size, carry_out

#: Generous: what a run takes depends on who else uses the machine.
pytestmark = pytest.mark.timeout(600)


def assert_nothing_broken(result: Result) -> None:
    assert not result.broken, f"{result}\n{result.figures}"
    figures = result.figures
    assert (figures["kills"], figures["faults"]) == (6, 6)
    assert figures["effects"] > 20
    assert figures["messages"] > 30
    assert figures["audit_ok"]


def test_one_process_on_sqlite() -> None:
    assert_nothing_broken(carry_out(Size(pools=3, hosts=2, kills=6, faults=6, seed=11, rounds=1), patience_s=500))


@pytest.mark.postgresql
def test_four_processes_on_postgresql() -> None:
    size = Size(pools=3, hosts=2, kills=6, faults=6, seed=12, database="own", rounds=1)
    assert_nothing_broken(carry_out(size, patience_s=500))
