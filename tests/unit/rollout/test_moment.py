"""What people type for a moment, in every zone, on every day of the year."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rollout.moment import FURTHEST, WEEKDAYS, UnclearMoment, moment_of, next_time

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
#: A Friday, 09:00 in Berlin.
NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)

zones = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/Sao_Paulo", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]
).map(ZoneInfo)
moments = st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1)).map(lambda naive: naive.replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("sat 22:00", "2026-11-21 22:00"),
        ("Saturday, 22:00", "2026-11-21 22:00"),
        ("fri 10:00", "2026-11-20 10:00"),
        ("fri 9:00", "2026-11-27 09:00"),
        ("fri 08:59", "2026-11-27 08:59"),
        ("22:00", "2026-11-20 22:00"),
        ("08:00", "2026-11-21 08:00"),
        ("tomorrow 6:30", "2026-11-21 06:30"),
        ("today 23:59", "2026-11-20 23:59"),
        ("2026-12-24 05:00", "2026-12-24 05:00"),
        ("in 3 hours", "2026-11-20 12:00"),
        ("in 90 min", "2026-11-20 10:30"),
        ("in 2d", "2026-11-22 09:00"),
        ("+4h", "2026-11-20 13:00"),
        ("+90m", "2026-11-20 10:30"),
        ("2026-11-21T22:00", "2026-11-21 22:00"),
        ("2026-11-21T22:00:00-03:00", "2026-11-22 02:00"),
        ("2026-11-21T22:00Z", "2026-11-21 23:00"),
    ],
)
def test_what_people_type_is_read_in_the_zone_of_the_pool(text: str, local: str) -> None:
    assert moment_of(text, NOW, BERLIN).astimezone(BERLIN).strftime("%Y-%m-%d %H:%M") == local


@pytest.mark.parametrize(
    "text",
    [
        *("", "sat", "soon", "25:00", "sat 22:60", "sa 22:00", "sat sun 22:00", "in 3", "in -1 hours", "sat 22"),
        *(
            "2026-02-30 10:00",
            "2026-11-20 08:00",
            "today 08:00",
            "2030-01-01 00:00",
            "in 0 hours",
            "+4",
            "+0h",
            "٣:00",
            "<!channel> 22:00",
        ),
        # Before the first moment there is, or after the last, somewhere.
        *("0001-01-01T00:00+14:00", "9999-12-31T23:59-12:00", "0001-01-01 00:00", "9999-12-31 23:59"),
    ],
)
def test_what_is_no_moment_or_no_use_is_refused(text: str) -> None:
    with pytest.raises(UnclearMoment):
        moment_of(text, NOW, BERLIN)


def test_a_time_that_the_clocks_leave_out_is_refused() -> None:
    with pytest.raises(UnclearMoment, match=r"no 02:30 on 2026-03-29 in Europe/Berlin"):
        moment_of("sun 2:30", datetime(2026, 3, 27, tzinfo=UTC), BERLIN)


def test_of_a_time_that_comes_twice_the_first_is_meant() -> None:
    saturday = datetime(2026, 10, 31, tzinfo=UTC)
    assert moment_of("sun 1:30", saturday, NEW_YORK) == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)


def test_a_moment_is_a_whole_minute() -> None:
    odd = NOW + timedelta(seconds=30, microseconds=7)
    assert moment_of("+90m", odd, BERLIN) == NOW + timedelta(minutes=90)
    assert moment_of("2026-11-20T08:01:59Z", odd, BERLIN) == NOW + timedelta(minutes=1)
    with pytest.raises(UnclearMoment, match="over already"):
        moment_of("2026-11-20T08:00:59Z", odd, BERLIN)


@given(moments, zones, st.times())
def test_what_is_configured_means_something_every_day(now: datetime, zone: ZoneInfo, clock: time) -> None:
    found = next_time(f"{clock:%H:%M}", now, zone)
    assert timedelta() < found - now <= timedelta(days=1, hours=1)
    local = found.astimezone(zone)
    if local.strftime("%H:%M") != f"{clock:%H:%M}":
        # Only where the clocks leave that time out.
        with pytest.raises(UnclearMoment):
            moment_of(f"{local:%Y-%m-%d} {clock:%H:%M}", now, zone)


@given(moments, zones, st.sampled_from(WEEKDAYS), st.times())
def test_a_weekday_is_the_next_one_and_shows_that_time_there(
    now: datetime, zone: ZoneInfo, weekday: str, clock: time
) -> None:
    try:
        found = moment_of(f"{weekday[:3]} {clock:%H:%M}", now, zone)
    except UnclearMoment:
        # Only where the clocks leave that time out, or showed it twice and the first is over.
        here = now.astimezone(zone)
        days = [here.date() + timedelta(days=ahead) for ahead in range(8)]
        offsets = {datetime.combine(day, at, zone).utcoffset() for day in days for at in (time(0), time(23, 59))}
        assert len(offsets) > 1
        return
    there = found.astimezone(zone)
    assert there.strftime("%H:%M") == f"{clock:%H:%M}"
    assert WEEKDAYS[there.weekday()] == weekday
    assert timedelta() < found - now <= timedelta(days=7, hours=1)


@given(moments, zones, st.text(max_size=30))
def test_no_text_makes_it_fail_otherwise(now: datetime, zone: ZoneInfo, text: str) -> None:
    try:
        found = moment_of(text, now, zone)
    except UnclearMoment:
        return
    assert now < found <= now + FURTHEST
