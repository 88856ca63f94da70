"""Nothing changes on a pool without a quorum for exactly what is done, looked at again when it starts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.rollout.errors import NotAllowed, StaleDigest
from bot.rollout.lifecycle import State
from bot.settings import PoolSettings
from storage.actors import Actor

from .rehearsal import actor, rehearse, small


def test_nothing_happens_before_enough_different_people_agreed() -> None:
    with rehearse(small()) as rollout:
        rollout.ask(by="bob")
        with pytest.raises(NotAllowed, match="your approval does not count"):
            rollout.approve("bob")
        rollout.approve("carol")
        with pytest.raises(NotAllowed, match="approved this already"):
            rollout.approve("carol")
        with pytest.raises(NotAllowed, match="cannot approve"):
            rollout.approve("mallory")
        with pytest.raises(NotAllowed, match="in Slack only"):
            rollout.desk.approve(rollout.id, rollout.digest, Actor("cli", "root", "root"))
        assert rollout.drive() is State.AWAITING_APPROVAL
        rollout.assert_untouched()
        rollout.approve("dave")
        assert rollout.state is State.APPROVED


def test_an_approval_is_for_exactly_what_was_shown() -> None:
    with rehearse(small()) as rollout:
        rollout.ask()
        with pytest.raises(StaleDigest):
            rollout.desk.approve(rollout.id, "0" * 64, actor("bob"))
        assert rollout.standing.quorum.counted == ()


@pytest.mark.failure("approval-lost")
def test_who_lost_the_right_to_approve_before_the_start_counts_no_more() -> None:
    with rehearse(small()) as rollout:
        rollout.ask().approve("bob", "carol")
        rollout.people.approvers.discard("carol")
        assert rollout.drive() is State.AWAITING_APPROVAL
        assert rollout.headline.code == "rollout.authority_lost"
        rollout.assert_untouched()
        assert [user for user, _name, _at in rollout.standing.approvals] == ["UBOB"]
        rollout.approve("dave")
        assert rollout.drive() is State.SUCCEEDED


def test_a_request_that_nobody_approves_expires() -> None:
    with rehearse(small()) as rollout:
        rollout.ask().approve("bob")
        with rollout.clock() as beat:
            rollout.wait(minutes=rollout.standing.policy.expires_after / timedelta(minutes=1) - 1)
            beat()
            assert rollout.drive() is State.AWAITING_APPROVAL
            rollout.wait(minutes=1)
            beat()
        assert rollout.drive() is State.EXPIRED
        with pytest.raises(NotAllowed, match="no longer waits for approval"):
            rollout.approve("carol")
        rollout.assert_untouched()


@pytest.mark.failure("approval-old")
def test_an_approval_grows_old() -> None:
    with rehearse(small()) as rollout:
        rollout.ask().approve()
        rollout.wait(minutes=1 + rollout.standing.policy.start_within / timedelta(minutes=1))
        assert rollout.drive() is State.EXPIRED
        assert rollout.headline.code == "rollout.start_expired"
        rollout.assert_untouched()


def test_other_updates_than_the_approved_ones_are_not_installed() -> None:
    with rehearse(small()) as rollout:
        rollout.ask().approve()
        rollout.pool.fault("foreign_sync")
        while not rollout.effects("synced"):
            rollout.wait(minutes=1)
        assert rollout.drive() is State.SUPERSEDED
        assert rollout.effects("apply_started") == rollout.effects("setting_changed") == []


@pytest.mark.parametrize("mode", ["", "notify"])
def test_a_pool_is_only_told_about_until_its_configuration_says_act(mode: str) -> None:
    with rehearse(small(), mode=mode) as rollout:
        with pytest.raises(NotAllowed, match="notify mode") as refused:
            rollout.ask()
        assert 'mode = "act"' in refused.value.hint
        rollout.assert_untouched()


def test_a_pool_that_was_put_back_into_notify_mode_is_left_alone() -> None:
    with rehearse(small()) as rollout:
        rollout.ask().approve()
        pool = rollout.settings.pool("lab").model_copy(update={"mode": "notify"})
        rollout.settings = rollout.settings.model_copy(update={"pools": {"lab": pool}})
        rollout.new_process()
        assert rollout.drive() is State.SUPERSEDED
        rollout.assert_untouched()


def test_a_new_pool_is_in_notify_mode() -> None:
    pool = {"urls": ["https://xs-01.example"], "username": "xsbot", "password": "-", "insecure_ignore_tls": True}
    assert PoolSettings.model_validate(pool).mode == "notify"
