"""Things go wrong: what passes is tried again, what does not is asked about, and a retry goes on where it stopped."""

from __future__ import annotations

import pytest

from bot.lab.scenario import VmSpec
from bot.rollout.action import RebootHost
from bot.rollout.lifecycle import State

from .rehearsal import rehearse, small


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.failure("update-fails")
def test_an_update_that_cannot_be_installed_is_asked_about_each_time(times: int) -> None:
    with rehearse(small()) as rollout:
        rollout.pool.host("xs-02").apply_fails(times)
        rollout.carry_out()
        for _ in range(times):
            assert rollout.state is State.NEEDS_ATTENTION
            assert rollout.problem.code == "operation.failed_told"
            assert rollout.problem.params["code"] == "APPLY_UPDATES_FAILED"
            assert rollout.problem.params["subject"] == "xs-02"
            assert rollout.problem.params["hint"]
            # It waits for people; nothing more is done to the host by itself.
            assert rollout.drive() is State.NEEDS_ATTENTION
            rollout.retry()
        rollout.assert_done()
        assert len(rollout.effects("apply_failed")) == times
        assert rollout.verdict.reboots_by_host == {"xs-01": 1, "xs-02": 1}


def test_an_update_that_can_never_be_installed_is_backed_out() -> None:
    with rehearse(small()) as rollout:
        rollout.pool.host("xs-01").apply_fails(99)
        assert rollout.carry_out() is State.NEEDS_ATTENTION
        rollout.abort()
        assert rollout.drive() is State.ABORTED
        rollout.assert_as_it_was()
        assert rollout.effects("host_rebooted") == []


@pytest.mark.failure("host-not-back")
def test_a_host_that_does_not_come_back_is_asked_about_and_not_rebooted_again() -> None:
    with rehearse(small()) as rollout:
        host = rollout.pool.host("xs-02")
        host.never_returns()
        assert rollout.carry_out() is State.NEEDS_ATTENTION
        assert (rollout.problem.code, rollout.problem.params["host"]) == ("host.not_back", "xs-02")
        assert rollout.ha_owed is not None
        host.never_returns(False)
        assert rollout.retry() is State.SUCCEEDED
        rollout.assert_done()
        assert rollout.verdict.reboots_by_host == {"xs-01": 1, "xs-02": 1}


@pytest.mark.failure("coordinator-not-back")
def test_a_coordinator_that_does_not_come_back_is_asked_about() -> None:
    with rehearse(small()) as rollout:
        host = rollout.pool.host("xs-01")
        host.never_returns()
        assert rollout.carry_out() is State.NEEDS_ATTENTION
        assert rollout.problem.code == "pool.unreachable"
        host.never_returns(False)
        assert rollout.retry() is State.SUCCEEDED
        rollout.assert_done()
        assert rollout.verdict.reboots_by_host == {"xs-01": 1, "xs-02": 1}


@pytest.mark.failure("migration-fails")
def test_a_migration_that_fails_while_emptying_the_host_is_asked_about() -> None:
    with rehearse(small()) as rollout:
        rollout.pool.vm("web-01").migration_fails()
        rollout.carry_out()
        while rollout.state is State.NEEDS_ATTENTION:
            assert "migration aborted" in str(rollout.problem.params)
            rollout.retry()
        rollout.assert_done()
        assert len(rollout.effects("migration_failed")) == 1


def test_an_evacuation_that_moved_others_is_tried_again_for_what_is_left() -> None:
    with rehearse(small(ha=False)) as rollout:
        # XAPI moves the largest first, and gives up over this one when the others have left.
        rollout.pool.vm("dns-01").migration_fails()
        assert rollout.carry_out() is State.SUCCEEDED
        rollout.assert_done()
        assert len(rollout.effects("migration_failed")) == 1
        moved = [effect.vm for effect in rollout.effects("vm_migrated", host="xs-02") if effect.vm == "web-01"]
        assert len(moved) == 1


def test_an_evacuation_that_gets_nowhere_is_asked_about_at_once() -> None:
    with rehearse(small(ha=False, vms=("web-01",))) as rollout:
        rollout.pool.vm("web-01").migration_fails(9)
        assert rollout.carry_out() is State.NEEDS_ATTENTION
        assert len(rollout.effects("migration_failed")) == 1


def test_a_migration_home_that_fails_is_tried_again_at_the_end() -> None:
    with rehearse(small()) as rollout:
        vm = rollout.pool.vm("web-01")
        rollout.when("host_rebooted", vm.migration_fails, host="xs-01")
        rollout.carry_out()
        while rollout.state is State.NEEDS_ATTENTION:
            assert rollout.problem.params["subject"] == "web-01"
            rollout.retry()
        rollout.assert_done()
        assert len(rollout.effects("migration_failed")) == 1


@pytest.mark.failure("connection-broken")
def test_connections_that_break_cost_nothing() -> None:
    with rehearse(small()) as rollout:
        for moment in ("host_disabled", "apply_started", "apply_done", "vm_migrated"):
            rollout.when(moment, rollout.pool.host("xs-01").drop_connections)
        assert rollout.carry_out() is State.SUCCEEDED
        rollout.assert_done()


def test_a_vm_that_appears_on_an_emptied_host_is_never_caught_by_the_reboot() -> None:
    with rehearse(small(more=[VmSpec("late-01", "xs-02", 2, power="Halted")])) as rollout:
        late = rollout.pool.vm("late-01")

        def start() -> None:
            late.started_by_somebody("xs-01")
            while late.power_state != "Running":
                rollout.wait(minutes=0.1)

        rollout.before(RebootHost, start, subject="xs-01")
        rollout.carry_out()
        while rollout.state is State.NEEDS_ATTENTION:
            assert rollout.effects("rebooted_with_vms") == []
            assert "late-01" in str(rollout.problem.params)
            rollout.retry()
        assert rollout.state is State.SUCCEEDED
        assert rollout.verdict.violations == []
        assert late.power_state == "Running"


@pytest.mark.failure("host-cannot-be-emptied")
def test_a_vm_that_must_not_be_stopped_keeps_its_host_running() -> None:
    # It became unmovable after everything was checked; nobody approved stopping it.
    with rehearse(small()) as rollout:
        vm = rollout.pool.vm("web-02")
        rollout.when("apply_done", vm.refuses_migration, host="xs-01")
        assert rollout.carry_out() is State.NEEDS_ATTENTION
        assert rollout.effects("host_rebooted", host="xs-02") == []
        assert rollout.effects("vm_shut_down") == rollout.effects("vm_suspended") == []
        assert (vm.power_state, vm.resident_on) == ("Running", "xs-02")
        vm.refuses_migration(False)
        assert rollout.retry() is State.SUCCEEDED
        rollout.assert_done()
