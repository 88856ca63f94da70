"""A seed is a plan: the same one each time, with as much in it as was asked for."""

from __future__ import annotations

from tests.chaos.plan import POOL_FAULTS, draw


def test_a_seed_makes_the_same_plan_again() -> None:
    one = draw(7, span=60, kills=20, faults=30, freezes=3, database_restarts=2)
    assert one == draw(7, span=60, kills=20, faults=30, freezes=3, database_restarts=2)
    assert one != draw(8, span=60, kills=20, faults=30, freezes=3, database_restarts=2)


def test_a_plan_has_what_was_asked_for_in_order_of_time() -> None:
    plan = draw(7, span=60, kills=20, faults=30, freezes=3, database_restarts=2)
    assert (plan.count("kill"), plan.count("freeze"), plan.count("database"), plan.faults) == (20, 3, 2, 30)
    moments = [disturbance.at for disturbance in plan.disturbances]
    assert moments == sorted(moments)
    assert 0 <= moments[0] <= moments[-1] <= 60


def test_every_fault_comes_up() -> None:
    plan = draw(7, span=60, kills=0, faults=1000, freezes=0, database_restarts=0)
    assert set(POOL_FAULTS) <= {disturbance.kind for disturbance in plan.disturbances}
