"""The lab's two clocks: one that runs faster than the wall, one that jumps from event to event.

Both fulfil `bot.time.Time`, so that the unchanged bot can be rehearsed on them, and both let the simulated world put
its own events on the same clock (`schedule`).

* `ScaledTime`: a simulated minute passes in `60 / speed` real seconds. For browsers and third-party clients.
* `SteppedTime`: time stands still while anybody works and jumps to the next event once everybody waits. For tests and
  benchmarks. Threads that do real work between their waits register (`with time.participant():`). A call that the
  simulated server keeps open (a long poll, a synchronous evacuation) counts as the waiting of the participant that
  called. A thread that never registered may wait too, it just does not hold the clock back while it works.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import threading
import time as wall
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol

from bot.time import Time

DEFAULT_START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)

#: Real seconds between two looks at a caller's wake event while simulated time stands still.
_POLL = 0.001


class Scheduled(Protocol):
    """An event on the clock that can still be taken back."""

    def cancel(self) -> None:
        """Take the event back; without effect once it ran."""
        ...


class LabTime(Time, Protocol):
    """What the simulated world needs of a clock, beyond what the bot needs."""

    def schedule(self, when: datetime, loop: asyncio.AbstractEventLoop, run: Callable[[], None]) -> Scheduled:
        """Run `run` on `loop` at simulated `when`. Called on the loop's own thread."""
        ...

    def park(self) -> None:
        """A call is kept open by the server from now on: its caller waits."""
        ...

    def unpark(self) -> None:
        """That call is answered: its caller works again."""
        ...

    def forget(self, loop: asyncio.AbstractEventLoop) -> None:
        """Drop every event of `loop`, because it is about to be closed."""
        ...


class ScaledTime:
    """Simulated time that flows `speed` times as fast as the wall clock, beginning at `start`.

    `origin` is the moment of `time.monotonic` at which it was `start`; now, when left out. That clock is the machine's,
    so processes that are given the same three values share one simulated time.
    """

    def __init__(self, speed: float = 60.0, start: datetime | None = None, origin: float | None = None) -> None:
        if speed <= 0:
            raise ValueError("speed must be positive")
        self.speed = speed
        self.start = start if start is not None else datetime.now(UTC)
        self.origin = origin if origin is not None else wall.monotonic()

    def now(self) -> datetime:
        """The present simulated moment."""
        return self.start + timedelta(seconds=(wall.monotonic() - self.origin) * self.speed)

    def wait_until(self, deadline: datetime, wake: threading.Event | None = None) -> bool:
        """See `bot.time.Time.wait_until`; the waiting takes `1 / speed` of the simulated span."""
        event = wake if wake is not None else threading.Event()
        while True:
            left = (deadline - self.now()).total_seconds() / self.speed
            if left <= 0:
                return event.is_set()
            if event.wait(min(left, 3600.0)):
                return True

    def schedule(self, when: datetime, loop: asyncio.AbstractEventLoop, run: Callable[[], None]) -> Scheduled:
        """See `LabTime.schedule`."""
        return loop.call_later(max(0.0, (when - self.now()).total_seconds() / self.speed), run)

    def park(self) -> None:
        """Nothing to do: this clock waits for nobody."""

    def unpark(self) -> None:
        """Nothing to do: this clock waits for nobody."""

    def forget(self, loop: asyncio.AbstractEventLoop) -> None:
        """Nothing to do: the timers live in the loop and end with it."""

    @contextmanager
    def participant(self) -> Iterator[None]:
        """Accepted for symmetry with `SteppedTime`; this clock waits for nobody."""
        yield

    def register(self) -> None:
        """Accepted for symmetry with `SteppedTime`."""

    def unregister(self) -> None:
        """Accepted for symmetry with `SteppedTime`."""


class _Entry:
    """One world event on the stepped clock."""

    __slots__ = ("cancelled", "loop", "run")

    def __init__(self, loop: asyncio.AbstractEventLoop, run: Callable[[], None]) -> None:
        self.loop = loop
        self.run = run
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class _Waiter:
    """One thread inside `wait_until`."""

    __slots__ = ("deadline", "registered", "released", "wake")

    def __init__(self, deadline: datetime, wake: threading.Event | None, registered: bool) -> None:
        self.deadline = deadline
        self.wake = wake
        self.registered = registered
        self.released = threading.Event()


class SteppedTime:
    """Simulated time that advances only when every participant waits, and then to the next event at once."""

    def __init__(self, start: datetime | None = None) -> None:
        self._now = start if start is not None else DEFAULT_START
        self._mutex = threading.RLock()
        self._order = itertools.count()
        self._events: list[tuple[datetime, int, _Entry]] = []
        self._waiters: set[_Waiter] = set()
        self._registered: dict[int, int] = {}
        self._parked = 0
        #: The event that a loop is working on; no other starts before it is done.
        self._in_flight: _Entry | None = None

    def now(self) -> datetime:
        """The present simulated moment."""
        with self._mutex:
            return self._now

    @contextmanager
    def participant(self) -> Iterator[None]:
        """Register the calling thread for the length of the block: time stands still while it works."""
        self.register()
        try:
            yield
        finally:
            self.unregister()

    def register(self) -> None:
        """Let the clock stand still whenever the calling thread does not wait."""
        with self._mutex:
            me = threading.get_ident()
            self._registered[me] = self._registered.get(me, 0) + 1

    def unregister(self) -> None:
        """Undo one `register` of the calling thread."""
        with self._mutex:
            me = threading.get_ident()
            left = self._registered.get(me, 0) - 1
            if left > 0:
                self._registered[me] = left
            else:
                self._registered.pop(me, None)
            self._advance()

    def wait_until(self, deadline: datetime, wake: threading.Event | None = None) -> bool:
        """See `bot.time.Time.wait_until`; returns as soon as simulated time has got there."""
        with self._mutex:
            if wake is not None and wake.is_set():
                return True
            if deadline <= self._now:
                return False
            waiter = _Waiter(deadline, wake, threading.get_ident() in self._registered)
            self._waiters.add(waiter)
            self._advance()
        if wake is None:
            waiter.released.wait()
            return False
        while not waiter.released.is_set():
            if wake.wait(_POLL):
                with self._mutex:
                    self._waiters.discard(waiter)
                return True
        return wake.is_set()

    def schedule(self, when: datetime, loop: asyncio.AbstractEventLoop, run: Callable[[], None]) -> Scheduled:
        """See `LabTime.schedule`."""
        entry = _Entry(loop, run)
        with self._mutex:
            heapq.heappush(self._events, (when, next(self._order), entry))
            self._advance()
        return entry

    def park(self) -> None:
        """See `LabTime.park`."""
        with self._mutex:
            self._parked += 1
            self._advance()

    def unpark(self) -> None:
        """See `LabTime.unpark`."""
        with self._mutex:
            self._parked -= 1

    def forget(self, loop: asyncio.AbstractEventLoop) -> None:
        """See `LabTime.forget`."""
        with self._mutex:
            self._events = [item for item in self._events if item[2].loop is not loop]
            heapq.heapify(self._events)
            if self._in_flight is not None and self._in_flight.loop is loop:
                self._in_flight = None
            self._advance()

    def _everybody_waits(self) -> bool:
        if any(waiter.wake is not None and waiter.wake.is_set() for waiter in self._waiters):
            return False  # that thread is about to go on, whatever its deadline says
        waiting = self._parked + sum(waiter.registered for waiter in self._waiters)
        return waiting >= len(self._registered) and bool(self._waiters or self._parked)

    def _advance(self) -> None:
        """Jump to the next event or deadline if nobody works. Holds the mutex (reentrant)."""
        while self._in_flight is None and self._everybody_waits():
            while self._events and self._events[0][2].cancelled:
                heapq.heappop(self._events)
            deadline = min((waiter.deadline for waiter in self._waiters), default=None)
            if self._events and (deadline is None or self._events[0][0] <= deadline):
                when, _, entry = heapq.heappop(self._events)
                self._now = max(self._now, when)
                self._in_flight = entry
                entry.loop.call_soon_threadsafe(self._run, entry)
            elif deadline is not None:
                self._now = max(self._now, deadline)
                for waiter in [w for w in self._waiters if w.deadline <= self._now]:
                    self._waiters.discard(waiter)
                    waiter.released.set()
            else:
                return

    def _run(self, entry: _Entry) -> None:
        try:
            if not entry.cancelled:
                entry.run()
        finally:
            with self._mutex:
                if self._in_flight is entry:
                    self._in_flight = None
                self._advance()
