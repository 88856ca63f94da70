"""May a host begin now? Windows in which a pool may be worked on, and how long a turn in them is expected to take.

A window is a span of time, closed by its end: no host is begun that would not be done by then. What was begun is
finished whatever the clock says. Time and spans come in as arguments.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.rollout.reason import Reason, because


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """From `begins` on, until just before `ends`."""

    begins: datetime
    ends: datetime

    def holds(self, moment: datetime) -> bool:
        """Whether the moment lies in it."""
        return self.begins <= moment < self.ends


@dataclass(frozen=True, slots=True)
class Hours:
    """When a rollout may begin hosts.

    `limited` says that there are windows at all: `present` is the one that is open, `next` the one after it. `stop_at`
    is when no further host is begun until people say so; None: never.
    """

    limited: bool = False
    present: Span | None = None
    next: Span | None = None
    stop_at: datetime | None = None

    @property
    def bounded(self) -> bool:
        """Whether anything may keep a host from being begun."""
        return self.limited or self.stop_at is not None


ANY_TIME = Hours()


def merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The same time in as few spans as possible, in order."""
    found: list[Span] = []
    for span in sorted(spans):
        if found and span.begins <= found[-1].ends:
            found[-1] = Span(found[-1].begins, max(found[-1].ends, span.ends))
        else:
            found.append(span)
    return tuple(found)


def hours_at(now: datetime, spans: Sequence[Span], *, stop_at: datetime | None = None) -> Hours:
    """What `spans` (merged) mean at `now`, for a pool that has windows."""
    present = next((span for span in spans if span.holds(now)), None)
    coming = next((span for span in spans if span.begins > now), None)
    return Hours(True, present, coming, stop_at)


def may_begin(now: datetime, expected_seconds: float, hours: Hours) -> bool:
    """Whether a host whose turn takes so long may begin: it is done when its window closes."""
    if hours.stop_at is not None and now >= hours.stop_at:
        return False
    if not hours.limited:
        return True
    return hours.present is not None and now + timedelta(seconds=expected_seconds) <= hours.present.ends


def why_not(now: datetime, hours: Hours, done: int, total: int) -> Reason:
    """Why no further host is begun now, for people: how far it is, and when it goes on."""
    if hours.stop_at is not None and now >= hours.stop_at:
        return because("window.stop_after", done=done, total=total)
    if hours.next is None:
        return because("window.closed_for_good", done=done, total=total)
    begins, ends = hours.next.begins, hours.next.ends
    if hours.present is not None:
        closes = hours.present.ends.isoformat()
        return because(
            "window.too_short", done=done, total=total, closes=closes, begins=begins.isoformat(), ends=ends.isoformat()
        )
    return because("window.closed", done=done, total=total, begins=begins.isoformat(), ends=ends.isoformat())


#: The reasons of a pause that ends by itself when the next window opens.
PAUSES = frozenset({"window.closed", "window.too_short", "window.frozen", "window.approval_gone"})
#: Those of them in which nobody is asked for anything.
UNATTENDED = PAUSES - {"window.approval_gone"}
