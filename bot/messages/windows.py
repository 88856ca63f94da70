"""A maintenance window in words: ``Saturday 22:00–04:00`` for ``0 22 * * sat 6h``.

Whoever approves reads when it starts; few of them read cron. What has no short words stays as it is configured.
"""

from __future__ import annotations

import re

from bot.messages.language import _, weekday

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LENGTH = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?")
_DAY = 24 * 60


def window_words(entry: str) -> str:
    """One window, as configured (`maintenance.windows`), in the present language; as code where words are long."""
    *cron, length = entry.split()
    minutes = _LENGTH.fullmatch(length)
    at_one_time = len(cron) == 5 and all(field.isdigit() for field in cron[:2])
    days = _days(cron[4]) if at_one_time and cron[2:4] == ["*", "*"] else ""
    lasts = int(minutes[1] or 0) * 60 + int(minutes[2] or 0) if minutes is not None else 0
    if not days or not 0 < lasts < _DAY:
        # Validated when the configuration was read; its stars mean themselves in code.
        return f"`{entry}`"
    opens = int(cron[1]) * 60 + int(cron[0])
    return f"{days} {_clock(opens)}–{_clock(opens + lasts)}"


def _clock(minutes: int) -> str:
    return f"{minutes // 60 % 24:02}:{minutes % 60:02}"


def _days(field: str) -> str:
    """The weekdays of cron's last field by name, "" for what is no list of days and spans of days."""
    if field == "*":
        return _("daily")
    told = []
    for part in field.split(","):
        span = part.split("-")
        if len(span) > 2 or not set(span) <= set(_DAYS):
            return ""
        told.append("–".join(weekday(_DAYS.index(day)) for day in span))
    return ", ".join(told)
