"""What a rollout will cost: restarts, moves and minutes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rollout.decision import Estimates
from bot.rollout.forecast import Forecast, costs_by_level, forecast
from bot.rollout.guidance import Guidance, Level, Task, guidance_of
from bot.rollout.model import AvailableUpdates, HaSettings, PoolSnapshot, VmBlocker
from bot.rollout.proposal import Choices, propose
from bot.rollout.spec import Livepatch, OnLivepatchFailure, StoppedVms
from tests.unit.rollout.pools import DEFAULTS, NEW, NO_BLOCKERS, REBOOT, host, pool_of, updates_of, vm

GUESSES = Estimates()
TOOLSTACK = guidance_of(recommended=["RestartToolstack"])
PATCHED: dict[str, Any] = {"livepatches": ("xen 4.17.5-12 -> 4.17.5-14",)}


def foreseen(
    snapshot: PoolSnapshot,
    updates: AvailableUpdates,
    choices: Choices = DEFAULTS,
    blockers: dict[str, tuple[VmBlocker, ...]] | None = None,
    estimates: Estimates = GUESSES,
) -> Forecast:
    return forecast(propose(snapshot, updates, blockers or {}, choices), snapshot, updates, estimates)


def codes(found: Forecast) -> set[str]:
    return {headline.code for headline in found.headlines}


def test_rebooting_three_hosts_moves_every_vm_away_and_home() -> None:
    snapshot = pool_of()
    found = foreseen(snapshot, updates_of(snapshot))
    assert [turn.name for turn in found.turns] == ["xs-01", "xs-02", "xs-03"]
    assert all(turn.tasks == (Task.EVACUATE_HOST, Task.REBOOT_HOST) for turn in found.turns)
    assert all((turn.evacuates, turn.vms_moved, turn.vms_stopped) == (True, 2, ()) for turn in found.turns)
    assert (found.reboots, found.toolstack_restarts, found.migrations, found.vm_restarts) == (3, 0, 12, 0)
    assert found.vms_stopped == ()
    # Per host: 300 s apply, 600 s reboot, 2 VMs of 4 GiB in 21 s side by side, twice.
    assert [turn.seconds for turn in found.turns] == [942.0] * 3
    low, high = found.minutes
    assert low < (3 * 942 + 60) / 60 < high


def test_a_toolstack_restart_moves_nothing() -> None:
    snapshot = pool_of()
    found = foreseen(snapshot, updates_of(snapshot, TOOLSTACK))
    assert (found.reboots, found.toolstack_restarts, found.migrations) == (0, 3, 0)
    assert not any(turn.evacuates for turn in found.turns)
    assert {turn.reason.code for turn in found.turns} == {"forecast.turn.toolstack"}


def test_a_reboot_is_not_counted_as_a_toolstack_restart_too() -> None:
    snapshot = pool_of()
    found = foreseen(snapshot, updates_of(snapshot, REBOOT, rpms=("xapi-core-26.1.3-1.x86_64.rpm",)))
    assert (found.reboots, found.toolstack_restarts) == (3, 0)
    assert "forecast.versions_change" in codes(found)


def test_updates_without_tasks_interrupt_nothing() -> None:
    snapshot = pool_of()
    found = foreseen(snapshot, updates_of(snapshot, Guidance()))
    assert (found.reboots, found.toolstack_restarts, found.migrations, found.vm_restarts) == (0, 0, 0, 0)
    assert "forecast.no_interruption" in codes(found)
    assert {turn.reason.code for turn in found.turns} == {"forecast.turn.apply"}


def test_a_vm_that_must_restart_starts_on_its_updated_host_instead_of_coming_home() -> None:
    snapshot = pool_of()
    found = foreseen(snapshot, updates_of(snapshot, guidance_of(recommended=["RebootHost", "RestartVM"])))
    assert (found.migrations, found.vm_restarts) == (6, 6)
    assert "forecast.vm_restarts" in codes(found)


def test_vms_restart_in_place_where_their_host_is_not_emptied() -> None:
    snapshot = pool_of()
    found = foreseen(snapshot, updates_of(snapshot, guidance_of(recommended=["RestartVM"])))
    assert (found.migrations, found.vm_restarts) == (0, 6)
    assert all(turn.seconds == 300 + 90 for turn in found.turns)


def test_vms_that_cannot_move_are_named() -> None:
    snapshot = pool_of([host(1)])
    stuck = {"host-1": tuple(VmBlocker(entry.uuid, "NO_HOSTS_AVAILABLE") for entry in snapshot.vms)}
    found = foreseen(snapshot, updates_of(snapshot), Choices(stopped_vms=StoppedVms.SUSPEND), stuck)
    assert found.vms_stopped == ("web1", "db1")
    assert (found.migrations, found.turns[0].vms_moved) == (0, 0)
    # Suspended and resumed side by side: 21 s each way.
    assert found.turns[0].seconds == 942.0
    stopped = foreseen(snapshot, updates_of(snapshot), Choices(stopped_vms=StoppedVms.SHUTDOWN), stuck)
    assert stopped.turns[0].seconds == 990.0


def test_pending_tasks_cost_no_installation() -> None:
    waiting = host(1, last_update_hash=NEW, pending=guidance_of(recommended=["restart_toolstack"]))
    snapshot = pool_of([waiting])
    found = foreseen(snapshot, updates_of(snapshot))
    assert [turn.seconds for turn in found.turns] == [60.0]


def test_new_device_models_take_their_time_where_vms_stay() -> None:
    snapshot = pool_of([host(1)])
    found = foreseen(snapshot, updates_of(snapshot, guidance_of(recommended=["RestartDeviceModel"])))
    assert found.turns[0].tasks == (Task.RESTART_DEVICE_MODEL,)
    assert found.turns[0].seconds == 321.0
    emptied = foreseen(snapshot, updates_of(snapshot, guidance_of(recommended=["EvacuateHost", "RestartDeviceModel"])))
    assert emptied.turns[0].tasks == (Task.EVACUATE_HOST,)


def test_a_live_patch_is_forecast_to_work_whatever_was_agreed_for_its_failure() -> None:
    snapshot = pool_of()
    updates = updates_of(snapshot, Guidance(), **PATCHED)
    asks = foreseen(snapshot, updates)
    agreed = foreseen(snapshot, updates, Choices(on_livepatch_failure=OnLivepatchFailure.REBOOT))
    anyway = foreseen(snapshot, updates, Choices(livepatch=Livepatch.REBOOT_ANYWAY))
    assert (asks.reboots, agreed.reboots, anyway.reboots) == (0, 0, 3)
    assert {"forecast.livepatch", "forecast.livepatch.failure_ask"} <= codes(asks)
    assert {"forecast.livepatch", "forecast.livepatch.failure_reboot"} <= codes(agreed)
    assert "forecast.livepatch.reboot_anyway" in codes(anyway)


def test_every_level_has_its_price_and_the_lowest_says_what_it_leaves() -> None:
    snapshot = pool_of()
    updates = updates_of(snapshot, guidance_of(["RestartToolstack"], ["RebootHost"], ["RestartVM"]))
    costs = costs_by_level(snapshot, updates, NO_BLOCKERS, Choices(), GUESSES)
    assert [(costs[level].reboots, costs[level].toolstack_restarts, costs[level].vm_restarts) for level in Level] == [
        (0, 3, 0),
        (3, 0, 0),
        (3, 0, 6),
    ]
    assert "forecast.left_pending" in codes(costs[Level.MANDATORY])
    assert "forecast.left_pending" not in codes(costs[Level.RECOMMENDED])


def test_time_without_ha_is_announced() -> None:
    snapshot = pool_of(ha=HaSettings(enabled=True))
    assert "forecast.ha_off" in codes(foreseen(snapshot, updates_of(snapshot)))
    assert "forecast.ha_off" not in codes(foreseen(pool_of(), updates_of(snapshot)))


def test_a_pool_that_is_up_to_date_costs_nothing() -> None:
    snapshot = pool_of([host(1, last_update_hash=NEW)])
    found = foreseen(snapshot, updates_of(snapshot))
    assert found.turns == ()
    assert found.minutes == (0, 0)
    assert codes(found) == {"forecast.nothing"}


def test_learned_durations_make_the_forecast_closer() -> None:
    snapshot = pool_of()
    guess = foreseen(snapshot, updates_of(snapshot)).minutes
    learned = foreseen(snapshot, updates_of(snapshot), estimates=replace(GUESSES, learned_from=3)).minutes
    assert guess[0] < learned[0] < learned[1] < guess[1]


@pytest.mark.parametrize(("vms", "seconds"), [(1, 21.0), (4, 21.0), (5, 26.25), (8, 42.0)])
def test_vms_move_four_at_a_time(vms: int, seconds: float) -> None:
    snapshot = pool_of(vms=[vm(f"web{number}", 2) for number in range(vms)])
    found = foreseen(snapshot, updates_of(snapshot))
    assert found.turns[1].seconds == pytest.approx(900 + 2 * seconds, abs=0.1)


tasks = st.frozensets(st.sampled_from(list(Task)))
guidances = st.builds(Guidance, tasks, tasks, tasks)


@given(guidances, st.sampled_from(Level), st.sampled_from(StoppedVms))
def test_a_forecast_survives_json_and_stays_within_its_spec(asked: Guidance, level: Level, stopped: StoppedVms) -> None:
    snapshot = pool_of()
    updates = updates_of(snapshot, asked, **PATCHED)
    stuck = {"host-2": (VmBlocker("vm-web2", "VM_REQUIRES_SR"),)}
    spec = propose(snapshot, updates, stuck, Choices(level, stopped))
    found = forecast(spec, snapshot, updates, GUESSES)
    assert Forecast.from_dict(json.loads(json.dumps(found.as_dict()))) == found
    for turn in found.turns:
        bound = spec.host(turn.host)
        assert bound is not None
        assert set(turn.tasks) <= bound.tasks
        assert turn.vms_moved + len(turn.vms_stopped) in (0, 2)
    assert found.minutes[0] <= found.minutes[1]


def test_emptying_a_host_by_suspending_its_vms_is_an_interruption() -> None:
    snapshot = pool_of([host(1)])
    stuck = {"host-1": tuple(VmBlocker(entry.uuid, "NO_HOSTS_AVAILABLE") for entry in snapshot.vms)}
    updates = updates_of(snapshot, guidance_of(recommended=["EvacuateHost"]))
    found = foreseen(snapshot, updates, Choices(stopped_vms=StoppedVms.SUSPEND), stuck)
    assert (found.reboots, found.migrations) == (0, 0)
    assert "forecast.vms_stopped" in codes(found)
    assert "forecast.no_interruption" not in codes(found)
