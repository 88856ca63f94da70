"""A running simulated pool: real HTTPS listeners, one per host, and handles to look at it and to disturb it."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from starlette.routing import Route

from bot.errors import XsbotError
from bot.lab.certificates import CertificateAuthority
from bot.lab.control import control_routes, describe_state
from bot.lab.handles import LabHost, LabVm
from bot.lab.journal import Call, Effect
from bot.lab.scenario import Scenario, load_scenario
from bot.lab.time import LabTime, ScaledTime
from bot.lab.verdict import Baseline, Verdict, judge
from bot.lab.xapi.api import Api
from bot.lab.xapi.build import build
from bot.lab.xapi.disturbance import disturb
from bot.lab.xapi.failure import ConnectionAborted
from bot.lab.xapi.kernel import Kernel
from bot.lab.xapi.listeners import Listener, bind_all
from bot.lab.xapi.server import HostSite
from bot.lab.xapi.world import World

T = TypeVar("T")

#: The account handed to the bot; `root` and `viewer` exist too, with the same password.
USERNAME = "xsbot"


class LabError(XsbotError):
    """The lab was asked for something that it does not have."""


class _Sockets:
    """The world's way to the listeners."""

    def __init__(self) -> None:
        self.listeners: dict[str, Listener] = {}

    def up(self, name: str) -> None:
        self.listeners[name].open()

    def down(self, name: str) -> None:
        self.listeners[name].close()

    def reset(self, name: str) -> None:
        self.listeners[name].reset()


class LabPool:
    """One simulated pool. Start it with `LabPool.start`, stop it with `stop` or use it as a context manager."""

    def __init__(self, scenario: str | Scenario, time: LabTime, port: int, number: int) -> None:
        self._scenario = load_scenario(scenario) if isinstance(scenario, str) else scenario
        self._directory = tempfile.TemporaryDirectory(prefix="xsbot-lab-")
        self.time = time
        self.number = number
        self.username = USERNAME
        self.password = secrets.token_urlsafe(12)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run_loop, name=f"lab-pool-{number}", daemon=True)
        self._stopped = False
        authority = CertificateAuthority(Path(self._directory.name))
        self.ca_file: Path = authority.ca_file
        addresses = [f"127.{number // 256}.{number % 256}.{index}" for index in range(1, len(self._scenario.hosts) + 1)]
        try:
            sockets = bind_all(addresses, port)
        except OSError as error:
            self._loop.close()
            self._directory.cleanup()
            raise LabError(
                f"The simulated hosts cannot listen on {addresses[0]} port {port or 'any'}: {error}.",
                "Choose another port, or 0 for a free one.",
            ) from error
        self.port: int = sockets[0].getsockname()[1]
        self._sockets = _Sockets()
        self._world = World(self._scenario, Kernel(time, self._loop), self._sockets, number)
        self._api = Api(self._world, self.password)
        build(self._world, addresses)
        self._baseline = Baseline.of(self._world)
        self.hosts: list[LabHost] = []
        self._sites: dict[str, HostSite] = {}
        for machine in self._world.machines.values():
            certificate = authority.issue(machine.name, machine.address)
            site = self._sites[machine.address] = HostSite(self._api, machine)
            self._sockets.listeners[machine.name] = Listener(site.app, machine.address, self.port, certificate)
            url = f"https://{machine.address}:{self.port}"
            self.hosts.append(LabHost(self, machine.name, machine.uuid, url, machine.address, certificate.fingerprint))
        self._thread.start()
        for host, listening in zip(self.hosts, sockets, strict=True):
            self.run(lambda h=host, s=listening: self._sockets.listeners[h.name].open(s))  # type: ignore[misc]

    @classmethod
    def start(
        cls, scenario: str | Scenario = "small", time: LabTime | None = None, port: int = 0, number: int = 1
    ) -> LabPool:
        """Start a pool from a scenario or the name of one.

        `number` is the third part of the hosts' addresses (from 256 on it reaches into the second), `port=0` takes a
        free port.
        """
        return cls(scenario, time if time is not None else ScaledTime(), port, number)

    def plain_url(self, host: str) -> str:
        """The host's address without TLS."""
        listener = self._sockets.listeners[host]
        return f"http://{self._world.machines[host].address}:{self.run(lambda: listener.plain_port)}"

    # ------------------------------------------------------------------ life

    def _run_loop(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def run(self, action: Callable[[], T]) -> T:
        """Run something on the pool's own thread, where all of its state lives, and hand back the result."""
        if self._stopped or threading.current_thread() is self._thread:
            return action()
        future: Future[T] = Future()

        def step() -> None:
            try:
                future.set_result(action())
            except BaseException as error:  # handed to the caller's thread, whatever it is
                future.set_exception(error)
            self._world.settle()

        self._loop.call_soon_threadsafe(step)
        return future.result(timeout=30)

    def stop(self) -> None:
        """Close every socket, end the thread, remove the certificates. Idempotent."""
        if self._stopped:
            return
        self._stopped = True
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(timeout=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self.time.forget(self._loop)
        self._loop.close()
        self._directory.cleanup()

    async def _close(self) -> None:
        for process in list(self._world.running):
            process.kill(ConnectionAborted())
        for listener in self._sockets.listeners.values():
            listener.close()
        # Two turns for the aborted transports to tell their protocols.
        for _ in range(3):
            await asyncio.sleep(0)
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
        await asyncio.sleep(0)

    def __enter__(self) -> LabPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # ------------------------------------------------------------------ looking

    @property
    def scenario(self) -> str:
        """The scenario's name."""
        return self._scenario.name

    @property
    def name(self) -> str:
        """The pool's name_label."""
        return self._scenario.pool

    @property
    def uuid(self) -> str:
        """The pool's uuid."""
        return str(self.run(lambda: self._world.db.get("pool", self._world.pool, "uuid")))

    @property
    def coordinator_url(self) -> str:
        """Where the pool is spoken to."""
        return self.hosts[0].url

    @property
    def world(self) -> World:
        """The simulated world itself; look at it through `run` only."""
        return self._world

    def now(self) -> datetime:
        """The present simulated moment."""
        return self.time.now()

    def host(self, name: str) -> LabHost:
        """The handle of a host."""
        for host in self.hosts:
            if host.name == name:
                return host
        raise LabError(f"The pool has no host {name!r}.", f"It has {', '.join(h.name for h in self.hosts)}.")

    def vm(self, name: str) -> LabVm:
        """The handle of a VM."""
        if name not in {vm.name for vm in self._scenario.vms}:
            raise LabError(f"The pool has no VM {name!r}.")
        return LabVm(self, name)

    @property
    def vms(self) -> list[LabVm]:
        """The handles of all VMs, control domains not among them."""
        return [LabVm(self, vm.name) for vm in self._scenario.vms]

    @property
    def calls(self) -> list[Call]:
        """Every call that was answered so far."""
        return self.run(lambda: list(self._world.journal.calls))

    @property
    def effects(self) -> list[Effect]:
        """Every change of the pool so far."""
        return self.run(lambda: list(self._world.journal.effects))

    def verdict(self) -> Verdict:
        """What became of the pool, judged from its own state and logs."""
        return self.run(lambda: judge(self._world, self._baseline))

    def state(self) -> dict[str, Any]:
        """The pool's present state for people and the control API."""
        return self.run(lambda: describe_state(self._world, self.hosts))

    # ------------------------------------------------------------------ calling

    def answer(self, address: str, method: str, params: list[Any]) -> Any:
        """What the host at the address answers to a call, without HTTP, TLS and wire form around it.

        The call goes through the same dispatch, rules, clock and log as one that comes over the network; the calling
        thread counts as waiting while it is kept open. For whoever measures something else than the wire. Raises
        what `HostSite.answer` raises.
        """
        site = self._sites[address]
        return asyncio.run_coroutine_threadsafe(site.answer(method, params, _never), self._loop).result()

    # ------------------------------------------------------------------ disturbing

    def fault(self, name: str, **arguments: Any) -> None:
        """Switch a fault by name (see docs/lab.md); unknown names and missing arguments raise `FaultError`."""
        self.run(lambda: disturb(self._world, name, arguments))

    def begin_here(self) -> None:
        """Take the pool as it is now for how it began: the verdict compares with this moment, and the log of effects
        is empty."""

        def begin() -> None:
            self._world.journal.effects.clear()
            self._baseline = Baseline.of(self._world)

        self.run(begin)

    def control_routes(self) -> list[Route]:
        """HTTP routes that show and disturb this pool, to be mounted under `/control/pool`."""
        return control_routes(self)


async def _never() -> None:
    """A caller who does not hang up."""
    await asyncio.Event().wait()
