"""When a weekly digest is due, in which channels, and about which pools."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.rollouts.digest import LATEST, due_digests
from bot.settings import Settings

POOL: dict[str, Any] = {"urls": ["https://xs-01.example"], "password": "-", "insecure_ignore_tls": True}
CHANNELS = {"prod-a": "#prod", "prod-b": "#prod", "lab": "#lab"}
FRIDAY = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def settings(**digests: dict[str, Any]) -> Settings:
    pools = {alias: {**POOL, "channel": channel} for alias, channel in CHANNELS.items()}
    pools["prod-a"]["language"] = pools["prod-b"]["language"] = "es"
    return Settings.model_validate({"pools": pools, "digests": digests, "maintenance": {"time_zone": "Europe/Berlin"}})


def weeks(configured: Settings, now: datetime) -> list[str]:
    return [entry.week for entry in due_digests(configured, now)]


def test_without_a_digest_none_is_due() -> None:
    assert due_digests(settings(), FRIDAY) == []


def test_each_channel_gets_one_about_its_pools() -> None:
    configured = settings(weekly={})
    assert configured.digest_channels("weekly") == {"#prod": ("prod-a", "prod-b"), "#lab": ("lab",)}
    assert [configured.language_in(channel) for channel in ("#prod", "#lab", "#bosses")] == ["es", "en", "en"]


def test_one_channel_gets_one_about_all_that_fit() -> None:
    configured = settings(all={"channel": "#bosses"}, production={"pools": ["prod-*"], "channel": "#lab"})
    assert configured.digest_channels("all") == {"#bosses": ("prod-a", "prod-b", "lab")}
    assert configured.digest_channels("production") == {"#lab": ("prod-a", "prod-b")}
    assert configured.digest_channels("gone") == {}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"pools": ["far-*"]}, "is about no pool that there is"),
        ({"channel": "no channel"}, "is no channel"),
        ({"time": "24:00"}, "String should match"),
        ({"time_zone": "Mars/Olympus"}, "There is no time zone"),
        ({"day": "monday"}, "Input should be"),
    ],
)
def test_what_makes_no_sense_is_refused(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        settings(weekly=changed)


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (datetime(2026, 11, 20, 7, 59, 59, tzinfo=UTC), []),
        (FRIDAY, ["2026-W47"]),
        (FRIDAY + LATEST - timedelta(seconds=1), ["2026-W47"]),
        (FRIDAY + LATEST, []),
        (FRIDAY + timedelta(days=7), ["2026-W48"]),
    ],
)
def test_it_is_due_from_its_time_on_and_for_some_hours(now: datetime, due: list[str]) -> None:
    # 08:00 UTC is 09:00 in Berlin.
    assert weeks(settings(weekly={"day": "fri", "channel": "#lab"}), now) == due


def test_it_has_a_zone_of_its_own() -> None:
    tokyo = settings(weekly={"day": "fri", "channel": "#lab", "time": "17:00", "time_zone": "Asia/Tokyo"})
    assert weeks(tokyo, FRIDAY - timedelta(seconds=1)) == []
    assert weeks(tokyo, FRIDAY) == ["2026-W47"]


def test_a_sunday_evening_belongs_to_its_own_week_after_midnight_too() -> None:
    sunday = settings(weekly={"day": "sun", "channel": "#lab", "time": "22:00"})
    assert weeks(sunday, datetime(2026, 11, 22, 21, 0, tzinfo=UTC)) == ["2026-W47"]
    assert weeks(sunday, datetime(2026, 11, 23, 3, 0, tzinfo=UTC)) == ["2026-W47"]


def test_a_time_that_the_clocks_leave_out_is_the_moment_it_would_have_been() -> None:
    sunday = settings(weekly={"day": "sun", "channel": "#lab", "time": "02:30"})
    assert weeks(sunday, datetime(2026, 3, 29, 1, 29, tzinfo=UTC)) == []
    assert weeks(sunday, datetime(2026, 3, 29, 1, 30, tzinfo=UTC)) == ["2026-W13"]


@examples(max_examples=20)
@given(
    st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]),
    st.integers(0, 23),
    st.integers(0, 59),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)),
)
def test_whoever_looks_every_hour_hears_of_it_in_each_week_under_one_name(
    day: str, hour: int, minute: int, begin: datetime
) -> None:
    configured = settings(weekly={"day": day, "channel": "#lab", "time": f"{hour:02}:{minute:02}"})
    begins = begin.replace(tzinfo=UTC)
    looks = [begins + timedelta(hours=count) for count in range(4 * 7 * 24)]
    heard = {(week, look.astimezone(BERLIN).date()) for look in looks for week in weeks(configured, look)}
    names = {week for week, _day in heard}
    assert 4 <= len(names) <= 5
    # One name is never heard on days further apart than its twelve hours reach.
    for name in names:
        days = sorted(day for week, day in heard if week == name)
        assert (days[-1] - days[0]).days <= 1
