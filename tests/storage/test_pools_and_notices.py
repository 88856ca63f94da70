"""What the polls find, and the notices that come of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rollout.guidance import Guidance, Task
from bot.rollout.model import AvailableUpdates, HostUpdates, Update
from storage import notices, outbox, pools
from storage.columns import NoticeState, Topic
from storage.database import Database
from storage.errors import NotFound
from storage.updates_codec import updates_from_json, updates_to_json
from tests.storage.scene import CHECKSUM, NOW, POOL, UPDATES

LATER = NOW + timedelta(hours=1)


def test_a_poll_adds_to_what_is_known(database: Database) -> None:
    with database.transaction() as tx:
        pools.remember_pool(
            tx, POOL, "lab", "Lab", NOW, last_hash=CHECKSUM, last_update_sync=NOW, updates_json=updates_to_json(UPDATES)
        )
        pools.remember_pool(tx, POOL, "lab", "Lab (renamed)", LATER, last_error="HOST_OFFLINE")
    with database.reading() as tx:
        row = pools.pool_by_alias(tx, "lab")
        assert row is not None
        assert row is pools.pool_by_uuid(tx, POOL)
        assert pools.pools(tx) == [row]
        assert pools.pool_by_alias(tx, "nowhere") is None
    assert (row.name, row.seen_at, row.last_hash, row.last_error) == ("Lab (renamed)", LATER, CHECKSUM, "HOST_OFFLINE")
    assert pools.known_updates(row) == UPDATES


def test_a_rebuilt_pool_takes_over_its_alias(database: Database) -> None:
    with database.transaction() as tx:
        pools.remember_pool(tx, "old", "lab", "Lab", NOW)
        pools.remember_pool(tx, "new", "lab", "Lab", LATER)
        row = pools.pool_by_alias(tx, "lab")
        assert row is not None
        assert row.uuid == "new"
        assert pools.known_updates(row) is None


_TASKS = st.frozensets(st.sampled_from(Task))
_GUIDANCE = st.builds(Guidance, _TASKS, _TASKS, _TASKS)
_TEXTS = st.lists(st.text(), max_size=3).map(tuple)
_HOST = st.builds(HostUpdates, st.text(), _GUIDANCE, _TEXTS, _TEXTS, _TEXTS)
_UPDATE = st.builds(
    Update,
    id=st.text(),
    title=st.text(),
    description=st.text(),
    issued=st.none() | st.just(NOW),
    guidance=_GUIDANCE,
    livepatch_guidance=_TASKS,
    cves=_TEXTS,
)
_LISTS = st.builds(
    AvailableUpdates, st.text(), st.lists(_HOST, max_size=3).map(tuple), st.lists(_UPDATE, max_size=3).map(tuple)
)


@given(updates=_LISTS)
def test_updates_come_back_as_they_were(updates: AvailableUpdates) -> None:
    assert updates_from_json(updates_to_json(updates)) == updates


def test_one_notice_per_pool_and_checksum(database: Database) -> None:
    with database.transaction() as tx:
        first, created = notices.open_notice(tx, POOL, "updates", "aaa", {"hosts": 3}, NOW)
        assert created
        same, created = notices.open_notice(tx, POOL, "updates", "aaa", {"hosts": 3}, LATER)
        assert (same.id, created) == (first.id, False)
        second, created = notices.open_notice(tx, POOL, "updates", "bbb", {"hosts": 3}, LATER)
        assert created
        assert [ended.id for ended in notices.supersede_others(tx, POOL, second.id, LATER)] == [first.id]
        assert notices.get_notice(tx, first.id).state is NoticeState.SUPERSEDED
        assert notices.current_notice(tx, POOL) is second
        notices.close_notice(tx, second.id, LATER)
        assert notices.current_notice(tx, POOL) is None
        assert notices.get_notice(tx, second.id).closed_at == LATER
        with pytest.raises(NotFound):
            notices.get_notice(tx, 4711)


def test_a_checksum_that_comes_back_reopens_its_notice_a_stale_sync_is_told_anew(database: Database) -> None:
    with database.transaction() as tx:
        for kind, checksum, anew in (("updates", "aaa", False), ("stale_sync", "", True)):
            first, _ = notices.open_notice(tx, POOL, kind, checksum, {}, NOW)  # type: ignore[arg-type]
            notices.close_notice(tx, first.id, NOW)
            second, created = notices.open_notice(tx, POOL, kind, checksum, {}, LATER)  # type: ignore[arg-type]
            assert (created, second.id != first.id) == (anew, anew)
            assert (second.state, second.closed_at) == (NoticeState.OPEN, None)
            notices.close_notice(tx, second.id, NOW)


def test_every_change_of_a_notice_is_shown_and_nothing_else(database: Database) -> None:
    def told() -> list[str]:
        found = []
        with database.transaction() as tx:
            for row in outbox.next_due(tx, LATER):
                assert (row.topic, row.lane) == (Topic.NOTICE, outbox.pool_lane(POOL))
                outbox.claim(tx, row.id, LATER)
                outbox.mark_sent(tx, row.id, LATER)
                found.append(row.key)
        return found

    with database.transaction() as tx:
        notice, _ = notices.open_notice(tx, POOL, "updates", "aaa", {"hosts": 3}, NOW)
    key = notices.notice_key(notice.id)
    assert told() == [key]
    with database.transaction() as tx:
        notices.open_notice(tx, POOL, "updates", "aaa", {"hosts": 3}, LATER)
    assert told() == []
    with database.transaction() as tx:
        notices.open_notice(tx, POOL, "updates", "aaa", {"hosts": 2}, LATER)
    assert told() == [key]
    with database.transaction() as tx:
        notices.close_notice(tx, notice.id, LATER)
        notices.close_notice(tx, notice.id, LATER)
    assert told() == [key]
