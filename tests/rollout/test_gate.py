"""The gate after each turn: a host that is not as well as before keeps the next one from being touched."""

from __future__ import annotations

from typing import Any

import pytest

from bot.delivery.rendering import done_of
from bot.messages.attention import attention
from bot.messages.outcome import outcome
from bot.rollout.errors import NotAllowed
from bot.rollout.lifecycle import State
from storage import intents

from .rehearsal import Rehearsal, rehearse, scene, small

FIRST = {"host": "xs-01"}


def untouched(rollout: Rehearsal, host: str = "xs-02") -> bool:
    return rollout.effects("host_disabled", host=host) == []


@pytest.mark.failure("host-not-as-before")
@pytest.mark.parametrize(
    ("condition", "arguments", "code"),
    [
        ("storage_broken_at_boot", FIRST, "gate.storage"),
        ("link_down_at_boot", FIRST, "gate.links"),
        ("agent_silent", {"vm": "web-01"}, "gate.agents_silent"),
    ],
)
def test_what_a_host_lacks_after_its_turn_stops_the_run_before_the_next(
    condition: str, arguments: dict[str, Any], code: str
) -> None:
    with rehearse(small(ha=False)) as rollout:
        rollout.pool.fault(condition, **arguments)
        rollout.ask().approve()
        assert rollout.drive() is State.NEEDS_ATTENTION
        assert rollout.problem.code == code
        assert untouched(rollout)
        assert "proceed" in rollout.standing.row.problem_options
        assert "Go on anyway" in attention(rollout.standing).text + str(attention(rollout.standing).blocks)
        # A retry looks again and finds the same; put right, it goes on.
        assert rollout.retry() is State.NEEDS_ATTENTION
        assert untouched(rollout)
        rollout.pool.fault(condition, **arguments, on=False)
        if condition == "storage_broken_at_boot":
            rollout.pool.fault("storage_unplugged", **arguments, on=False)
        rollout.retry()
        rollout.assert_done()


def test_storage_that_does_not_come_back_by_itself_is_plugged_once() -> None:
    with rehearse(small(ha=False)) as rollout:
        rollout.pool.fault("storage_lost_at_boot", host="xs-01")
        rollout.carry_out()
        rollout.assert_done()
        assert len(rollout.calls("PBD.plug")) == 1
        assert len(rollout.effects("storage_plugged", host="xs-01")) == 1


def test_an_approver_lets_it_go_on_and_the_outcome_says_what_is_not_as_before() -> None:
    with rehearse(small(ha=False)) as rollout:
        rollout.pool.fault("agent_silent", vm="web-01")
        rollout.ask().approve().drive()
        with pytest.raises(NotAllowed):
            rollout.proceed(by="mallory")
        assert untouched(rollout)
        assert rollout.proceed() is State.SUCCEEDED
        assert any("although xs-01 is not as well" in row.sentence for row in rollout.audited())
        with rollout.database.reading() as tx:
            done = done_of(intents.all_intents(tx, rollout.id))
        assert done.compared is not None
        assert [reason.code for reason in done.compared] == ["compared.agents_silent"]
        assert "web-01" in outcome(rollout.standing, done).text


def test_only_the_gate_can_be_passed_by_word() -> None:
    with rehearse(small(ha=False)) as rollout:
        rollout.pool.fault("apply_fails", host="xs-01")
        rollout.ask().approve()
        assert rollout.drive() is State.NEEDS_ATTENTION
        assert "proceed" not in rollout.standing.row.problem_options
        with pytest.raises(NotAllowed):
            rollout.proceed()


def test_what_was_down_before_is_not_held_against_the_host() -> None:
    with rehearse(small(ha=False)) as rollout:
        rollout.pool.fault("link_down", host="xs-01")
        rollout.pool.fault("tools_old", vm="web-01")
        rollout.carry_out()
        rollout.assert_done()
        with rollout.database.reading() as tx:
            done = done_of(intents.all_intents(tx, rollout.id))
        assert done.compared == ()
        assert "no setting, host, connection or VM is worse" in outcome(rollout.standing, done).text


def test_a_vm_that_died_on_its_host_is_asked_about() -> None:
    """Nobody moved it, so nobody owes it; one that people stop while it is away from home is theirs."""
    with rehearse(scene("toolstack-only")) as rollout:
        home = rollout.pool.vm("web-01").resident_on
        rollout.when("toolstack_restarted", lambda: rollout.pool.fault("vm_dies", vm="web-01"), host=home)
        rollout.ask().approve()
        assert rollout.drive() is State.NEEDS_ATTENTION
        assert (rollout.problem.code, rollout.problem.params["vms"]) == ("gate.vms_stopped", "web-01")
        assert rollout.proceed() is State.SUCCEEDED


def test_an_abort_waits_for_no_gate() -> None:
    with rehearse(small(ha=False)) as rollout:
        rollout.pool.fault("agent_silent", vm="web-01")
        rollout.ask().approve().drive()
        rollout.abort()
        assert rollout.drive() is State.ABORTED
        rollout.assert_as_it_was()
