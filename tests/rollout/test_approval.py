"""Nothing changes on a pool without a quorum for exactly what is done, looked at again when it starts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.rollout.errors import NotAllowed, StaleDigest
from bot.rollout.guidance import Level
from bot.rollout.kind import Kind
from bot.rollout.lifecycle import State
from bot.rollout.policy import MissingTicket
from bot.rollout.proposal import Choices
from bot.settings import PoolSettings
from storage.actors import Actor
from storage.errors import NotFound

from .rehearsal import Rehearsal, actor, rehearse, small
from .test_windows import timers


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


RISKS = {
    "policies": {
        "labs": {"pools": ["l*"], "required_mandatory": 1, "required_full": 3, "ticket": r"CHG-\d{4}"},
    }
}


def test_how_many_must_approve_depends_on_what_is_asked_for() -> None:
    with rehearse(small(), more_settings=RISKS) as rollout:
        why = "CHG-1234: the November fixes"
        for level, kind, need in (
            (Level.FULL, Kind.CDN, 3),
            (Level.RECOMMENDED, Kind.CDN, 2),
            (Level.MANDATORY, Kind.REBOOT, 2),
            (Level.MANDATORY, Kind.CDN, 1),
        ):
            standing = rollout.desk.propose("lab", Choices(level=level, kind=kind), actor("alice"), why, "C0UPDATES")
            assert standing.quorum.required == need, (level, kind)
            last = rollout.desk.cancel(standing.row.id, actor("alice"))
            assert last.row.state is State.CANCELLED
        rollout.id, rollout.digest = standing.row.id, standing.digest


def test_three_must_approve_what_is_most_and_the_count_is_taken_again_at_start() -> None:
    with rehearse(small(), more_settings=RISKS) as rollout:
        choices = Choices(level=Level.FULL)
        standing = rollout.desk.propose("lab", choices, actor("alice"), "CHG-1234", "C0UPDATES")
        rollout.id, rollout.digest = standing.row.id, standing.digest
        rollout.approve("bob", "carol")
        assert rollout.drive() is State.AWAITING_APPROVAL
        rollout.approve("dave")
        rollout.people.approvers.discard("dave")
        assert rollout.drive() is State.AWAITING_APPROVAL
        rollout.assert_untouched()


def test_a_request_names_its_ticket() -> None:
    with rehearse(small(), more_settings=RISKS) as rollout:
        with pytest.raises(MissingTicket, match="does not name a ticket") as refused:
            rollout.ask()
        assert "CHG-" in refused.value.hint


def test_an_approval_is_taken_back_before_the_start() -> None:
    with rehearse(small()) as rollout:
        rollout.ask(start_at=rollout.time.now() + timedelta(hours=3)).approve("bob", "carol")
        assert rollout.state is State.APPROVED
        taken_back = rollout.desk.revoke(rollout.id, actor("carol"))
        assert taken_back.row.state is State.AWAITING_APPROVAL
        with pytest.raises(NotFound, match="no such approval"):
            rollout.desk.revoke(rollout.id, actor("carol"))
        rollout.wait(minutes=181)
        assert rollout.drive() is State.AWAITING_APPROVAL
        rollout.assert_untouched()
        rollout.approve("carol")
        assert rollout.drive() is State.SUCCEEDED
        assert [row.action for row in rollout.audited()].count("approval.revoked") == 1
        with pytest.raises(NotAllowed, match="can no longer be taken back"):
            rollout.desk.revoke(rollout.id, actor("bob"))


def test_approvers_are_reminded_once_before_their_time_is_over() -> None:
    with rehearse(small()) as rollout:
        rollout.ask().approve("bob")
        minutes = rollout.standing.policy.expires_after / timedelta(minutes=1)
        timers(rollout)
        assert not reminders(rollout)
        rollout.wait(minutes=minutes * 3 / 4)
        timers(rollout)
        timers(rollout)
        (told,) = reminders(rollout)
        assert "1 of 2, waiting for <!subteam^S0APPROVERS>" in told


def reminders(rollout: Rehearsal) -> list[str]:
    return [told.message.text for told in rollout.messages()[::2] if "still waits" in told.message.text]


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
