"""What a rollout switched off or moved is given back at every end, and listed for as long as it cannot be."""

from __future__ import annotations

import pytest

from bot.rollout.action import ApplyUpdates, DisableHost, RebootHost
from bot.rollout.errors import RolloutError
from bot.rollout.guidance import Level
from bot.rollout.lifecycle import State
from bot.rollout.memory import DebtKind
from bot.rollout.spec import StoppedVms

from .rehearsal import actor, rehearse, scene, small


def test_success_gives_everything_back() -> None:
    with rehearse(scene("livepatch", auto_poweron=True)) as rollout:
        rollout.carry_out()
        rollout.assert_done()
        changed = [(effect.detail["name"], effect.detail["new"]) for effect in rollout.effects("setting_changed")]
        assert {name for name, _ in changed} >= {"ha_enabled", "wlb_enabled"}
        assert len(changed) == 2 * len({name for name, _ in changed})


@pytest.mark.failure("host-cannot-be-emptied")
def test_a_host_that_cannot_be_emptied_ends_it_before_any_host_is_touched() -> None:
    with rehearse(small()) as rollout:
        vm = rollout.pool.vm("web-01")
        rollout.when("setting_changed", vm.refuses_migration, name="ha_enabled", new=False)
        assert rollout.carry_out() is State.FAILED
        assert rollout.headline.code.startswith("evacuation.")
        assert "web-01" in str(rollout.headline.params)
        rollout.assert_as_it_was()
        assert rollout.effects("host_disabled") == rollout.effects("vm_migrated") == []
        assert rollout.effects("apply_started") == rollout.effects("host_rebooted") == []


def test_an_abort_before_the_first_host_gives_everything_back() -> None:
    with rehearse(small()) as rollout:
        rollout.before(DisableHost, rollout.abort, subject="xs-01")
        assert rollout.carry_out() is State.ABORTED
        rollout.assert_as_it_was()
        assert rollout.effects("apply_started") == rollout.effects("host_rebooted") == []


def test_an_abort_finishes_the_host_in_hand_and_leaves_the_others_alone() -> None:
    with rehearse(small()) as rollout:
        rollout.before(RebootHost, rollout.abort, subject="xs-01")
        assert rollout.carry_out() is State.ABORTED
        rollout.assert_as_it_was()
        assert rollout.verdict.reboots_by_host == {"xs-01": 1, "xs-02": 0}
        assert [effect.host for effect in rollout.effects("apply_done")] == ["xs-01"]


def test_an_abort_while_an_update_is_being_installed() -> None:
    with rehearse(small()) as rollout:
        rollout.when("apply_started", rollout.abort, host="xs-01")
        assert rollout.carry_out() is State.ABORTED
        rollout.assert_as_it_was()
        assert rollout.verdict.reboots_by_host == {"xs-01": 1, "xs-02": 0}


@pytest.mark.failure("ha-stays-off")
def test_ha_stays_owed_while_versions_differ_and_returns_with_the_rest_of_the_updates() -> None:
    with rehearse(scene("split-guidance")) as rollout:
        rollout.before(DisableHost, rollout.abort, subject="xs-02")
        assert rollout.carry_out() is State.ABORTED
        assert not rollout.verdict.ha_restored
        owed = rollout.ha_owed
        assert owed is not None
        assert owed.waiting_for == "NOT_SUPPORTED_DURING_UPGRADE"
        assert owed.original["failures_to_tolerate"] > 0
        assert rollout.effects("host_rebooted", host="xs-02") == []

        # Asked to try now, it tries, and goes on owing.
        assert "ha:" in rollout.desk.restore("lab", actor("alice"))
        assert rollout.ha_owed == owed

        # The rest of the pool follows; the original is what the first rollout found, not what the second one did.
        first = rollout.id
        assert rollout.carry_out() is State.SUCCEEDED
        assert rollout.id != first
        rollout.assert_done()


@pytest.mark.failure("cannot-be-undone")
def test_what_could_not_be_given_back_at_an_abort_stays_owed_when_people_give_up() -> None:
    with rehearse(small()) as rollout:
        host = rollout.pool.host("xs-02")
        host.never_returns()
        assert rollout.carry_out() is State.NEEDS_ATTENTION
        rollout.abort()
        assert rollout.drive() is State.NEEDS_ATTENTION
        rollout.abort()
        assert rollout.drive() is State.FAILED
        assert rollout.headline.code == "rollout.given_up"
        assert {debt.kind for debt in rollout.owed.values()} >= {DebtKind.HA, DebtKind.HOST_ENABLED, DebtKind.VM_HOME}
        # The host is repaired in the end, and the timer gives everything back.
        host.never_returns(False)
        with rollout.clock() as beat:
            for _ in range(6):
                if rollout.owed:
                    rollout.wait(minutes=6)
                    beat()
        rollout.assert_as_it_was()


@pytest.mark.parametrize("failures", [0, 2])
def test_ha_returns_by_itself_once_somebody_else_updated_the_rest(failures: int) -> None:
    with rehearse(scene("split-guidance"), required=1) as rollout:
        rollout.before(DisableHost, rollout.abort, subject="xs-02")
        rollout.ask().approve("bob").drive()
        assert rollout.ha_owed is not None
        rollout.pool.fault("ha_enable_fails", times=failures)
        spec, snapshot = rollout.standing.spec, rollout.gateway.snapshot()
        rest = next(entry for entry in snapshot.hosts if entry.name == "xs-02")
        rollout.somebody("host.disable", rest.ref)
        rollout.somebody("host.evacuate", rest.ref)
        rollout.somebody("host.apply_updates", rest.ref, spec.checksum)
        rollout.somebody("host.restart_agent", rest.ref)
        while rollout.gateway.snapshot().pool.versions_mixed:
            rollout.wait(minutes=1)
        with rollout.clock() as beat:
            beat()
            assert rollout.ha_owed is not None
            for _ in range(1 + failures):
                rollout.wait(minutes=6)
                beat()
        assert rollout.ha_owed is None
        assert rollout.verdict.ha_restored


def test_nothing_is_given_back_behind_the_back_of_a_rollout_that_is_at_work() -> None:
    with rehearse(small()) as rollout:
        rollout.pool.host("xs-01").apply_fails()
        assert rollout.carry_out() is State.NEEDS_ATTENTION
        with pytest.raises(RolloutError, match="restores what it changed itself"):
            rollout.desk.restore("lab", actor("alice"))
        with rollout.clock() as beat:
            beat()
            rollout.wait(minutes=6)
            beat()
        assert rollout.effects("setting_changed", name="ha_enabled", new=True) == []
        assert rollout.ha_owed is not None


def test_ha_that_cannot_be_switched_on_is_asked_about_and_still_owed() -> None:
    with rehearse(small()) as rollout:
        rollout.pool.fault("ha_enable_fails", times=1)
        assert rollout.carry_out() is State.NEEDS_ATTENTION
        assert rollout.problem.params["code"] == "HA_FAILED_TO_FORM_LIVESET"
        assert rollout.ha_owed is not None
        assert rollout.retry() is State.SUCCEEDED
        rollout.assert_done()


def test_a_suspended_vm_is_resumed_after_its_hosts_turn() -> None:
    with rehearse(scene("pinned", vms=("web-01", "cache-01", "web-02"), hosts=("xs-01", "xs-02"))) as rollout:
        rollout.ask(stopped_vms=StoppedVms.SUSPEND).approve().drive()
        rollout.assert_done()
        assert [effect.vm for effect in rollout.effects("vm_suspended")] == ["cache-01"]
        assert [effect.vm for effect in rollout.effects("vm_resumed", host="xs-02")] == ["cache-01"]


def test_a_stopped_vm_starts_again_when_the_rollout_is_aborted_in_its_hosts_turn() -> None:
    with rehearse(scene("pinned", vms=("web-01", "cache-01", "web-02"), hosts=("xs-01", "xs-02"))) as rollout:
        rollout.ask(stopped_vms=StoppedVms.SHUTDOWN, level=Level.RECOMMENDED).approve()
        rollout.before(ApplyUpdates, rollout.abort, subject="xs-02")
        assert rollout.drive() is State.ABORTED
        rollout.assert_as_it_was()
        assert [effect.vm for effect in rollout.effects("vm_shut_down")] == ["cache-01"]


def test_settings_that_somebody_switched_on_meanwhile_are_left_alone() -> None:
    with rehearse(scene("livepatch")) as rollout:
        pool = rollout.gateway.snapshot().pool
        switch_on = lambda: rollout.somebody("pool.set_wlb_enabled", pool.ref, True)  # noqa: E731
        rollout.when("host_ready", switch_on, host="xs-02")
        assert rollout.carry_out() is State.SUCCEEDED
        rollout.assert_done()
        assert len(rollout.effects("setting_changed", name="wlb_enabled", new=True)) == 1


def test_a_vm_that_somebody_stopped_is_left_alone_and_listed() -> None:
    with rehearse(small()) as rollout:
        vm = rollout.pool.vm("dns-01")
        rollout.before(RebootHost, lambda: rollout.somebody("VM.clean_shutdown", vm.ref), subject="xs-01")
        assert rollout.carry_out() is State.SUCCEEDED
        assert rollout.verdict.vms_away == {"dns-01": {"began": "Running on xs-01", "is": "Halted"}}
        assert rollout.owed == {}
        left = [row for row in rollout.audited() if row.action == "debt.settled" and b"left_alone" in row.body]
        assert len(left) == 1
        assert rollout.verdict.vm_downtime["dns-01"] > 0
