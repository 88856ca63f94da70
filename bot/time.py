"""The one place where the program meets a clock.

Everything that waits or stamps (worker, gateway, retries, timers) takes a `Time` instead of calling the standard
library, because a rolling update lasts hours and must be rehearsed in seconds: the lab hands the unchanged bot a
clock that runs faster (*scaled*) or that jumps to the next event once everybody waits (*stepped*).

Protocol limits that belong to the other side of a real wire (Slack's three seconds, socket timeouts) are always
real time and do not go through here.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Protocol


class Time(Protocol):
    """What the bot needs of a clock."""

    def now(self) -> datetime:
        """The present moment, always aware and in UTC."""
        ...

    def wait_until(self, deadline: datetime, wake: threading.Event | None = None) -> bool:
        """Block until `deadline`, or earlier when `wake` gets set.

        Returns True when it was `wake` that ended the wait. A deadline in the past returns at once.
        """
        ...


class RealTime:
    """The clock on the wall."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def wait_until(self, deadline: datetime, wake: threading.Event | None = None) -> bool:
        event = wake if wake is not None else threading.Event()
        while True:
            left = (deadline - self.now()).total_seconds()
            if left <= 0:
                return event.is_set()
            # An hour at most per nap, so that a stepped wall clock (NTP, resume from suspend) is noticed.
            if event.wait(min(left, 3600.0)):
                return True
