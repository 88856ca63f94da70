"""Carries out the plan of a run: kills, freezes, database restarts, and faults of pools and of Slack."""

from __future__ import annotations

import heapq
import itertools
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial

from bot.lab.pool import LabPool
from storage import outbox
from storage.database import Database
from storage.errors import StorageError
from tests.chaos.crew import Crew, Member
from tests.chaos.plan import Disturbance, Plan
from tests.chaos.site import KINDS, Site
from tests.chaos.standing import known
from tests.postgres import PostgresServer

#: How long a dead process stays dead, and how long a frozen one stays frozen: longer than until it is replaced.
_DEAD_S = (0.0, 1.5)
_FROZEN_S = (1.0, 12.0)
#: How old a process grows at least before it is killed: from the middle of its start to the middle of its work.
_AGE_S = (0.0, 4.0)
_SLACK_AWAY_S = (1.0, 8.0)
#: Simulated minutes for which a fault of a pool stays, unless somebody mends it before.
_MINUTES = (0.5, 15.0)
#: A host that does not return stays away for longer than people wait.
_AWAY_MINUTES = (3.0, 50.0)
#: Faults that mean something on some kinds of pools only.
_MEANT_FOR = {
    "livepatch_fails": ("livepatch",),
    "vm_stop_fails": ("pinned",),
    "ha_enable_fails": ("small", "livepatch", "split-guidance"),
}
#: Simulated seconds: longer than anybody waits for an answer.
_NEVER = 1e6


class Disturber:
    """One thread that does what the plan says when it says so, and takes back what was for a while only."""

    def __init__(self, plan: Plan, site: Site, crew: Crew, database: Database, server: PostgresServer | None) -> None:
        self.plan = plan
        self.done: Counter[str] = Counter()
        self.log: list[str] = []
        #: Rows of the outbox that were in hand when their sender was killed.
        self._in_hand: set[tuple[int, int]] = set()
        self.errors: list[BaseException] = []
        self._site, self._crew, self._database, self._server = site, crew, database, server
        self._undo: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._began = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="disturber", daemon=True)

    def start(self) -> None:
        """Begin now."""
        self._thread.start()

    @property
    def over(self) -> bool:
        """Whether everything was done and taken back."""
        return not self._thread.is_alive()

    def stop(self) -> None:
        """Do no more of it."""
        self._stop.set()
        self._thread.join(60)

    # ------------------------------------------------------------------ the thread

    def _run(self) -> None:
        try:
            self._began = began = time.monotonic()
            for disturbance in self.plan.disturbances:
                # Whatever had to wait (for a process to grow old enough) moves everything behind it.
                if not self._until(began + disturbance.at):
                    break
                due = time.monotonic()
                self._do(disturbance)
                began += time.monotonic() - due
            while self._undo and not self._stop.is_set():
                self._until(self._undo[0][0])
        except BaseException as error:
            self.errors.append(error)
            raise
        finally:
            self._make_peace()

    def _until(self, moment: float) -> bool:
        """Wait for the moment, and take back on the way what is due; False when the run is over."""
        while not self._stop.is_set():
            now = time.monotonic()
            if self._undo and self._undo[0][0] <= now:
                heapq.heappop(self._undo)[2]()
                continue
            due = min([moment, *(entry[0] for entry in self._undo[:1])])
            if moment <= now:
                return True
            self._stop.wait(max(0.0, due - now))
        return False

    def _later(self, seconds: float, undo: Callable[[], None]) -> None:
        heapq.heappush(self._undo, (time.monotonic() + seconds, next(self._order), undo))

    def _make_peace(self) -> None:
        for _, _, undo in sorted(self._undo):
            undo()
        self._undo.clear()
        self._site.slack.clear_faults()
        for alias in self._site.pools:
            self._site.mend(alias)
        with self._crew.lock:
            for member in self._crew.members:
                member.thaw()
                member.start()

    def _do(self, disturbance: Disturbance) -> None:
        kind, at = disturbance.kind, time.monotonic() - self._began
        if kind == "kill":
            target = self._kill(disturbance)
        elif kind == "freeze":
            target = self._freeze(disturbance)
        elif kind == "database":
            target = self._restart_database(disturbance)
        elif kind.startswith("slack "):
            target = self._disturb_slack(kind.removeprefix("slack "), disturbance.size)
        else:
            target = self._disturb_pool(kind, disturbance)
        self.done["fault" if kind not in ("kill", "freeze", "database") else kind] += 1
        self.log.append(f"{at:7.1f} s  {kind:24} {target}")

    # ------------------------------------------------------------------ processes

    def _kill(self, disturbance: Disturbance) -> str:
        while not self._stop.is_set():
            with self._crew.lock:
                # Who is dead already cannot be killed.
                living = [member for member in self._crew.members if member.alive]
                member = living[int(disturbance.where * len(living))] if living else None
                if member is not None and member.age >= _between(_AGE_S, disturbance.which):
                    member.kill()
                    self._note_windows(member)
                    self._later(_between(_DEAD_S, disturbance.size), partial(self._start, member))
                    return f"{member.name}, {member.age:.1f} s old"
            self._until(time.monotonic() + 0.1)
        return "nobody any more"

    def _start(self, member: Member) -> None:
        with self._crew.lock:
            member.start()

    def _freeze(self, disturbance: Disturbance) -> str:
        with self._crew.lock:
            living = [member for member in self._crew.members if member.alive and not member.frozen]
            if not living:
                return "nobody"
            member = living[int(disturbance.where * len(living))]
            # A run has one sender: nobody sends in its place meanwhile, so this is no excuse for a message twice.
            member.freeze()
        self._later(_between(_FROZEN_S, disturbance.size), lambda: self._thaw(member))
        return member.name

    def _thaw(self, member: Member) -> None:
        with self._crew.lock:
            member.thaw()

    @property
    def windows(self) -> Counter[int]:
        """The rows that were in hand when their sender was killed, and for how many of their tries."""
        return Counter(row for row, _try in self._in_hand)

    def _note_windows(self, member: Member) -> None:
        """Which message was between "claimed" and "recorded" when its sender was killed; each time it may stand once
        more, even late: what the dead one had sent may be carried out after its successor has sent other messages."""
        if not member.name.startswith(("serve", "web")):
            return
        try:
            with self._database.reading() as tx:
                due = outbox.next_due(tx, self._site.time.now())
            self._in_hand |= {(row.id, row.attempts) for row in due if row.claimed_at}
        except StorageError:
            self.log.append("           the database could not be asked for messages in hand")

    def _restart_database(self, disturbance: Disturbance) -> str:
        if self._server is None:
            return "none"
        how = signal.SIGQUIT if disturbance.which < 0.5 else signal.SIGINT
        self._server.stop(how)
        time.sleep(3.0 * disturbance.size)
        self._server.start()
        return f"after {how.name}"

    # ------------------------------------------------------------------ Slack

    def _disturb_slack(self, name: str, size: float) -> str:
        slack = self._site.slack
        if name == "outage":
            slack.fault("outage")
            self._later(_between(_SLACK_AWAY_S, size), slack.clear_faults)
        elif name == "ratelimited":
            slack.fault(name, times=1 + int(size * 8), seconds=1)
        elif name == "slow":
            slack.fault(name, times=1 + int(size * 5), seconds=0.2 + 2 * size)
        elif name == "lost_reply":
            # Only of what may be sent twice without harm; Slack has nothing by which to tell a repeated post.
            slack.fault(name, method="chat.update", times=1 + int(size * 3))
        elif name.startswith("error:"):
            slack.fault(name, method="chat.postMessage", times=1 + int(size * 5))
        else:
            slack.fault(name)
        return ""

    # ------------------------------------------------------------------ pools

    def _disturb_pool(self, kind: str, disturbance: Disturbance) -> str:
        alias = self._pool_at_work(kind, disturbance.where)
        pool = self._site.pools[alias]
        # Where there is still something to do; what happens to the others hardly matters to anybody.
        hosts = pool.verdict().hosts_behind or [host.name for host in pool.hosts]
        host = hosts[int(disturbance.which * len(hosts))]
        vms = pool.vms
        vm = vms[-1 if kind == "vm_stop_fails" else int(disturbance.which * len(vms))].name
        times = 1 + int(disturbance.size * 3)
        minutes = self._site.sim(_between(_MINUTES, disturbance.size))
        if kind == "unreachable":
            host = host if disturbance.size < 0.4 else pool.hosts[0].name
            self._for(pool, minutes, kind, host=host)
        elif kind == "drop_connections":
            pool.fault(kind)
        elif kind == "coordinator_hangs":
            self._for(pool, minutes, "coordinator_slow", seconds=_NEVER)
        elif kind == "coordinator_slow":
            self._for(pool, minutes, kind, seconds=2 + 20 * disturbance.size)
        elif kind == "host_never_returns":
            self._for(pool, self._site.sim(_between(_AWAY_MINUTES, disturbance.size)), kind, host=host)
        elif kind == "toolstack_restarts" and disturbance.size < 0.6:
            pool.fault(kind)
            host = "coordinator"
        elif kind in ("power_fails", "toolstack_restarts"):
            pool.fault(kind, host=host)
        elif kind == "apply_fails":
            pool.fault(kind, host=host, times=times)
        elif kind == "livepatch_fails":
            self._for(pool, minutes, kind, host=host)
        elif kind in ("migration_fails", "vm_stop_fails"):
            pool.fault(kind, vm=vm, times=times)
        elif kind == "evacuation_blocked":
            self._for(pool, minutes, kind, vm=vm)
        elif kind in ("answers_lost", "ha_enable_fails"):
            pool.fault(kind, times=times)
        else:
            pool.fault(kind)
        return f"{alias}, {host}"

    def _for(self, pool: LabPool, real_s: float, name: str, /, **arguments: object) -> None:
        pool.fault(name, **arguments)
        off = {key: value for key, value in arguments.items() if key in ("host", "vm")}
        self._later(real_s, lambda: pool.fault(name, **off, on=False))

    def _pool_at_work(self, kind: str, where: float) -> str:
        """A pool with a rollout, if possible one on which the fault means something."""
        try:
            busy = sorted({rollout.alias for rollout in known(self._database) if rollout.driven})
        except StorageError:
            busy = []
        kinds = _MEANT_FOR.get(kind, KINDS)
        among = [alias for alias in busy if self._site.kinds[alias] in kinds] or busy or list(self._site.pools)
        return among[int(where * len(among))]


def _between(limits: tuple[float, float], size: float) -> float:
    low, high = limits
    return low + (high - low) * size
