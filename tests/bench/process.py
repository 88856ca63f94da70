"""The process of the bot: the same parts as `xsbot serve` or `xsbot worker` has, with a clock that notes delays."""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from time import monotonic
from typing import Any

from bot import log
from bot.app import EVERYTHING, Part, Service, tune_python
from bot.rollout.lifecycle import DRIVEN, State
from bot.rollout.model import PoolSnapshot
from bot.rollout.proposal import Choices
from bot.settings import Settings
from bot.time import RealTime
from bot.xen.gateway import Gateway
from storage import rollouts
from storage.actors import Actor
from storage.database import Database
from tests.bench.child import serve

ALICE, BOB = Actor("slack", "U0ALICE", "alice"), Actor("slack", "U0BOB", "bob")


class WatchedTime(RealTime):
    """The wall's clock, which notes for each driving thread when it was due."""

    def __init__(self) -> None:
        self._due = threading.local()

    def wait_until(self, deadline: datetime, wake: threading.Event | None = None) -> bool:
        woken = super().wait_until(deadline, wake)
        late = 0.0 if woken else max(0.0, (self.now() - deadline).total_seconds())
        self._due.at = monotonic() - late
        return woken

    def since_due(self) -> float | None:
        """Real seconds since the calling thread was due; None when it never waited."""
        at = getattr(self._due, "at", None)
        self._due.at = None
        return None if at is None else monotonic() - at


class Bot:
    """The service of this process and what was noted about it."""

    def __init__(self) -> None:
        self.time = WatchedTime()
        self.service: Service | None = None
        self.delays: list[float] = []
        self.looks: list[float] = []

    def prepare(self, settings: dict[str, Any], parts: list[str]) -> None:
        """Make everything, start nothing."""
        log.begin(int(os.environ.get("BENCH_LOG", "30")))
        tune_python()
        chosen = Settings.model_validate(settings)
        database = Database.open(chosen.database_url)
        database.upgrade()
        database.close()
        self.service = Service(chosen, time=self.time, parts={Part(part) for part in parts} or EVERYTHING)
        for gateway in self.service.gateways.values():
            # An attribute of the instance goes before the class's method.
            vars(gateway)["snapshot"] = partial(self._look, gateway)

    def _look(self, gateway: Gateway, **options: Any) -> PoolSnapshot:
        delay = self.time.since_due()
        if delay is not None and threading.current_thread().name.startswith("rollout-"):
            self.delays.append(delay)
        began = monotonic()
        try:
            return Gateway.snapshot(gateway, **options)
        finally:
            self.looks.append(monotonic() - began)

    def start(self) -> None:
        """Begin to work."""
        assert self.service is not None
        self.service.start()

    def stop(self) -> None:
        """End the work."""
        assert self.service is not None
        self.service.stop()

    def begin_rollouts(self) -> int:
        """Ask for an update of every pool and have it approved; the number of pools."""
        service = self.service
        assert service is not None

        def begin(alias: str) -> None:
            standing = service.rollouts.propose(alias, Choices(), ALICE, "CHG-1", "C0UPDATES")
            service.rollouts.approve(standing.row.id, standing.digest, BOB)

        with ThreadPoolExecutor(4) as threads:
            return len(list(threads.map(begin, service.gateways)))

    def poll_all(self) -> int:
        """Look at every pool once, as after the first poll interval; the number of pools."""
        service = self.service
        assert service is not None
        with ThreadPoolExecutor(8) as threads:
            return len(list(threads.map(service.poller.poll, service.gateways)))

    def states(self) -> dict[str, int]:
        """Rollouts by state, and how many have a driver in this process."""
        service = self.service
        assert service is not None
        found: dict[str, int] = defaultdict(int)
        with service.database.reading() as tx:
            for row in rollouts.recent(tx, limit=10_000):
                found[State(row.state).value] += 1
                found["driven"] += State(row.state) in DRIVEN
        found["threads"] = sum(name.startswith("rollout-") for name in service.engine.threads.names)
        return dict(found)

    def noted(self) -> dict[str, list[float]]:
        """Seconds from due to looking, and seconds of each look, since the last time this was asked."""
        delays, self.delays, looks, self.looks = self.delays, [], self.looks, []
        return {"delays": delays, "looks": looks}


if __name__ == "__main__":
    bot = Bot()
    serve(
        {
            "prepare": bot.prepare,
            "start": bot.start,
            "stop": bot.stop,
            "begin_rollouts": bot.begin_rollouts,
            "poll_all": bot.poll_all,
            "states": bot.states,
            "noted": bot.noted,
        }
    )
