"""Other people work on the pool too: we stay out of their way and say so."""

from __future__ import annotations

import pytest

from bot.lab.scenario import VmSpec
from bot.rollout.action import DisableHost, ResumeVm
from bot.rollout.lifecycle import State
from bot.rollout.model import CLAIM_KEY
from bot.rollout.spec import StoppedVms

from .rehearsal import rehearse, small


@pytest.mark.failure("sync-in-mid-run")
def test_a_sync_in_mid_run_is_asked_about_before_anything_else_is_done() -> None:
    with rehearse(small()) as rollout:
        rollout.when("apply_done", lambda: rollout.pool.fault("foreign_sync"), host="xs-01")
        assert rollout.carry_out() is State.NEEDS_ATTENTION
        assert rollout.problem.code in ("pool.foreign_operation", "checksum.changed")
        assert rollout.effects("apply_started", host="xs-02") == []
        # Going on would install what nobody approved, so a retry only asks again; the way out is the end.
        rollout.wait(minutes=5)
        assert rollout.retry() is State.NEEDS_ATTENTION
        assert rollout.problem.code == "checksum.changed"
        rollout.abort()
        assert rollout.drive() is State.ABORTED
        rollout.assert_as_it_was()
        assert rollout.effects("apply_started", host="xs-02") == []


def test_a_pool_that_another_installation_holds_is_left_alone_until_it_is_free() -> None:
    with rehearse(small()) as rollout:
        pool = rollout.gateway.snapshot().pool.ref
        rollout.ask().approve()
        rollout.somebody("pool.add_to_other_config", pool, CLAIM_KEY, "elsewhere/7")
        looked = rollout.script.rounds
        seen: list[str] = []

        def some_minutes_later() -> None:
            if rollout.script.rounds == looked + 5:
                assert rollout.standing.row.started_at is None
                seen.extend(str(effect.detail.get("name")) for effect in rollout.pool.effects)
                rollout.somebody("pool.remove_from_other_config", pool, CLAIM_KEY)

        rollout.script.every_round = some_minutes_later
        assert rollout.drive() is State.SUCCEEDED
        rollout.assert_done()
        assert seen == [f"other_config:{CLAIM_KEY}"]
        told = [text for text in rollout.told() if "elsewhere/7" in text]
        assert len(told) == 1


@pytest.mark.failure("pool-claimed")
def test_a_claim_that_appears_in_mid_run_stops_us() -> None:
    with rehearse(small()) as rollout:
        pool = rollout.gateway.snapshot().pool.ref

        def claim() -> None:
            rollout.somebody("pool.remove_from_other_config", pool, CLAIM_KEY)
            rollout.somebody("pool.add_to_other_config", pool, CLAIM_KEY, "elsewhere/7")

        rollout.when("host_ready", claim, host="xs-01")
        assert rollout.carry_out() is State.NEEDS_ATTENTION
        assert (rollout.problem.code, rollout.problem.params["owner"]) == ("pool.claimed", "elsewhere/7")
        assert rollout.effects("host_disabled", host="xs-02") == []
        rollout.somebody("pool.remove_from_other_config", pool, CLAIM_KEY)
        assert rollout.retry() is State.SUCCEEDED
        rollout.assert_done()


@pytest.mark.failure("foreign-work")
def test_a_host_that_somebody_else_is_emptying_stops_us() -> None:
    with rehearse(small()) as rollout:
        there = rollout.pool.host("xs-02")

        def empty() -> None:
            rollout.somebody("host.disable", there.ref)
            rollout.somebody("Async.host.evacuate", there.ref)

        rollout.when("vm_migrated", empty, host="xs-01")
        assert rollout.carry_out() is State.NEEDS_ATTENTION
        assert rollout.problem.code == "pool.foreign_operation"
        assert rollout.problem.params["operation"] == "host.evacuate"
        assert rollout.effects("apply_started", host="xs-02") == []
        rollout.wait(minutes=10)
        assert rollout.retry() is State.SUCCEEDED
        assert rollout.verdict.hosts_behind == []


def test_a_vm_that_somebody_moved_back_is_home() -> None:
    with rehearse(small()) as rollout:
        vm = rollout.pool.vm("web-01")
        rollout.when("host_enabled", lambda: vm.started_by_somebody("xs-01"), host="xs-01")
        assert rollout.carry_out() is State.SUCCEEDED
        rollout.assert_done()


def test_a_vm_that_we_suspended_and_somebody_resumed_is_not_touched_again() -> None:
    with rehearse(small(more=[VmSpec("cache-01", "xs-02", 8, local=True)])) as rollout:
        vm = rollout.pool.vm("cache-01")
        there = rollout.pool.host("xs-02")
        rollout.before(ResumeVm, lambda: rollout.somebody("VM.resume_on", vm.ref, there.ref, False, False))
        rollout.ask(stopped_vms=StoppedVms.SUSPEND).approve().drive()
        rollout.assert_done()
        assert len(rollout.effects("vm_suspended")) == len(rollout.effects("vm_resumed")) == 1


def test_a_host_that_somebody_put_back_into_service_is_taken_out_again_before_its_reboot() -> None:
    with rehearse(small()) as rollout:
        there = rollout.pool.host("xs-02")
        rollout.when("apply_done", lambda: rollout.somebody("host.enable", there.ref), host="xs-02")
        rollout.carry_out()
        while rollout.state is State.NEEDS_ATTENTION:
            rollout.retry()
        rollout.assert_done()


def test_one_rollout_at_a_time() -> None:
    with rehearse(small()) as rollout:
        refused: list[str] = []

        def ask_again() -> None:
            before = rollout.id, rollout.digest
            try:
                rollout.ask(by="dave")
            except Exception as error:
                refused.append(type(error).__name__)
            rollout.id, rollout.digest = before

        rollout.before(DisableHost, ask_again, subject="xs-01")
        rollout.carry_out()
        rollout.assert_done()
        assert refused in (["PoolBusy"], ["Blocked"])
