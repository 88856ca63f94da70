"""Whose Home tab is kept up, what they may be asked, and how it is known that something happened."""

from __future__ import annotations

from datetime import timedelta

from bot.rollout.lifecycle import State
from storage import approvals, homes, notices, outbox, pools, rollouts
from storage.columns import Topic
from storage.database import Database
from tests.storage.scene import ALICE, BOB, NOW, POOL, asked, move


def test_those_who_looked_last_and_whose_tab_is_oldest_first(database: Database) -> None:
    with database.transaction() as tx:
        for number, name in enumerate(("old", "a", "b", "c")):
            homes.note_opened(tx, name, name.title(), NOW + timedelta(minutes=number))
        homes.note_opened(tx, "a", "", NOW + timedelta(minutes=9))
        homes.note_shown(tx, "a", "content", NOW + timedelta(minutes=9))
        homes.note_shown(tx, "nobody", "content", NOW)
        found = homes.opened_since(tx, NOW + timedelta(minutes=1), 2)
    assert [(row.user_id, row.user_name, row.shown) for row in found] == [("c", "C", ""), ("a", "A", "content")]
    with database.transaction() as tx:
        assert homes.forget_opened_before(tx, NOW + timedelta(minutes=1)) == 1
        assert homes.opened_since(tx, NOW - timedelta(days=1), 10)[-1].user_id == "a"


def test_whatever_happens_leaves_another_stamp(database: Database) -> None:
    with database.transaction() as tx:
        before = homes.stamp(tx)
        row = outbox.enqueue(tx, Topic.CARD, lane="rollout:1", key="card", at=NOW)
        queued = homes.stamp(tx)
        # A second change is merged into the message that waits; it shows once that is sent.
        outbox.enqueue(tx, Topic.CARD, lane="rollout:1", key="card", at=NOW)
        outbox.claim(tx, row.id, NOW)
        outbox.mark_sent(tx, row.id, NOW)
        sent = homes.stamp(tx)
    assert len({before, queued, sent}) == 3


def test_an_approval_is_asked_of_those_it_would_count_from(database: Database) -> None:
    rollout_id = asked(database)
    with database.transaction() as tx:
        approvals.approve(tx, rollout_id, rollouts.get(tx, rollout_id).digest, BOB, NOW)
        (known,) = homes.open_rollouts(tx)
        assert (known.id, known.state) == (rollout_id, State.AWAITING_APPROVAL)
        assert known.asked_of_others == frozenset({ALICE.id, BOB.id})
        for state in (State.APPROVED, State.RUNNING):
            move(tx, rollout_id, state)
        (known,) = homes.open_rollouts(tx)
        assert known.asked_of_others is None


def test_pools_of_which_there_is_something_to_say(database: Database) -> None:
    with database.transaction() as tx:
        for name in ("quiet", "behind", "lost"):
            pools.remember_pool(tx, name, name, name, NOW, last_error="away" if name == "lost" else "")
        notices.open_notice(tx, "behind", "updates", "aaa", {}, NOW)
        pools.remember_pool(tx, POOL, "held", "held", NOW)
        assert homes.remarkable_pools(tx) == {"behind", "lost"}
    asked(database)
    with database.transaction() as tx:
        assert homes.remarkable_pools(tx) == {"behind", "lost", "held"}
        assert set(pools.pools_by_alias(tx, ["held", "nowhere"])) == {"held"}
