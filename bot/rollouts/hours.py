"""When a pool may be worked on: its configured windows, worked out for a moment.

A window opens when the clock in the pool's time zone shows its time. An hour that comes twice, when clocks are put
back, opens it once; one that is left out opens it at the moment it would have been. It lasts its duration on any watch.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

from bot.rollout.window import ANY_TIME, Hours, Span, hours_at, merged
from bot.settings import Settings
from bot.settings.rules import LONGEST_WINDOW, window_parts

#: How far is looked for the next opening, and how many of one window's openings are worked out at most.
_AHEAD = timedelta(days=400)
_MOST = 400
#: What people see of the openings to come.
_SHOWN = timedelta(days=70)


def zone_of(settings: Settings, alias: str) -> ZoneInfo:
    """The time zone of a pool."""
    return ZoneInfo(settings.maintenance_for(alias).time_zone)


def spans_of(settings: Settings, alias: str, now: datetime, until: datetime | None = None) -> tuple[Span, ...]:
    """The pool's windows that are open at `now` or open later: until that moment, or the next few openings."""
    maintenance = settings.maintenance_for(alias)
    zone = ZoneInfo(maintenance.time_zone)
    found: list[Span] = []
    for entry in maintenance.windows:
        cron, length = window_parts(entry)
        found += _openings(CronTrigger.from_crontab(cron, zone), length, now, until, zone)
    return tuple(span for span in merged(found) if span.ends > now)


def hours_of(settings: Settings, alias: str, now: datetime, working_since: datetime | None = None) -> Hours:
    """When hosts may be begun on the pool, seen from `now`; `working_since` is when its rollout began to work."""
    maintenance = settings.maintenance_for(alias)
    stop = timedelta(minutes=maintenance.stop_after_minutes)
    stop_at = working_since + stop if stop and working_since is not None else None
    if not maintenance.windows:
        return ANY_TIME if stop_at is None else Hours(stop_at=stop_at)
    return hours_at(now, spans_of(settings, alias, now), stop_at=stop_at)


def openings_of(settings: Settings, alias: str, now: datetime, most: int = 3) -> tuple[Span, ...]:
    """The pool's next windows, for people."""
    return spans_of(settings, alias, now, now + _SHOWN)[:most]


def _openings(
    trigger: CronTrigger, length: timedelta, now: datetime, until: datetime | None, zone: ZoneInfo
) -> list[Span]:
    found: list[Span] = []
    cursor, last = now - LONGEST_WINDOW, until or now + _AHEAD
    while len(found) < _MOST:
        fires = trigger.get_next_fire_time(None, cursor.astimezone(zone))
        if fires is None or fires > last:
            break
        opens = fires.astimezone(UTC)
        cursor = opens + timedelta(seconds=1)
        if _second_of_two(opens, zone):
            continue
        found.append(Span(opens, opens + length))
        # Enough is known once a window begins after every one that is open now has closed.
        if until is None and opens > now + LONGEST_WINDOW:
            break
    return found


def _second_of_two(moment: datetime, zone: ZoneInfo) -> bool:
    """Whether the clock has shown that time an hour ago already, because it was put back."""
    local = moment.astimezone(zone)
    return bool(local.fold) and local.replace(fold=0).astimezone(UTC) != moment
