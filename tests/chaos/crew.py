"""The processes of the bot: real ones, which are killed, frozen, thawed and started again.

They are forked from a process that has imported everything already, because a second of importing for each of hundreds
of starts would be most of a run. From there on each is a process like any other.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from tests.chaos.process import Clock, live
from tests.chaos.site import Site

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.chaos.process"])

#: What runs on SQLite, and what shares one PostgreSQL.
ALONE = ("serve",)
TOGETHER = ("worker.1", "worker.2", "web.1", "clock.1")
#: Seconds before a process that ended by itself is started again, as a supervisor would.
_AGAIN_S = 1.0


class Member:
    """One process and those that take its place. The part of its name before the point is the command."""

    def __init__(self, name: str, site: Site) -> None:
        self.name = name
        self.log: Path = site.directory / f"{name}.log"
        self._site = site
        self._process: ForkServerProcess | None = None
        self.frozen = False
        self._since = 0.0
        #: The process should run; otherwise it is dead on purpose for now.
        self.wanted = False
        self.ended_by_itself: list[int | None] = []

    def start(self) -> None:
        """Start it, unless it runs."""
        self.wanted = True
        if self.alive:
            return
        process = _CONTEXT.Process(
            target=live,
            args=(self.name.partition(".")[0], self._site.environ, Clock.of(self._site.time), self.log),
        )
        process.start()
        self._process, self.frozen, self._since = process, False, time.monotonic()

    @property
    def age(self) -> float:
        """Seconds since its start."""
        return time.monotonic() - self._since

    @property
    def alive(self) -> bool:
        """Whether it runs or is frozen."""
        return self._process is not None and self._process.is_alive()

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        self.wanted = False
        if self._process is not None:
            self._process.kill()
            self._process.join(10)
        self.frozen = False

    def freeze(self) -> None:
        """Stop it where it is."""
        if self.alive and self._process is not None and self._process.pid is not None:
            os.kill(self._process.pid, signal.SIGSTOP)
            self.frozen = True

    def thaw(self) -> None:
        """Let it go on."""
        if self.frozen and self.alive and self._process is not None and self._process.pid is not None:
            os.kill(self._process.pid, signal.SIGCONT)
        self.frozen = False

    def terminate(self) -> float:
        """SIGTERM; the seconds until it was gone."""
        self.wanted = False
        began = time.monotonic()
        if self._process is not None and self._process.is_alive():
            self.thaw()
            self._process.terminate()
            self._process.join(20)
        return time.monotonic() - began

    def look(self) -> None:
        """Start it again where it ended by itself."""
        if self.wanted and self._process is not None and not self._process.is_alive():
            self.ended_by_itself.append(self._process.exitcode)
            self.start()


class Crew:
    """All processes of a run, and the supervisor that starts again what ended by itself. A context manager."""

    def __init__(self, site: Site) -> None:
        names = TOGETHER if site.url.startswith("postgresql") else ALONE
        self.members = [Member(name, site) for name in names]
        self.lock = threading.RLock()
        self._stop = threading.Event()
        self._supervisor = threading.Thread(target=self._supervise, name="supervisor", daemon=True)

    def __enter__(self) -> Crew:
        with self.lock:
            for member in self.members:
                member.start()
        self._supervisor.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end(Member.kill)

    def stop(self) -> float:
        """Ask all of them to end; the longest that one took, in seconds."""
        return max(self._end(Member.terminate))

    def _end(self, how: Callable[[Member], float | None]) -> list[float]:
        self._stop.set()
        if self._supervisor.ident is not None:
            self._supervisor.join(20)
        with self.lock:
            return [how(member) or 0.0 for member in self.members]

    def _supervise(self) -> None:
        while not self._stop.wait(_AGAIN_S):
            with self.lock:
                for member in self.members:
                    member.look()

    @property
    def ended_by_themselves(self) -> list[str]:
        """Processes that ended although nobody killed them, with their exit codes."""
        return [f"{member.name}: exit code {code}" for member in self.members for code in member.ended_by_itself]

    def traces(self) -> list[str]:
        """What the logs say about faults of ours: the last line of each traceback, once."""
        found: dict[str, None] = {}
        for member in self.members:
            lines = member.log.read_text("utf-8", "replace").splitlines() if member.log.exists() else []
            within = False
            for line in lines:
                if line.startswith("Traceback"):
                    within = True
                elif within and line and not line.startswith(" "):
                    found[f"{member.name}: {line[:300]}"] = None
                    within = False
        return list(found)
