"""A weekly digest is told once, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from storage import digests, outbox
from storage.columns import Topic
from storage.database import Database

from .scene import NOW


def test_of_clocks_that_tell_it_at_the_same_time_one_does(database: Database) -> None:
    def tell(_clock: int) -> bool:
        with database.transaction() as tx:
            return digests.tell(tx, "weekly", "C0UPDATES", "2026-W47", NOW)

    with ThreadPoolExecutor(8) as clocks:
        assert sorted(clocks.map(tell, range(8))) == [False] * 7 + [True]
    with database.reading() as tx:
        (row,) = outbox.next_due(tx, NOW)
        assert outbox.depth(tx) == 1
    assert (row.topic, row.payload) == (Topic.DIGEST, {"name": "weekly", "channel": "C0UPDATES"})


def test_another_week_channel_and_digest_are_told_each(database: Database) -> None:
    told = (
        ("weekly", "C0UPDATES", "2026-W47"),
        ("weekly", "C0UPDATES", "2026-W48"),
        ("weekly", "C0OTHERS", "2026-W47"),
    )
    with database.transaction() as tx:
        for name, channel, week in (*told, ("other", "C0UPDATES", "2026-W47")):
            assert not digests.told(tx, name, channel, week)
            assert digests.tell(tx, name, channel, week, NOW)
            assert digests.told(tx, name, channel, week)
            assert not digests.tell(tx, name, channel, week, NOW)
        # A channel's digests go one after the other; channels do not wait for each other.
        assert [row.lane for row in outbox.next_due(tx, NOW)] == ["digest:C0UPDATES", "digest:C0OTHERS"]


def test_a_message_that_cannot_be_written_leaves_the_week_open(database: Database) -> None:
    """Claim and message are one transaction: whoever dies between them has told nothing."""
    try:
        with database.transaction() as tx:
            assert digests.tell(tx, "weekly", "C0UPDATES", "2026-W47", NOW)
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    with database.reading() as tx:
        assert not digests.told(tx, "weekly", "C0UPDATES", "2026-W47")
        assert outbox.depth(tx) == 0
