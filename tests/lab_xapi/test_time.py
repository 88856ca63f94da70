"""The two clocks."""

from __future__ import annotations

import threading
import time as wall
from datetime import UTC, datetime, timedelta

import pytest

from bot.lab.pool import LabPool
from bot.lab.time import ScaledTime, SteppedTime

from .client import Client

START = datetime(2026, 1, 1, tzinfo=UTC)


def test_scaled_time_flows_faster() -> None:
    clock = ScaledTime(speed=1000, start=START)
    began = wall.monotonic()
    assert clock.wait_until(clock.now() + timedelta(seconds=100)) is False
    assert 0.09 < wall.monotonic() - began < 1
    assert clock.now() >= START + timedelta(seconds=100)


@pytest.fixture(params=["scaled", "stepped"])
def either(request: pytest.FixtureRequest) -> ScaledTime | SteppedTime:
    return ScaledTime(speed=10, start=START) if request.param == "scaled" else SteppedTime(START)


def test_a_wake_ends_the_wait(either: ScaledTime | SteppedTime) -> None:
    wake, answers = threading.Event(), []

    def wait() -> None:
        with either.participant():
            answers.append(either.wait_until(either.now() + timedelta(hours=5), wake))

    with either.participant():
        thread = threading.Thread(target=wait)
        thread.start()
        wall.sleep(0.02)
        wake.set()
        thread.join(timeout=5)
    assert answers == [True]
    assert either.now() < START + timedelta(hours=1)


def test_a_past_deadline_returns_at_once(either: ScaledTime | SteppedTime) -> None:
    assert either.wait_until(START - timedelta(seconds=1)) is False


def test_stepped_time_stands_still_while_a_participant_works() -> None:
    clock = SteppedTime(START)
    done: list[datetime] = []

    def sleeper() -> None:
        with clock.participant():
            clock.wait_until(START + timedelta(minutes=10))
            done.append(clock.now())

    with clock.participant():
        thread = threading.Thread(target=sleeper)
        thread.start()
        wall.sleep(0.05)
        assert clock.now() == START
        clock.wait_until(START + timedelta(minutes=3))
        assert clock.now() == START + timedelta(minutes=3)
        assert done == []
    thread.join(timeout=5)
    assert done == [START + timedelta(minutes=10)]


def test_everybody_wakes_in_the_order_of_deadlines() -> None:
    clock = SteppedTime(START)
    order: list[int] = []
    ready = threading.Barrier(4)

    def sleeper(minutes: int) -> None:
        with clock.participant():
            ready.wait()
            clock.wait_until(START + timedelta(minutes=minutes))
            order.append(minutes)

    threads = [threading.Thread(target=sleeper, args=(minutes,)) for minutes in (7, 3, 5)]
    for thread in threads:
        thread.start()
    ready.wait()
    for thread in threads:
        thread.join(timeout=5)
    assert order == [3, 5, 7]


def test_a_pool_lives_on_scaled_time_too() -> None:
    clock = ScaledTime(speed=600)
    with LabPool.start(scenario="small", time=clock) as pool:
        client = Client(pool, clock).login()  # type: ignore[arg-type]
        client("pool.disable_ha")
        client.do("host.evacuate", client.host("xs-02"))
        assert pool.host("xs-02").resident_vms == []
        client.close()


def test_two_pools_share_one_stepped_clock() -> None:
    clock = SteppedTime(START)
    with (
        LabPool.start(scenario="small", time=clock) as one,
        LabPool.start(scenario="single", time=clock, number=2) as two,
    ):
        first, second = Client(one, clock).login(), Client(two, clock).login()
        assert two.coordinator_url.startswith("https://127.0.2.1:")
        task = second("Async.pool.sync_updates", second.pool_ref(), False)
        first.do("pool.sync_updates", first.pool_ref(), False)
        assert second.finish(task)["status"] == "success"
        first.close()
        second.close()


def test_the_same_calls_make_the_same_run() -> None:
    runs = []
    for _ in range(2):
        clock = SteppedTime(START)
        with LabPool.start(scenario="small", time=clock) as pool:
            client = Client(pool, clock).login()
            client("pool.disable_ha")
            client.do("host.evacuate", client.host("xs-02"))
            runs.append([effect.as_dict() for effect in pool.effects])
            client.close()
    assert runs[0] == runs[1]


def test_stopping_is_quick_and_idempotent() -> None:
    pool = LabPool.start(scenario="large", time=SteppedTime(START))
    client = Client(pool, pool.time).login()  # type: ignore[arg-type]
    client("Async.pool.sync_updates", client.pool_ref(), False)
    began = wall.monotonic()
    pool.stop()
    pool.stop()
    assert wall.monotonic() - began < 1
    client.close()
    assert pool.verdict().hosts == 16


def test_two_scaled_clocks_with_the_same_origin_are_one() -> None:
    clock = ScaledTime(speed=100, start=START)
    other = ScaledTime(clock.speed, clock.start, clock.origin)
    wall.sleep(0.05)
    before = clock.now()
    assert before <= other.now() <= clock.now()
    assert before > START + timedelta(seconds=4)
