"""Notices between poll and end: what they would cost, folded away, told anew."""

from __future__ import annotations

import pytest

from bot.delivery.rendering import notice_facts
from bot.messages.notice import NoticeFacts
from bot.rollout.guidance import Level
from bot.rollouts.roles import LacksRole
from storage import notices, pools, posted
from storage.errors import Conflict
from tests.rollout.rehearsal import Rehearsal, actor, rehearse


def facts(rollout: Rehearsal) -> NoticeFacts:
    """What the pool's open notice shows now."""
    with rollout.database.reading() as tx:
        pool = pools.pool_by_alias(tx, "lab")
        assert pool is not None
        known = notices.current_notice(tx, pool.uuid)
        assert known is not None
        return notice_facts(pool, rollout.settings, known)


def actions_of(rollout: Rehearsal) -> list[str]:
    return [row.action for row in reversed(rollout.desk.audit(limit=20))]


def test_a_notice_says_what_each_level_would_cost_and_is_worked_out_once() -> None:
    with rehearse("small") as rollout, rollout.clock() as beat:
        beat()
        outlook = facts(rollout).outlook
        assert outlook is not None
        assert (outlook.running, outlook.preset) == (12, "standard")
        preview = rollout.desk.preview("lab", rollout.desk.usual("lab"), actor("alice"))
        for level in Level:
            assert outlook.levels[level].reboots == preview.costs[level].reboots
            assert outlook.levels[level].moves == preview.costs[level].migrations
            assert outlook.levels[level].minutes == preview.costs[level].minutes
        looks = len([call for call in rollout.pool.calls if call.method == "VM.get_all_records"])
        rollout.wait(minutes=31)
        beat()
        assert len([call for call in rollout.pool.calls if call.method == "VM.get_all_records"]) == looks


def test_a_poll_sees_high_availability_version_and_age() -> None:
    with rehearse("small") as rollout, rollout.clock() as beat:
        beat()
        (standing,) = rollout.desk.pools()
        assert standing.row is not None
        assert (standing.row.ha_enabled, standing.row.pending_hosts, standing.row.version) == (True, 0, "8.4.0")
        assert facts(rollout).updated_at is None
        rollout.pool.fault("updated_long_ago", host="xs-02")
        rollout.wait(minutes=31)
        beat()
        assert facts(rollout).updated_at is not None


def test_a_snoozed_notice_is_told_anew_when_its_time_has_come() -> None:
    with rehearse("small") as rollout, rollout.clock() as beat:
        beat()
        number = facts(rollout).id
        with rollout.database.transaction() as tx:
            posted.remember(tx, notices.notice_key(number), "C0UPDATES", "1.0", rollout.time.now())

        alias, until = rollout.desk.fold_notice(number, 24, actor("alice"))
        assert (alias, facts(rollout).folded_until) == ("lab", until)
        assert facts(rollout).folded_by == "<@UALICE>"
        rollout.wait(minutes=24 * 60 - 1)
        beat()
        assert facts(rollout).folded_by
        rollout.wait(minutes=1)
        beat()
        beat()

        assert not facts(rollout).folded_by
        with rollout.database.reading() as tx:
            # The next one is a message of its own: nobody notices the edit of one that is a day old.
            assert posted.find(tx, notices.notice_key(number)) is None
        assert actions_of(rollout)[-2:] == ["notice.snoozed", "notice.woken"]


def test_a_dismissed_notice_stays_away_until_somebody_wants_it_back() -> None:
    with rehearse("small") as rollout, rollout.clock() as beat:
        beat()
        number = facts(rollout).id
        rollout.desk.fold_notice(number, 0, actor("alice"))
        rollout.wait(minutes=60 * 24 * 14)
        beat()
        assert facts(rollout).folded_by
        rollout.desk.unfold_notice(number, actor("bob"))
        rollout.desk.unfold_notice(number, actor("bob"))
        assert not facts(rollout).folded_by
        assert actions_of(rollout)[-2:] == ["notice.dismissed", "notice.shown_again"]


def test_a_notice_that_has_ended_is_not_folded_and_comes_back_unfolded() -> None:
    with rehearse("small") as rollout, rollout.clock() as beat:
        beat()
        number = facts(rollout).id
        rollout.desk.fold_notice(number, 0, actor("alice"))
        with rollout.database.transaction() as tx:
            ended = notices.close_notice(tx, number, rollout.time.now())
            kept = (ended.pool_uuid, ended.checksum, dict(ended.payload))
        with pytest.raises(Conflict):
            rollout.desk.fold_notice(number, 24, actor("alice"))
        with rollout.database.transaction() as tx:
            notices.open_notice(tx, kept[0], "updates", kept[1], kept[2], rollout.time.now())
        assert not facts(rollout).folded_by


def test_whoever_holds_no_role_that_acts_folds_nothing_away() -> None:
    with rehearse("small") as rollout, rollout.clock() as beat:
        beat()
        number = facts(rollout).id
        with pytest.raises(LacksRole):
            rollout.desk.fold_notice(number, 24, actor("mallory"))
        with pytest.raises(LacksRole):
            rollout.desk.unfold_notice(number, actor("mallory"))
        assert not facts(rollout).folded_by
        assert "notice.snoozed" not in actions_of(rollout)
