"""The threads in which rollouts are driven and debts settled, each with a name, so that none runs twice here."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic

#: What a thread does; the event is set when it should look again.
Work = Callable[[threading.Event], None]


class Threads:
    """Named threads that end when `stop` is set. Each spends its life waiting."""

    def __init__(self, stop: threading.Event) -> None:
        self.stop = stop
        self._lock = threading.Lock()
        self._running: dict[str, tuple[threading.Thread, threading.Event, list[Callable[[], None]]]] = {}

    def start(self, name: str, work: Work, ended: Callable[[], None] = lambda: None) -> None:
        """Do the work in a thread of that name, unless there is one; `ended` is called when that thread ends."""
        with self._lock:
            known = self._running.get(name)
            if known is not None:
                known[2].append(ended)
                return
            if not self.stop.is_set():
                event = threading.Event()
                thread = threading.Thread(target=self._run, args=(name, work, event), name=name, daemon=True)
                self._running[name] = (thread, event, [ended])
                thread.start()
                return
        ended()

    def _run(self, name: str, work: Work, event: threading.Event) -> None:
        try:
            work(event)
        finally:
            with self._lock:
                _, _, ended = self._running.pop(name)
            for tell in ended:
                tell()

    @property
    def names(self) -> frozenset[str]:
        """Who is at work."""
        with self._lock:
            return frozenset(self._running)

    def wake(self, *names: str) -> None:
        """Have these look again; all of them when none is named."""
        with self._lock:
            for name, (_, event, _) in self._running.items():
                if not names or name in names:
                    event.set()

    def join(self, deadline: float) -> None:
        """Wait for all of them until `deadline` (`time.monotonic`)."""
        with self._lock:
            threads = [thread for thread, _, _ in self._running.values()]
        for thread in threads:
            thread.join(max(0.0, deadline - monotonic()))
