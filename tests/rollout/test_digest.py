"""The weekly digest, from the clock to the message, on a simulated pool.

Simulated time begins on a Friday at 08:00 UTC.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from .rehearsal import Rehearsal, actor, rehearse, small

NINE = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
WEEKLY: dict[str, Any] = {"digests": {"weekly": {"day": "fri", "time": "09:00"}}}


def told(rollout: Rehearsal) -> list[str]:
    """The digests that wait to be sent, as they are now."""
    texts = [sent.message.text for sent in rollout.messages()[::2] if sent.channel == "C0UPDATES"]
    return [text for text in texts if text.startswith("Weekly digest")]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def rollout(request: pytest.FixtureRequest) -> Iterator[Rehearsal]:
    """A pool whose channel is told each Friday at nine, on either database."""
    url = "" if request.param == "sqlite" else request.getfixturevalue("postgres").empty()
    windows = {"maintenance": {"windows": ["0 22 * * sat 6h"]}}
    with rehearse(small(), url=url, pool_settings=windows, more_settings=WEEKLY) as rehearsal:
        yield rehearsal


def test_two_clocks_tell_it_once_a_week_and_one_that_begins_anew_does_not_tell_it_again(rollout: Rehearsal) -> None:
    with rollout.clock() as one, rollout.clock() as other:
        one()
        rollout.time.wait_until(NINE - timedelta(seconds=1))
        one()
        assert told(rollout) == []
        rollout.time.wait_until(NINE)
        one()
        other()
        (digest,) = told(rollout)
        assert "1 of 1 pool behind" in digest
        assert "for 2 of 2 hosts" in digest
        assert "maintenance windows: <!date^1795298400^" in digest
        rollout.wait(minutes=5)
        other()
    rollout.new_process()
    with rollout.clock() as anew:
        rollout.wait(minutes=5)
        anew()
        assert len(told(rollout)) == 1
        rollout.time.wait_until(NINE + timedelta(days=7))
        anew()
        assert len(told(rollout)) == 2


def test_it_says_what_is_under_way_when_it_is_sent() -> None:
    """Like every message it is drawn from what holds at that moment, not from what held when it was due."""
    with rehearse(small(), more_settings=WEEKLY) as rollout, rollout.clock() as beat:
        rollout.pool.fault("updated_long_ago", host="xs-02")
        beat()
        rollout.time.wait_until(NINE)
        beat()
        rollout.ask(start_at=NINE + timedelta(hours=3)).approve()
        rollout.desk.freeze("lab", NINE + timedelta(hours=1), "the books are being closed", actor("erin"))
        (digest,) = told(rollout)
        assert "rollout 1 starts <!date^1795176000^" in digest
        assert "the books are being closed" in digest
        assert "last updated 7 months ago" in digest
        assert "rollouts open on 1 pool; 1 pool frozen" in digest


def test_a_pool_that_is_up_to_date_is_named_and_no_more() -> None:
    with rehearse(small(), more_settings=WEEKLY) as rollout, rollout.clock() as beat:
        rollout.carry_out()
        rollout.assert_done()
        beat()
        rollout.time.wait_until(NINE)
        beat()
        (digest,) = told(rollout)
        assert digest == "Weekly digest: ✓ 1 pool up to date, nothing pending, nothing planned."


def test_one_that_was_missed_by_more_than_a_morning_is_left_out() -> None:
    with rehearse(small(), more_settings=WEEKLY) as rollout:
        rollout.time.wait_until(NINE + timedelta(hours=13))
        with rollout.clock() as beat:
            rollout.wait(minutes=5)
            beat()
        assert told(rollout) == []


def test_pools_are_looked_at_before_a_new_process_tells_how_they_are() -> None:
    with rehearse(small(), more_settings=WEEKLY) as rollout:
        rollout.time.wait_until(NINE + timedelta(hours=2))
        with rollout.clock() as beat:
            beat()
            assert told(rollout) == []
            rollout.wait(minutes=2)
            beat()
        (digest,) = told(rollout)
        assert "not reached" not in digest
