"""A request in the place of another: what was approved counts no more, and what is different is said."""

from __future__ import annotations

import pytest

from bot.rollout.errors import NotAllowed, StaleDigest
from bot.rollout.guidance import Level
from bot.rollout.lifecycle import State
from bot.rollout.proposal import choices_of
from bot.rollouts import Replaced, Standing
from bot.rollouts.roles import LacksRole
from tests.rollout.rehearsal import Rehearsal, actor, rehearse


def again(rollout: Rehearsal, level: Level, by: str = "alice") -> Standing:
    """Ask for the same at another level instead of what is asked for."""
    present = rollout.standing
    choices = choices_of(present.spec)
    if level is not choices.level:
        choices = type(choices)(level=level)
    earlier = Replaced(present.row.id, present.digest)
    return rollout.desk.propose("lab", choices, actor(by), "better so", "C0UPDATES", instead_of=earlier)


def test_a_changed_request_begins_without_approvals_and_shows_the_difference() -> None:
    with rehearse("split-guidance") as rollout:
        rollout.ask().approve("bob")
        changed = again(rollout, Level.MANDATORY)

        assert rollout.standing.row.state is State.SUPERSEDED
        assert rollout.headline.code == "rollout.changed"
        assert changed.row.state is State.AWAITING_APPROVAL
        assert changed.row.replaces == rollout.id
        assert changed.approvals == ()
        assert "spec.level" in {reason.code for reason in changed.replaced}
        with pytest.raises(NotAllowed):
            rollout.approve("carol")
        rollout.id, rollout.digest = changed.row.id, changed.digest
        rollout.approve()
        assert rollout.standing.quorum.met


def test_a_request_that_was_approved_and_not_begun_can_be_changed() -> None:
    with rehearse("split-guidance") as rollout:
        rollout.ask().approve()
        changed = again(rollout, Level.MANDATORY, by="bob")
        assert rollout.drive() is State.SUPERSEDED
        assert changed.row.requester_name == "bob"
        rollout.assert_untouched()


def test_what_is_no_change_voids_no_approval() -> None:
    with rehearse("split-guidance") as rollout:
        rollout.ask().approve("bob")
        with pytest.raises(NotAllowed, match="Nothing is different"):
            again(rollout, Level.RECOMMENDED)
        assert len(rollout.standing.approvals) == 1
        assert rollout.standing.row.state is State.AWAITING_APPROVAL


def test_somebody_elses_request_is_changed_by_approvers_alone() -> None:
    with rehearse("split-guidance") as rollout:
        rollout.ask()
        with pytest.raises(LacksRole):
            again(rollout, Level.MANDATORY, by="erin")
        assert rollout.standing.row.state is State.AWAITING_APPROVAL
        assert again(rollout, Level.MANDATORY, by="dave").row.replaces == rollout.id


def test_what_has_begun_and_what_was_changed_already_is_not_replaced() -> None:
    with rehearse("split-guidance") as rollout:
        rollout.ask(pause_points=("coordinator",))
        with pytest.raises(StaleDigest):
            rollout.desk.may_replace(rollout.id, "0" * 64, actor("alice"))
        assert rollout.approve().drive() is State.PAUSED
        with pytest.raises(NotAllowed, match="it is paused"):
            again(rollout, Level.MANDATORY)


def test_checks_that_see_more_than_was_asked_for_void_the_request() -> None:
    with rehearse("small") as rollout:
        rollout.ask().approve("bob")
        unchanged = rollout.desk.check_again(rollout.id, actor("bob"))
        assert unchanged.row.state is State.AWAITING_APPROVAL
        rollout.pool.fault("foreign_sync")
        while not rollout.effects("synced"):
            rollout.wait(minutes=1)

        rollout.desk.check_again(rollout.id, actor("bob"))

        assert rollout.standing.row.state is State.SUPERSEDED
        assert rollout.headline.code == "rollout.superseded"
        asked_again = again(rollout, Level.RECOMMENDED)
        assert asked_again.row.replaces == rollout.id
        assert "spec.checksum" in {reason.code for reason in asked_again.replaced}
        (more,) = [reason for reason in asked_again.replaced if reason.code == "spec.updates_added"]
        later = {update.title for update in asked_again.updates.updates} - {
            update.title for update in rollout.standing.updates.updates
        }
        assert more.params == {"count": 1, "updates": later.pop()}
        assert rollout.effects("apply_started") == rollout.effects("setting_changed") == []
