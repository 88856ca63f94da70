"""Approvals belong to a person and a digest, and count once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from bot.rollout.errors import NotAllowed, StaleDigest
from bot.rollout.policy import Approval
from bot.rollout.spec import digest_of
from storage import approvals
from storage.actors import Actor
from storage.database import Database
from storage.errors import Conflict, NotFound
from tests.storage.scene import BOB, CAROL, NOW, OPERATOR, asked, spec_bytes

DIGEST = digest_of(spec_bytes())


def test_two_people_approve(database: Database) -> None:
    rollout_id = asked(database)
    later = NOW + timedelta(minutes=1)
    with database.transaction() as tx:
        approvals.approve(tx, rollout_id, DIGEST, BOB, NOW)
        approvals.approve(tx, rollout_id, DIGEST, CAROL, later)
    with database.reading() as tx:
        assert approvals.of(tx, rollout_id) == [Approval(BOB.id, DIGEST, NOW), Approval(CAROL.id, DIGEST, later)]
        assert approvals.names(tx, rollout_id) == {BOB.id: "bob", CAROL.id: "carol"}


def test_of_twenty_clicks_of_one_person_one_counts(database: Database) -> None:
    rollout_id = asked(database)

    def click(_: int) -> bool:
        try:
            with database.transaction() as tx:
                approvals.approve(tx, rollout_id, DIGEST, BOB, NOW)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(20) as clicks:
        assert sum(clicks.map(click, range(20))) == 1
    with database.reading() as tx:
        assert len(approvals.of(tx, rollout_id)) == 1


def test_twenty_people_at_once_are_twenty_approvals(database: Database) -> None:
    rollout_id = asked(database)

    def click(number: int) -> None:
        with database.transaction() as tx:
            approvals.approve(tx, rollout_id, DIGEST, Actor("slack", f"U{number}", f"user {number}"), NOW)

    with ThreadPoolExecutor(20) as people:
        list(people.map(click, range(20)))
    with database.reading() as tx:
        assert {entry.user for entry in approvals.of(tx, rollout_id)} == {f"U{number}" for number in range(20)}


def test_a_revoked_approval_stays_on_record_and_may_be_given_again(database: Database) -> None:
    rollout_id = asked(database)
    with database.transaction() as tx:
        approvals.approve(tx, rollout_id, DIGEST, BOB, NOW)
        assert approvals.revoke(tx, rollout_id, DIGEST, BOB.id, NOW).revoked
        assert [entry.revoked for entry in approvals.of(tx, rollout_id)] == [True]
        with pytest.raises(NotFound):
            approvals.revoke(tx, rollout_id, DIGEST, BOB.id, NOW)
        later = NOW + timedelta(hours=1)
        assert approvals.approve(tx, rollout_id, DIGEST, BOB, later) == Approval(BOB.id, DIGEST, later)


def test_a_click_on_a_stale_card_is_refused(database: Database) -> None:
    rollout_id = asked(database)
    with database.transaction() as tx:
        with pytest.raises(StaleDigest):
            approvals.approve(tx, rollout_id, "0" * 64, BOB, NOW)
        with pytest.raises(NotFound):
            approvals.approve(tx, 4711, DIGEST, BOB, NOW)
        assert approvals.of(tx, rollout_id) == []


def test_the_command_line_can_never_approve(database: Database) -> None:
    rollout_id = asked(database)
    with database.transaction() as tx, pytest.raises(NotAllowed, match="Slack only"):
        approvals.approve(tx, rollout_id, DIGEST, OPERATOR, NOW)
