"""May a host begin now? Spans of time that are merged, open, closed, and too short."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bot.rollout.window import ANY_TIME, Hours, Span, hours_at, may_begin, merged, why_not

NOW = datetime(2026, 11, 21, 22, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)

minutes = st.integers(-3000, 3000).map(lambda count: NOW + timedelta(minutes=count))
spans = st.lists(st.tuples(minutes, st.integers(1, 600)).map(lambda t: Span(t[0], t[0] + timedelta(minutes=t[1]))))


def test_without_windows_a_host_may_begin_at_any_time() -> None:
    assert may_begin(NOW, 10**9, ANY_TIME)


def test_a_host_begins_only_if_it_is_done_when_the_window_closes() -> None:
    hours = hours_at(NOW, [Span(NOW - HOUR, NOW + HOUR)])
    assert may_begin(NOW, 3600, hours)
    assert not may_begin(NOW, 3601, hours)
    assert not may_begin(NOW + HOUR, 0.1, hours)


def test_between_two_windows_nothing_begins_and_people_read_when_it_goes_on() -> None:
    hours = hours_at(NOW, [Span(NOW - 3 * HOUR, NOW), Span(NOW + HOUR, NOW + 2 * HOUR)])
    assert not may_begin(NOW, 0, hours)
    reason = why_not(NOW, hours, 1, 3)
    assert (reason.code, reason.params["begins"]) == ("window.closed", (NOW + HOUR).isoformat())
    assert why_not(NOW, hours_at(NOW, []), 1, 3).code == "window.closed_for_good"


def test_after_so_much_work_nothing_begins_even_in_an_open_window() -> None:
    hours = Hours(True, Span(NOW - HOUR, NOW + HOUR), None, stop_at=NOW)
    assert may_begin(NOW - timedelta(seconds=1), 60, hours)
    assert not may_begin(NOW, 60, hours)
    assert why_not(NOW, hours, 1, 3).code == "window.stop_after"


@given(spans, minutes)
def test_merging_loses_no_time_and_adds_none(found: list[Span], moment: datetime) -> None:
    whole = merged(found)
    assert any(span.holds(moment) for span in found) == any(span.holds(moment) for span in whole)
    assert all(first.ends < second.begins for first, second in pairwise(whole))


@given(spans, minutes, st.integers(0, 30_000))
def test_whoever_may_begin_is_done_within_one_window(found: list[Span], now: datetime, seconds: int) -> None:
    allowed = may_begin(now, seconds, hours_at(now, merged(found)))
    end = now + timedelta(seconds=seconds)
    assert allowed == any(span.holds(now) and end <= span.ends for span in merged(found))
