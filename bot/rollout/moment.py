"""What people type for a moment: ``sat 22:00``, ``tomorrow 6:30``, ``2026-11-28 22:00``, ``in 3 hours``, ``+4h``.

Clock times are read in the pool's time zone. One that a change of the clocks leaves out is refused; one that comes
twice means the first. Moments are whole minutes, as they are shown and approved.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.rollout.errors import RolloutError

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
#: Further away nobody plans; a year that was mistyped is.
FURTHEST = timedelta(days=180)

_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)
_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})", re.ASCII)
_IN = re.compile(r"(?:in |\+)(\d{1,4}) ?(m|min|minutes?|h|hours?|d|days?)", re.ASCII)
#: A date joined to its time the way programs write it.
_DATE_AND_TIME = re.compile(r"^(\d{4}-\d{1,2}-\d{1,2})t", re.ASCII)
_UNIT = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_HINT = "Say for example “sat 22:00”, “tomorrow 6:30”, “2026-11-28 22:00”, “in 3 hours” or “+90m”."


class UnclearMoment(RolloutError):
    """Nobody can tell which moment was meant, or it cannot be used."""


def moment_of(text: str, now: datetime, zone: ZoneInfo) -> datetime:
    """The moment in UTC that `text` names, seen from `now`; always later than `now`.

    A weekday or a time alone is the next one. Raises `UnclearMoment` for what is none, is over, or is too far away.
    """
    words = " ".join(text.casefold().replace(",", " ").split())
    try:
        found = _relative(words, now) or _absolute(words) or _local(words, now.astimezone(zone), zone)
        found = found.astimezone(UTC) if found is not None else None
    except OverflowError:
        # Midnight of the first day there is, east of Greenwich: such a moment is before the first in UTC.
        found = None
    if found is None:
        raise UnclearMoment(f"{text!r} is no moment.", _HINT)
    found = found.replace(second=0, microsecond=0)
    if found <= now:
        raise UnclearMoment(f"{text!r} is over already.", _HINT)
    if found > now + FURTHEST:
        raise UnclearMoment(f"{text!r} is more than {FURTHEST.days} days away.", _HINT)
    return found


def next_time(clock: str, now: datetime, zone: ZoneInfo) -> datetime:
    """The next moment in UTC at which it is that late there, `clock` being a time of day like ``05:30``.

    For what is configured and has to mean something every day: a time that a change of the clocks leaves out is the
    moment it would have been.
    """
    hour, _colon, minute = clock.partition(":")
    today, at = now.astimezone(zone).date(), time(int(hour), int(minute))
    days = (today + timedelta(days=ahead) for ahead in range(3))
    return next(found for day in days if (found := datetime.combine(day, at, zone).astimezone(UTC)) > now)


def _relative(words: str, now: datetime) -> datetime | None:
    match = _IN.fullmatch(words)
    return now + int(match[1]) * _UNIT[match[2][0]] if match else None


def _absolute(words: str) -> datetime | None:
    """A moment with its distance to UTC, as programs write it."""
    try:
        found = datetime.fromisoformat(words.replace(" ", "t", 1).upper())
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def _local(words: str, here: datetime, zone: ZoneInfo) -> datetime | None:
    *before, last = _DATE_AND_TIME.sub(r"\1 ", words).split() or [""]
    clock = _TIME.fullmatch(last)
    if clock is None or len(before) > 1:
        return None
    at = time(int(clock[1]), int(clock[2]))
    day = before[0] if before else ""
    match = _DATE.fullmatch(day)
    if match:
        return _existing(_date(int(match[1]), int(match[2]), int(match[3])), at, zone)
    if day in ("today", "tomorrow"):
        return _existing(here.date() + timedelta(days=day == "tomorrow"), at, zone)
    if not day:
        wanted, every = here.date(), 1
    else:
        known = [number for number, name in enumerate(WEEKDAYS) if len(day) >= 3 and name.startswith(day)]
        if not known:
            return None
        wanted, every = here.date() + timedelta(days=(known[0] - here.weekday()) % 7), 7
    # Compared as people read a clock: the second of two equal times is not "the next one".
    if (wanted, at) <= (here.date(), here.time().replace(tzinfo=None)):
        wanted += timedelta(days=every)
    return _existing(wanted, at, zone)


def _date(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError as error:
        raise UnclearMoment(f"There is no {year}-{month:02}-{day:02}.", _HINT) from error


def _existing(day: date, at: time, zone: ZoneInfo) -> datetime:
    local = datetime.combine(day, at, zone)
    moment = local.astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise UnclearMoment(
            f"There is no {at:%H:%M} on {day} in {zone.key}: the clocks are put forward.", "Say a time before or after."
        )
    return moment
