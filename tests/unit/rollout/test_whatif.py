"""Forecasts of planned rollouts: the planner's own course, on paper."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.rollout.decision import Estimates
from bot.rollout.errors import InvalidSpec
from bot.rollout.forecast import Forecast, costs_by_preset, forecast
from bot.rollout.guidance import guidance_of
from bot.rollout.model import PoolSnapshot, VmBlocker
from bot.rollout.proposal import Choices, propose, require_hosts
from bot.rollout.spec import Placement, Preset, StoppedVms, canonical_bytes, parse_spec

from .pools import GIB, NO_BLOCKERS, host, pool_of, updates_of, vm

STANDARD = Choices(preset=Preset.STANDARD, placement=Placement.LEAVE)


def rack(hosts: int = 8, gib: int = 4, each: int = 3) -> PoolSnapshot:
    """Hosts of 32 GiB with three VMs each."""
    return pool_of(
        [host(number, memory_total=32 * GIB) for number in range(1, hosts + 1)],
        [vm(f"v{number}-{count}", number, memory=gib * GIB) for number in range(1, hosts + 1) for count in range(each)],
    )


def foreseen(snapshot: PoolSnapshot, choices: Choices = STANDARD) -> Forecast:
    updates = updates_of(snapshot)
    return forecast(propose(snapshot, updates, NO_BLOCKERS, choices), snapshot, updates, Estimates())


def test_a_planned_rollout_moves_less_and_takes_less_time() -> None:
    snapshot = rack()
    costs = costs_by_preset(snapshot, updates_of(snapshot), NO_BLOCKERS, STANDARD, Estimates())
    assert costs[Preset.SERIAL].migrations == 48
    assert costs[Preset.GENTLE].migrations == 27
    assert costs[Preset.STANDARD].migrations <= 30
    assert costs[Preset.STANDARD].minutes[1] < costs[Preset.GENTLE].minutes[1] < costs[Preset.SERIAL].minutes[1]
    assert (costs[Preset.GENTLE].at_once, costs[Preset.STANDARD].at_once > 1) == (1, True)


def test_turns_are_told_in_the_order_in_which_they_begin() -> None:
    found = foreseen(rack())
    assert found.turns[0].name == "xs-01"
    begins = [turn.begins for turn in found.turns]
    assert begins == sorted(begins)
    assert found.spare is not None
    assert 0 < found.spare < 0.6
    assert Forecast.from_dict(found.as_dict()) == found


def test_what_would_come_to_a_halt_is_said_before_anything_is_touched() -> None:
    found = foreseen(rack(hosts=2, gib=14, each=2))
    assert found.stuck is not None
    assert found.stuck.params["gib"] == 14
    assert found.headlines[0].code == "forecast.stuck"


def test_a_vm_that_cannot_move_is_down_for_its_hosts_turn() -> None:
    snapshot = rack()
    updates = updates_of(snapshot)
    blockers = {"host-2": (VmBlocker("vm-v2-0", "VM_REQUIRES_SR"),)}
    spec = propose(snapshot, updates, blockers, replace(STANDARD, stopped_vms=StoppedVms.SUSPEND))
    found = forecast(spec, snapshot, updates, Estimates())
    # Installation and reboot by first guesses, a stop and a start.
    assert 900 < found.stopped_seconds < 1100


def test_hosts_left_out_are_not_in_the_spec_and_an_order_is_kept() -> None:
    snapshot = rack()
    choices = replace(STANDARD, order=("xs-05",), left_out=("xs-03",))
    found = foreseen(snapshot, choices)
    names = [turn.name for turn in found.turns]
    assert names[:2] == ["xs-01", "xs-05"]
    assert "xs-03" not in names
    spec = propose(snapshot, updates_of(snapshot), NO_BLOCKERS, choices)
    assert parse_spec(canonical_bytes(spec)) == spec
    assert (spec.schema, spec.left_out) == (2, (("host-3", "xs-03"),))


def test_a_host_that_nobody_has_is_refused_by_name() -> None:
    with pytest.raises(InvalidSpec, match="xs-99"):
        require_hosts(rack(), replace(STANDARD, order=("xs-99",)))


def test_the_coordinator_is_not_left_out_when_versions_change() -> None:
    snapshot = rack()
    updates = updates_of(snapshot, rpms=("xapi-core-26.2.0-1.x86_64.rpm",))
    with pytest.raises(InvalidSpec):
        propose(snapshot, updates, NO_BLOCKERS, replace(STANDARD, left_out=("xs-01",)))


def test_toolstack_restarts_move_nothing_with_any_preset() -> None:
    snapshot = rack()
    updates = updates_of(snapshot, guidance_of(recommended=["RestartToolstack"]))
    costs = costs_by_preset(snapshot, updates, NO_BLOCKERS, STANDARD, Estimates())
    assert {cost.migrations for cost in costs.values()} == {0}
