"""When a running rollout should be done: told early and rightly, from any moment of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from random import Random

import pytest

from bot.rollout.decide import decide
from bot.rollout.decision import Decision, Estimates
from bot.rollout.expected import Expectation, expected
from bot.rollout.lifecycle import State
from bot.rollout.proposal import Choices
from bot.rollout.spec import Placement, Preset

from .rehearsal import rehearse
from .test_rolling import rack
from .test_timed_pool import carried_out, timed

#: As long as things take in this pool.
LEARNED = Estimates(apply=240.0, reboot=480.0, toolstack=40.0)


def foreseen(
    preset: Preset, placement: Placement, every: int = 25
) -> tuple[list[tuple[datetime, Expectation]], datetime]:
    """What was expected at every so manieth round of a rollout, and when it was really done."""
    pool = timed(6, 0.45, Choices(preset=preset, placement=placement), Random(7))
    pool.estimates, pool.finds_back = LEARNED, lambda host: 20.0
    told: list[tuple[datetime, Expectation]] = []
    rounds = 0

    def watched(*given: object) -> Decision:
        nonlocal rounds
        if rounds % every == 0:
            found = expected(*given)  # type: ignore[arg-type]
            assert found is not None
            told.append((pool.now, found))
        rounds += 1
        return decide(*given)  # type: ignore[arg-type]

    pool.clock = watched
    assert carried_out(pool) is State.SUCCEEDED
    return told, pool.now


@pytest.mark.parametrize("placement", [Placement.LEAVE, Placement.HOME])
@pytest.mark.parametrize("preset", [Preset.GENTLE, Preset.STANDARD, Preset.FAST])
def test_the_expected_end_is_right_from_every_moment(preset: Preset, placement: Placement) -> None:
    told, end = foreseen(preset, placement)
    assert len(told) >= 6
    for at, found in told:
        left = (end - at).total_seconds()
        assert abs((found.end - end).total_seconds()) <= 0.12 * left + 90, (at, found.end, end)


def test_hosts_are_expected_one_after_the_other_and_fewer_as_they_are_done() -> None:
    told, _ = foreseen(Preset.STANDARD, Placement.LEAVE)
    first = told[0][1]
    assert set(first.hosts) == {f"host-{number}" for number in range(1, 7)}
    coordinator = first.hosts["host-1"]
    assert all(coordinator.begins <= times.begins < times.ends <= first.end for times in first.hosts.values())
    # Two hosts never install at the same time, so that no two of them are back at once.
    ends = sorted(times.ends for times in first.hosts.values())
    assert all((later - earlier).total_seconds() >= 240 for earlier, later in pairwise(ends))
    counts = [len(found.hosts) for _, found in told]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] < 6


def test_one_host_after_the_other_is_summed_up() -> None:
    pool = timed(4, 0.4, Choices(preset=Preset.SERIAL), Random(3))
    pool.estimates = LEARNED
    first = expected(pool.spec, pool.memory(), pool.snapshot, pool.estimates, pool.now)
    assert first is not None
    times = sorted(first.hosts.values(), key=lambda times: times.begins)
    assert all(later.begins == earlier.ends for earlier, later in pairwise(times))
    while not any(pool.host(f"host-{number}").last_update_hash == pool.spec.checksum for number in (2, 3, 4)):
        assert pool.round().verdict is None
    later = expected(pool.spec, pool.memory(), pool.snapshot, pool.estimates, pool.now)
    assert later is not None
    assert len(later.hosts) == 3
    # XAPI empties hosts at once in this pool, which saves the first guesses about a minute for each.
    assert abs((later.end - first.end).total_seconds()) < 300
    ended = carried_out(pool)
    assert (ended, abs((later.end - pool.now).total_seconds()) < 300) == (State.SUCCEEDED, True)


def test_nothing_is_promised_about_a_rollout_that_is_being_ended_or_waits_for_a_lost_host() -> None:
    pool = timed(4, 0.4, Choices(preset=Preset.STANDARD), Random(3))
    memory = replace(pool.memory(), aborting=True)
    assert expected(pool.spec, memory, pool.snapshot, pool.estimates, pool.now) is None
    pool.lost = frozenset({"host-2", "host-3", "host-4"})
    assert carried_out(pool) is State.NEEDS_ATTENTION
    assert expected(pool.spec, pool.memory(), pool.snapshot, pool.estimates, pool.now) is None


def test_people_read_how_long_it_should_still_take() -> None:
    with rehearse(rack()) as rollout:
        shown: list[str] = []
        rollout.ask(preset=Preset.STANDARD, placement=Placement.LEAVE).approve()
        for times in (1, 3):
            rollout.when("host_rebooted", lambda: shown.append(rollout.progress()), times=times)
        rollout.drive()
        assert rollout.state is State.SUCCEEDED
        early, late = shown
        assert "left, until " in early
        assert early.count("expected from about ") > late.count("expected from about ")
        assert "left, until" not in rollout.progress()
