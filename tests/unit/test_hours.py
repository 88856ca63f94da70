"""Windows of the configuration, worked out for a moment: zones, nights with a changed clock, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.rollout.window import Span
from bot.rollouts.hours import hours_of, openings_of, spans_of
from bot.settings import Settings
from bot.settings.sections import MaintenanceSettings

POOL: dict[str, Any] = {"urls": ["https://xs-01.example"], "password": "-", "insecure_ignore_tls": True}


def settings(*windows: str, zone: str = "Europe/Berlin", **more: Any) -> Settings:
    maintenance = {"time_zone": zone, "windows": list(windows), **more}
    return Settings.model_validate({"pools": {"lab": {**POOL, "maintenance": maintenance}}})


def local(span: Span, zone: str = "Europe/Berlin") -> tuple[str, str]:
    return tuple(at.astimezone(ZoneInfo(zone)).strftime("%a %d %H:%M") for at in (span.begins, span.ends))  # type: ignore[return-value]


def test_a_window_is_open_from_its_time_in_its_zone_for_its_duration() -> None:
    configured = settings("0 22 * * sat 6h")
    friday = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
    assert [local(span) for span in openings_of(configured, "lab", friday, 2)] == [
        ("Sat 21 22:00", "Sun 22 04:00"),
        ("Sat 28 22:00", "Sun 29 04:00"),
    ]
    night = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
    present = hours_of(configured, "lab", night).present
    assert present is not None
    assert local(present) == ("Sat 21 22:00", "Sun 22 04:00")
    assert hours_of(configured, "lab", present.ends).present is None


@pytest.mark.parametrize(
    ("window", "begins", "opens"),
    [
        # The clocks go forward at 02:00: the window opens when it would have been 02:30.
        ("30 2 * * sun 1h", datetime(2026, 3, 28, tzinfo=UTC), ["2026-03-29T01:30", "2026-04-05T00:30"]),
        # They go back at 03:00: 02:30 comes twice, and opens it once.
        ("30 2 * * sun 1h", datetime(2026, 10, 24, tzinfo=UTC), ["2026-10-25T00:30", "2026-11-01T01:30"]),
    ],
)
def test_on_a_night_with_a_changed_clock_it_opens_once(window: str, begins: datetime, opens: list[str]) -> None:
    found = openings_of(settings(window), "lab", begins, 2)
    assert [span.begins.isoformat()[:16] for span in found] == opens
    assert all(span.ends - span.begins == timedelta(hours=1) for span in found)


def test_windows_that_touch_are_one() -> None:
    configured = settings("0 22 * * * 2h", "0 0 * * * 3h", zone="UTC")
    hours = hours_of(configured, "lab", datetime(2026, 11, 20, 23, 0, tzinfo=UTC))
    assert hours.present == Span(datetime(2026, 11, 20, 22, 0, tzinfo=UTC), datetime(2026, 11, 21, 3, 0, tzinfo=UTC))


def test_a_window_of_once_a_year_is_found() -> None:
    hours = hours_of(settings("0 8 24 dec * 6h", zone="UTC"), "lab", datetime(2026, 12, 24, 15, 0, tzinfo=UTC))
    assert hours.present is None
    assert hours.next is not None
    assert hours.next.begins == datetime(2027, 12, 24, 8, 0, tzinfo=UTC)


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(lambda naive: naive.replace(tzinfo=UTC)),
    st.sampled_from(["UTC", "Europe/Berlin", "America/Sao_Paulo", "America/New_York", "Australia/Lord_Howe"]),
    st.sampled_from(["0 2 * * * 90m", "30 1 * * sun 6h", "0 22 * * sat 7h", "15 0 1 * * 24h", "0 */6 * * * 30m"]),
)
def test_at_any_moment_the_windows_say_the_same_as_the_clock_on_the_wall(now: datetime, zone: str, window: str) -> None:
    configured = settings(window, zone=zone)
    minute, hour = window.split()[:2]
    hours = hours_of(configured, "lab", now)
    for span in filter(None, (hours.present, hours.next)):
        shown = span.begins.astimezone(ZoneInfo(zone))
        before = (span.begins - timedelta(hours=4)).astimezone(ZoneInfo(zone))
        ordinary = shown.utcoffset() == before.utcoffset()
        if ordinary:
            assert shown.minute == int(minute)
            assert hour.startswith("*") or shown.hour == int(hour)
    assert hours.next is not None
    assert hours.next.begins > now
    assert hours.present is None or hours.present.begins <= now < hours.present.ends
    # Seen from just before it opens, it is the next one; just after, the present one.
    assert hours_of(configured, "lab", hours.next.begins).present == hours.next
    assert spans_of(configured, "lab", now)[0] == (hours.present or hours.next)


def test_work_is_counted_from_when_nobody_was_waited_for_any_more() -> None:
    now = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
    configured = settings(stop_after_minutes=120)
    assert hours_of(configured, "lab", now, now - timedelta(minutes=30)).stop_at == now + timedelta(minutes=90)
    assert not hours_of(configured, "lab", now).bounded


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"windows": ["0 22 * * 6 6h"]}, "no maintenance window"),
        ({"windows": ["0 22 * * sat"]}, "no maintenance window"),
        ({"windows": ["* 22 * * sat 6h"]}, "no maintenance window"),
        ({"windows": ["0 25 * * sat 6h"]}, "no maintenance window"),
        ({"windows": ["0 22 * * sat 6"]}, "from 30 minutes"),
        ({"windows": ["0 22 * * sat 20m"]}, "from 30 minutes"),
        ({"windows": ["0 22 * * sat 10081m"]}, "seven days"),
        ({"windows": ["0 22 30 feb * 6h"]}, "never opens"),
        ({"time_zone": "Mars/Olympus"}, "no time zone"),
        ({"time_zone": "../../etc/passwd"}, "no time zone"),
    ],
)
def test_what_cannot_be_a_window_is_refused_at_start_up(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        MaintenanceSettings.model_validate(wrong)
