"""Messages are never lost, in order per lane, and the newest state is shown once."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import Session

from storage import audit, outbox
from storage.columns import Topic
from storage.database import Database
from storage.errors import Conflict, NotFound
from tests.storage.scene import NOW, POOL

LANE = outbox.rollout_lane(42)


def _put(tx: Session, topic: Topic, key: str = "k", lane: str = LANE, **payload: object) -> int:
    return outbox.enqueue(tx, topic, lane=lane, key=key, payload=payload, at=NOW).id


def _send_all(tx: Session) -> list[tuple[Topic, str]]:
    sent = []
    while due := outbox.next_due(tx, NOW):
        for row in due:
            outbox.claim(tx, row.id, NOW)
            outbox.mark_sent(tx, row.id, NOW)
            sent.append((row.topic, row.key))
    return sent


def test_a_lane_is_sent_in_order(database: Database) -> None:
    with database.transaction() as tx:
        _put(tx, Topic.CARD, "card")
        for number in range(3):
            _put(tx, Topic.LINE, f"line {number}")
        _put(tx, Topic.OUTCOME, "outcome")
        assert [row.key for row in outbox.next_due(tx, NOW)] == ["card"]
        assert [key for _, key in _send_all(tx)] == ["card", "line 0", "line 1", "line 2", "outcome"]
        assert outbox.depth(tx) == 0


def test_what_people_wait_for_goes_before_the_lines_of_others_but_not_before_those_of_its_own_thread(
    database: Database,
) -> None:
    busy, asking, new = (outbox.rollout_lane(number) for number in (1, 2, 3))
    with database.transaction() as tx:
        _put(tx, Topic.LINE, "busy", busy)
        _put(tx, Topic.LINE, "before the question", asking)
        _put(tx, Topic.LINE, "busy again", busy)
        _put(tx, Topic.ATTENTION, "question", asking)
        _put(tx, Topic.LINE, "after the question", asking)
        _put(tx, Topic.CARD, "card", new)
        sent = []
        while due := outbox.next_due(tx, NOW):
            outbox.claim(tx, due[0].id, NOW)
            outbox.mark_sent(tx, due[0].id, NOW)
            sent.append(due[0].key)
    assert sent == ["before the question", "question", "card", "busy", "busy again", "after the question"]


def test_lanes_do_not_wait_for_each_other(database: Database) -> None:
    later = NOW + timedelta(seconds=30)
    with database.transaction() as tx:
        slow = _put(tx, Topic.LINE, "slow")
        _put(tx, Topic.LINE, "behind it")
        _put(tx, Topic.NOTICE, "notice", outbox.pool_lane(POOL))
        outbox.claim(tx, slow, NOW)
        outbox.postpone(tx, slow, later, "ratelimited")
        assert [row.key for row in outbox.next_due(tx, NOW)] == ["notice"]
        assert [row.key for row in outbox.next_due(tx, later)] == ["slow", "notice"]
        assert outbox.next_due_at(tx) == NOW
        _send_all(tx)
        assert outbox.next_due_at(tx) == later
        assert (outbox.next_due(tx, later)[0].attempts, outbox.next_due(tx, later)[0].error) == (1, "ratelimited")


def test_a_waiting_card_is_not_queued_twice_and_keeps_its_place(database: Database) -> None:
    with database.transaction() as tx:
        first = _put(tx, Topic.CARD, "card", version=1)
        _put(tx, Topic.LINE, "line")
        assert _put(tx, Topic.CARD, "card", version=2) == first
        assert _put(tx, Topic.CARD, "another card") != first
        assert outbox.next_due(tx, NOW)[0].payload == {"version": 2}
        assert [key for _, key in _send_all(tx)] == ["card", "line", "another card"]


def test_a_change_while_the_card_is_being_sent_is_sent_too(database: Database) -> None:
    with database.transaction() as tx:
        first = _put(tx, Topic.CARD)
        outbox.claim(tx, first, NOW)
        second = _put(tx, Topic.CARD)
        assert second != first
        assert _put(tx, Topic.CARD) == second
        outbox.mark_sent(tx, first, NOW)
        assert [row.id for row in outbox.next_due(tx, NOW)] == [second]


def test_lines_are_never_merged(database: Database) -> None:
    with database.transaction() as tx:
        for topic in sorted(set(Topic) - outbox.COALESCING):
            _put(tx, topic)
            _put(tx, topic)
        assert len(_send_all(tx)) == 2 * len(set(Topic) - outbox.COALESCING)


def test_a_sender_killed_in_mid_send_sends_again(database: Database) -> None:
    with database.transaction() as tx:
        row_id = _put(tx, Topic.LINE)
        outbox.claim(tx, row_id, NOW)
    with database.transaction() as tx:
        (row,) = outbox.next_due(tx, NOW)
        assert outbox.claim(tx, row.id, NOW).attempts == 2


def test_marks_out_of_turn_are_refused(database: Database) -> None:
    with database.transaction() as tx:
        row_id = _put(tx, Topic.LINE)
        with pytest.raises(Conflict, match="not claimed"):
            outbox.mark_sent(tx, row_id, NOW)
        outbox.claim(tx, row_id, NOW)
        outbox.mark_sent(tx, row_id, NOW)
        with pytest.raises(Conflict, match="was sent already"):
            outbox.claim(tx, row_id, NOW)
        with pytest.raises(NotFound):
            outbox.claim(tx, 4711, NOW)


def test_an_undeliverable_message_does_not_block_its_lane_and_is_on_record(database: Database) -> None:
    with database.transaction() as tx:
        lost = _put(tx, Topic.LINE, "lost")
        _put(tx, Topic.LINE, "next")
        outbox.give_up(tx, lost, "is_archived", NOW)
        (line,) = audit.recent(tx, rollout_id=42)
        assert line.sentence == "A message (line) could not be delivered: is_archived."
        assert {key for _, key in _send_all(tx)} == {"next", "audit:1"}


def test_an_unreachable_audit_channel_does_not_announce_its_own_failure(database: Database) -> None:
    with database.transaction() as tx:
        outbox.give_up(tx, _put(tx, Topic.AUDIT, lane=outbox.AUDIT_LANE), "channel_not_found", NOW)
        assert (outbox.depth(tx), len(audit.recent(tx))) == (0, 1)


def test_old_sent_messages_can_be_forgotten(database: Database) -> None:
    with database.transaction() as tx:
        _put(tx, Topic.LINE)
        _send_all(tx)
        _put(tx, Topic.LINE)
        assert outbox.forget_sent(tx, NOW) == 0
        assert outbox.forget_sent(tx, NOW + timedelta(days=30)) == 1
        assert outbox.depth(tx) == 1


@settings(max_examples=50, deadline=None)
@given(acts=st.lists(st.sampled_from([*Topic, "claim", "sent", "postponed", "killed"]), max_size=40))
def test_nothing_is_lost_or_out_of_order_and_the_last_state_is_always_shown(
    long_lived: Database, acts: list[Topic | str]
) -> None:
    lane = str(uuid4())
    wanted: list[int] = []  # lines in the order they were enqueued
    shown: list[int] = []
    newest: dict[Topic, int] = {}  # the latest version of each coalescing message
    rendered: dict[Topic, int] = {}  # the version that was shown last
    in_hand: tuple[int, Topic, int] | None = None  # row, topic and the version that was read after claiming
    with long_lived.transaction() as tx:
        for version, act in enumerate([*acts, *["claim", "sent"] * (len(acts) + 1)]):
            mine = [row for row in outbox.next_due(tx, NOW + timedelta(days=1)) if row.lane == lane]
            if isinstance(act, Topic):
                outbox.enqueue(tx, act, lane=lane, key=act.value, payload={"version": version}, at=NOW)
                if act in outbox.COALESCING:
                    newest[act] = version
                else:
                    wanted.append(version)
            elif act == "claim" and mine and in_hand is None:
                row = outbox.claim(tx, mine[0].id, NOW)
                state = newest[row.topic] if row.topic in outbox.COALESCING else row.payload["version"]
                in_hand = (row.id, row.topic, state)
            elif act == "sent" and in_hand is not None:
                row_id, topic, state = in_hand
                outbox.mark_sent(tx, row_id, NOW)
                if topic in outbox.COALESCING:
                    rendered[topic] = state
                else:
                    shown.append(state)
                in_hand = None
            elif act == "postponed" and in_hand is not None:
                outbox.postpone(tx, in_hand[0], NOW + timedelta(minutes=1), "ratelimited")
                in_hand = None
            elif act == "killed":
                in_hand = None
    assert shown == wanted
    assert rendered == newest
