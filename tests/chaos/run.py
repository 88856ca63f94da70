"""One run: pools, processes, people and everything that goes wrong, from the first request to the verdict."""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.settings.source import load_settings
from storage import debts, outbox
from storage.database import Database
from storage.errors import StorageError
from tests.chaos.conversation import compare
from tests.chaos.crew import Crew
from tests.chaos.disturber import Disturber
from tests.chaos.judgement import judge
from tests.chaos.people import People
from tests.chaos.plan import Plan, draw
from tests.chaos.site import Site
from tests.postgres import PostgresServer, find_postgres

#: Real seconds of a run for each kill: a process needs time to come back and to do something worth killing.
_SECONDS_A_KILL = {"sqlite": 2.2, "postgresql": 1.8}
#: Simulated seconds in a real one: as many as the machine can simulate for so many pools.
_FASTEST, _SLOWEST = 100.0, 4.0
#: Simulated seconds of a rollout that is disturbed a little; the plan should not outlast it by much.
_NOMINAL_S = 3000.0
#: Simulated minutes after the last disturbance in which everything must end, and what is owed be given back.
_PEACE_MINUTES = 240.0


@dataclass(frozen=True, slots=True)
class Size:
    """How large a run is. `database` is empty for SQLite, ``own`` for a PostgreSQL of the run's own, or an address.

    `rounds` is how often a pool is updated at most: with what it has, and with what the vendor publishes later. Of
    `speed` and `span` (real seconds over which the plan is spread) 0 means whatever fits.
    """

    pools: int = 3
    hosts: int = 2
    kills: int = 6
    faults: int = 6
    seed: int = 1
    database: str = ""
    rounds: int = 2
    speed: float = 0.0
    span: float = 0.0

    @property
    def engine(self) -> str:
        """Which database it is."""
        return "postgresql" if self.database else "sqlite"

    def plan(self) -> Plan:
        """What goes wrong."""
        own = self.database == "own"
        return draw(
            self.seed,
            span=self.span or max(10.0, _SECONDS_A_KILL[self.engine] * max(self.kills, self.faults)),
            kills=self.kills,
            faults=self.faults,
            freezes=max(1, self.kills // 6) if self.kills else 0,
            database_restarts=max(1, self.kills // 20) if own and self.kills else 0,
        )


@dataclass
class Result:
    """The figures of one run, and what speaks against it."""

    figures: dict[str, Any]
    broken: list[str]
    told: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return "\n".join([*self.told, *(f"BROKEN  {promise}" for promise in self.broken)])


def carry_out(size: Size, *, patience_s: float = 3600.0, say: Callable[[str], None] = lambda text: None) -> Result:
    """Carry out one run. `say` is told how far it is; `patience_s` is real seconds for the whole of it."""
    began = time.monotonic()
    plan = size.plan()
    # Three listeners a pool, and everybody's connections to them.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with ExitStack() as stack:
        server, url = None, size.database
        if size.database == "own":
            binaries = find_postgres()
            if binaries is None:
                raise RuntimeError("There is no PostgreSQL on this machine (Debian, Ubuntu: apt install postgresql).")
            server = stack.enter_context(PostgresServer(binaries))
            url = server.empty()
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="xsbot-chaos-")))
        speed = size.speed or max(_SLOWEST, min(_FASTEST, 300.0 / size.pools, _NOMINAL_S / plan.span))
        site = stack.enter_context(
            Site(directory, pools=size.pools, hosts=size.hosts, seed=size.seed, speed=speed, url=url)
        )
        database = Database.open(site.url)
        stack.callback(database.close)
        database.upgrade()
        run = _Run(size, plan, site, database, server, say)
        return run.hold(began, began + patience_s)


class _Run:
    def __init__(
        self,
        size: Size,
        plan: Plan,
        site: Site,
        database: Database,
        server: PostgresServer | None,
        say: Callable[[str], None],
    ) -> None:
        self.size, self.plan, self.site, self.database, self.say = size, plan, site, database, say
        self.crew = Crew(site)
        self.people = People(site, database, size.seed, size.rounds)
        self.disturber = Disturber(plan, site, self.crew, database, server)
        self.late: list[str] = []

    def hold(self, began: float, deadline: float) -> Result:
        with self.crew:
            self.site.slack.wait_connected(timeout=60)
            self.people.start()
            # Half of the pools are asked for in quiet, so that there is something to disturb.
            half = len(self.site.pools) // 2
            self._until(lambda: len(self.people.missing()) <= half, deadline, "the first requests")
            self.disturber.start()
            self._until(lambda: self.disturber.over, deadline, "the end of all disturbances")
            self.disturber.stop()
            self.people.peace.set()
            peace = min(deadline, time.monotonic() + max(60.0, self.site.sim(_PEACE_MINUTES)))
            self._until(
                lambda: not self.people.missing() and not self.people.unfinished(), peace, "the end of all rollouts"
            )
            self.people.stop()
            self._until(self._nothing_owed, min(peace, time.monotonic() + self.site.sim(20)), "")
            self._until(self._all_sent, max(peace, time.monotonic() + 60), "the last message")
            slowest = self.crew.stop()
        return self._result(began, slowest)

    def _until(self, there: Callable[[], bool], deadline: float, what: str) -> None:
        told = time.monotonic()
        while not self._holds(there):
            if self.people.errors or self.disturber.errors:
                return  # A mistake of the suite's own; the result says so.
            if time.monotonic() > deadline:
                if what:
                    self.late.append(f"waited in vain for {what}")
                return
            if time.monotonic() - told > 15:
                told = time.monotonic()
                self.say(self._standing())
            time.sleep(0.1)

    @staticmethod
    def _holds(there: Callable[[], bool]) -> bool:
        try:
            return there()
        except StorageError:
            return False  # The database is away on purpose.

    def _standing(self) -> str:
        done = ", ".join(f"{count} {kind}s" for kind, count in self.disturber.done.items())
        try:
            states = ", ".join(f"{row.alias} {row.state.value}" for row in self.people.unfinished()[:6])
        except StorageError:
            states = "the database is away"
        return f"{done}; {states}"

    def _nothing_owed(self) -> bool:
        with self.database.reading() as tx:
            return not any(debts.all_open(tx).values())

    def _all_sent(self) -> bool:
        with self.database.reading() as tx:
            return outbox.depth(tx) == 0

    def _result(self, began: float, slowest: float) -> Result:
        found = judge(self.site.pools, self.database, self.site.slack)
        settings = load_settings(self.site.config, self.site.environ)
        messages = compare(self.database, self.site.slack, settings, self.disturber.windows)
        crashes = [
            f"{alias}: the simulated pool stumbled: {crash!r}"
            for alias, pool in self.site.pools.items()
            for crash in pool.world.kernel.crashes
        ]
        figures = {
            "pools": self.size.pools,
            "kills": self.disturber.done["kill"],
            "faults": self.disturber.done["fault"],
            "effects": found.effects,
            "repeated_effects": found.repeated_effects,
            "double_reboots": found.double_reboots,
            "vms_lost": found.vms_lost,
            "settings_left_off": found.settings_left_off,
            "messages_lost": len(messages.lost),
            "messages_doubled": len(messages.doubled),
            "unfinished": found.unfinished,
            "audit_ok": found.audit_ok,
            "wall_s": round(time.monotonic() - began, 1),
            "seed": self.size.seed,
            "database": self.size.engine,
            "hosts": self.size.hosts,
            "speed": self.site.time.speed,
            "freezes": self.disturber.done["freeze"],
            "database_restarts": self.disturber.done["database"],
            "rollouts": dict(sorted(found.ends.items())),
            "asked_people": sum(self.people.asked.values()),
            "answers": dict(sorted(self.people.answers.items())),
            "listed": found.listed,
            "messages": messages.expected,
            "send_windows": self.disturber.windows.total(),
            "doubled_in_windows": messages.in_windows,
            "slowest_stop_s": round(slowest, 2),
        }
        broken = [
            *self.late,
            *found.broken,
            *(f"message lost: {text}" for text in messages.lost),
            *(f"message doubled: {text}" for text in messages.doubled),
            *(f"message out of order: {text}" for text in messages.out_of_order),
            *(f"{alias} refused every request: {why}" for alias, why in self.people.refused.items()),
            *crashes,
            *(f"the suite stumbled: {error!r}" for error in (*self.people.errors, *self.disturber.errors)),
        ]
        told = [
            f"plan of seed {self.plan.seed}, {self.plan.span:.0f} s:",
            *map(str, self.plan.disturbances),
            "done:",
            *self.disturber.log,
            *(f"ended by itself: {text}" for text in self.crew.ended_by_themselves),
            *(f"traceback: {text}" for text in self.crew.traces()),
        ]
        return Result(figures, broken, told)
