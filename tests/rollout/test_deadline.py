"""Deadlines: nothing is begun that would not be done in time, and people are asked about what is left."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

import pytest

from bot.rollout import action as do
from bot.rollout.deadline import may_begin
from bot.rollout.decision import Estimates
from bot.rollout.errors import InvalidSpec
from bot.rollout.lifecycle import State
from bot.rollout.proposal import Choices
from bot.rollout.spec import Placement, Preset

from ..unit.rollout.pools import NOW
from .rehearsal import Rehearsal, rehearse, small
from .test_rolling import rack
from .test_timed_pool import timed


def wait_until(rollout: Rehearsal, moment: datetime) -> None:
    rollout.wait(minutes=(moment - rollout.time.now()).total_seconds() / 60)


def test_what_ends_by_the_deadline_may_begin() -> None:
    assert may_begin(NOW, 1e9, None)
    assert may_begin(NOW, 600.0, NOW + timedelta(minutes=10))
    assert not may_begin(NOW, 601.0, NOW + timedelta(minutes=10))


@pytest.mark.parametrize("preset", [Preset.GENTLE, Preset.STANDARD, Preset.FAST])
@pytest.mark.parametrize("hours", [0.1, 0.3, 0.8, 5.0])
def test_whatever_was_begun_is_done_in_time(preset: Preset, hours: float) -> None:
    choices = Choices(preset=preset, placement=Placement.LEAVE, deadline=NOW + timedelta(hours=hours))
    pool = timed(6, 0.4, choices, Random(5))
    pool.estimates = Estimates(apply=240.0, reboot=480.0)
    verdict = None
    while verdict is None:
        verdict = pool.round().verdict
    restarted = [action.host for action in pool.done if isinstance(action, do.RebootHost)]
    assert all(host.enabled for host in pool.snapshot.hosts)
    if len(restarted) == 6:
        assert verdict.state is State.SUCCEEDED
        assert hours >= 0.8
        return
    assert (verdict.state, verdict.reason.code) == (State.NEEDS_ATTENTION, "deadline.reached")
    assert verdict.wants is not None
    # A minute is for being put into service and being seen there.
    assert pool.now <= NOW + timedelta(hours=hours, minutes=1)
    begun = {key.partition(":")[2] for key in pool.intents if key.startswith("ApplyUpdates:")}
    assert begun == set(restarted)
    if hours < 0.2:
        # Nothing was switched off either: the pool is as it was.
        assert {key.partition(":")[0] for key in pool.intents} == set()


def test_people_let_a_rollout_go_on_after_its_deadline() -> None:
    with rehearse(rack()) as rollout:
        soon = rollout.time.now() + timedelta(minutes=20)
        rollout.when("host_rebooted", lambda: wait_until(rollout, soon - timedelta(seconds=45)))
        rollout.ask(preset=Preset.STANDARD, placement=Placement.LEAVE, deadline=soon).approve()
        assert rollout.standing.spec.deadline == soon
        assert rollout.drive() is State.NEEDS_ATTENTION
        assert rollout.problem.code == "deadline.reached"
        done = len(rollout.effects("host_rebooted"))
        assert 1 <= done < 4
        assert rollout.offered() == ["deadline"]
        # Without others' agreement it only asks again.
        assert rollout.retry() is State.NEEDS_ATTENTION
        rollout.amend("deadline")
        assert rollout.agree() is State.SUCCEEDED
        assert rollout.verdict.hosts_behind == []


def test_one_after_the_other_keeps_its_deadline_too() -> None:
    with rehearse(small()) as rollout:
        soon = rollout.time.now() + timedelta(minutes=20)
        rollout.when("host_rebooted", lambda: wait_until(rollout, soon - timedelta(seconds=30)))
        rollout.ask(deadline=soon).approve()
        assert rollout.drive() is State.NEEDS_ATTENTION
        assert rollout.problem.code == "deadline.reached"
        assert [effect.host for effect in rollout.effects("host_rebooted")] == ["xs-01"]
        rollout.abort()
        assert rollout.drive() is State.ABORTED


def test_a_deadline_that_is_past_is_refused_at_once_and_at_the_start_nothing_is_touched() -> None:
    with rehearse(small()) as rollout:
        with pytest.raises(InvalidSpec):
            rollout.ask(deadline=rollout.time.now())
        rollout.ask(deadline=rollout.time.now() + timedelta(minutes=15))
        rollout.approve()
        assert rollout.drive() is State.NEEDS_ATTENTION
        assert rollout.problem.params["count"] == 2
        rollout.assert_untouched()
