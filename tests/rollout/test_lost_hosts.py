"""When a host is lost, those that only wait for their turn serve again: the pool has less than it should already."""

from __future__ import annotations

from random import Random

import pytest

from bot.rollout import action as do
from bot.rollout.decision import Estimates
from bot.rollout.lifecycle import State
from bot.rollout.memory import DebtKind
from bot.rollout.proposal import Choices
from bot.rollout.spec import Placement, Preset

from .rehearsal import rehearse
from .test_rolling import rack
from .test_timed_pool import carried_out, timed
from .timed_pool import TimedPool


def losing(seed: int, preset: Preset, placement: Placement, apply: float) -> TimedPool:
    """Nine hosts; an installation takes `apply` seconds, as everybody knows."""
    pool = timed(9, 0.3, Choices(preset=preset, placement=placement), Random(seed))
    pool.estimates = Estimates(apply=apply, reboot=480.0, toolstack=40.0)
    pool.seconds = {**pool.seconds, do.ApplyUpdates: apply}
    return pool


@pytest.mark.parametrize("preset", [Preset.STANDARD, Preset.FAST])
@pytest.mark.parametrize("placement", [Placement.LEAVE, Placement.HOME])
@pytest.mark.parametrize("apply", [300.0, 415.0])
def test_hosts_whose_vms_leave_keep_them_when_another_is_lost(
    preset: Preset, placement: Placement, apply: float
) -> None:
    pool = losing(1, preset, placement, apply)
    pool.lost = frozenset({"host-4"})
    assert carried_out(pool) is State.NEEDS_ATTENTION
    assert_serving(pool, "host-4")
    assert [action for action in pool.done if isinstance(action, do.KeepHost)]
    assert_goes_on(pool, "host-4")


@pytest.mark.parametrize("placement", [Placement.LEAVE, Placement.HOME])
def test_a_host_that_is_out_but_not_begun_serves_again_when_another_is_lost(placement: Placement) -> None:
    pool = losing(1, Preset.FAST, placement, 415.0)
    while not (waiting := out_and_not_begun(pool)) or not (restarting := under_way(pool)):
        assert pool.round().verdict is None
    pool.lose(restarting[0])
    assert carried_out(pool) is State.NEEDS_ATTENTION
    assert_serving(pool, restarting[0])
    assert [action for action in pool.done if action == do.EnableHost(host=waiting[0])]
    assert pool.intents.get(f"ApplyUpdates:{waiting[0]}") is None
    assert_goes_on(pool, restarting[0])


def out_and_not_begun(pool: TimedPool) -> list[str]:
    return [
        host.uuid
        for host in pool.snapshot.hosts
        if not host.enabled and host.live and f"ApplyUpdates:{host.uuid}" not in pool.intents
    ]


def under_way(pool: TimedPool) -> list[str]:
    """The members that restart."""
    return [host.uuid for host in pool.snapshot.hosts if not host.live and not host.is_coordinator]


def assert_serving(pool: TimedPool, lost: str) -> None:
    """Everybody but the lost host serves, and was either updated as a whole or not begun."""
    others = [host for host in pool.snapshot.hosts if host.uuid != lost]
    assert all(host.enabled and host.live for host in others)
    assert not any(pool.owes(DebtKind.HOST_ENABLED, host.uuid) for host in others)
    applied = {key.partition(":")[2] for key in pool.intents if key.startswith("ApplyUpdates:")}
    rebooted = {action.host for action in pool.done if isinstance(action, do.RebootHost)}
    assert applied == rebooted | {lost}
    assert len(applied) < 9


def assert_goes_on(pool: TimedPool, lost: str) -> None:
    """It came back after all: those that were put back are updated as well."""
    pool.arrive(lost)
    assert carried_out(pool) is State.SUCCEEDED
    reboots = [action.host for action in pool.done if isinstance(action, do.RebootHost)]
    assert sorted(reboots) == sorted(host.uuid for host in pool.snapshot.hosts)


def test_people_read_why_a_host_serves_again() -> None:
    with rehearse(rack(hosts=4)) as rollout:
        rollout.pool.fault("host_never_returns", host="xs-03")
        rollout.ask(preset=Preset.FAST, placement=Placement.LEAVE, order=("xs-03",)).approve()
        assert rollout.drive() is State.NEEDS_ATTENTION
        assert rollout.problem.code == "host.not_back"
        lines = [line for line in rollout.told() if "serves again, not updated: xs-03" in line]
        behind = [name for name in rollout.verdict.hosts_behind if name != "xs-03"]
        assert len(lines) == 1
        assert lines[0].split()[0] in behind
        assert all(host.enabled for host in rollout.gateway.snapshot().hosts if host.name != "xs-03")
        assert [key for key in rollout.owed if key.startswith("host_enabled")] == ["host_enabled xs-03"]
