"""Copying memory between hosts: xenopsd's workers at both ends, and the wire that its streams share.

A migration first takes one of its source's workers, and keeps it while it queues for one of its target's; the memory at
the target is reserved before either. What is copied then flows at the speed of one stream, or at an equal share of a
host's wire where more streams leave it, or arrive at it, than fit.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable

from bot.lab.scenario import Durations
from bot.lab.xapi.kernel import Kernel, Signal, Steps
from bot.lab.xapi.machine import Machine

#: xenopsd's worker pools: so many migrations leave a host at one time, and so many arrive.
WORKERS = 4
#: GiB; what is left of a copy below this is rounding.
_NOTHING = 1e-5
#: The share of a copy after which its progress is told, and the simulated seconds between two times at least.
_TOLD, _TOLD_EVERY_S = 0.1, 1.0


class _Workers:
    """One of a host's two pools of workers; who waits gets a turn in the order of asking."""

    def __init__(self) -> None:
        self._free = WORKERS
        self._waiting: deque[Signal] = deque()

    def take(self) -> Steps:
        """Wait for a worker."""
        if self._free:
            self._free -= 1
            return
        turn = Signal()
        self._waiting.append(turn)
        try:
            yield turn
        except BaseException:
            # The migration is cancelled in the queue. `give` removes whom it lets in, so this one has no worker.
            self._waiting.remove(turn)
            raise

    def give(self) -> None:
        """The worker is free for the next in the queue."""
        if self._waiting:
            self._waiting.popleft().fire()
        else:
            self._free += 1


class _Flow:
    """One copy under way: what is left of it, and how fast it has been going since when (`Kernel` time)."""

    __slots__ = ("left", "rate", "rung", "since", "source", "target")

    def __init__(self, source: str, target: str, gib: float, kernel: Kernel) -> None:
        self.source = source
        self.target = target
        self.left = gib
        self.rate = 0.0
        self.since = kernel.now()
        #: Fires when the copy is done, and when its speed has changed.
        self.rung = Signal()


class Streams:
    """Every migration of one pool that copies, or waits to."""

    def __init__(self, kernel: Kernel, durations: Durations) -> None:
        self._kernel = kernel
        self._durations = durations
        self._leaving: dict[str, _Workers] = {}
        self._arriving: dict[str, _Workers] = {}
        self._flows: list[_Flow] = []
        self._out: Counter[str] = Counter()
        self._in: Counter[str] = Counter()

    def carry(
        self,
        source: Machine,
        target: Machine,
        before_s: float,
        gib: float,
        tell: Callable[[float], None] = lambda share: None,
    ) -> Steps:
        """Queue for the workers of both hosts, prepare for `before_s` seconds, copy `gib`.

        `tell` hears about every tenth of the copy, and about each second at most.
        """
        leaving = self._leaving.setdefault(source.name, _Workers())
        arriving = self._arriving.setdefault(target.name, _Workers())
        yield from leaving.take()
        source.outgoing += 1
        try:
            yield from arriving.take()
            target.incoming += 1
            try:
                yield before_s
                yield from self._copy(source.name, target.name, gib, tell)
            finally:
                target.incoming -= 1
                arriving.give()
        finally:
            source.outgoing -= 1
            leaving.give()

    def _copy(self, source: str, target: str, gib: float, tell: Callable[[float], None]) -> Steps:
        flow = _Flow(source, target, gib, self._kernel)
        self._flows.append(flow)
        self._count(flow, 1)
        flow.rate = self._rate(flow)
        try:
            while flow.left > _NOTHING:
                piece = max(gib * _TOLD, flow.rate * _TOLD_EVERY_S)
                timer = self._kernel.after(min(flow.left, piece) / flow.rate, flow.rung.fire)
                try:
                    yield flow.rung
                finally:
                    timer.cancel()
                self._progress(flow)
                tell(1 - max(0.0, flow.left) / gib)
        finally:
            self._flows.remove(flow)
            self._count(flow, -1)

    def _count(self, flow: _Flow, change: int) -> None:
        """A stream more, or less: those that share a wire with it go slower, or faster."""
        self._out[flow.source] += change
        self._in[flow.target] += change
        for other in list(self._flows):
            if other is flow or not (other.source == flow.source or other.target == flow.target):
                continue
            rate = self._rate(other)
            if rate != other.rate:
                self._progress(other)
                other.rate = rate
                other.rung.fire()

    def _rate(self, flow: _Flow) -> float:
        wire = self._durations.wire_gib_per_s
        return min(
            self._durations.migration_gib_per_s,
            wire / max(1, self._out[flow.source]),
            wire / max(1, self._in[flow.target]),
        )

    def _progress(self, flow: _Flow) -> None:
        now = self._kernel.now()
        flow.left -= flow.rate * (now - flow.since).total_seconds()
        flow.since = now
