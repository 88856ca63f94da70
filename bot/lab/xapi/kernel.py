"""The discrete-event heart of a simulated pool.

Everything that takes simulated time is a *process*: a generator that yields how many seconds it sleeps, a `Signal` it
waits for, or another process whose result it needs. All processes of a pool run on the pool's own loop thread, one
step at a time, so nothing here needs a lock.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator
from datetime import datetime, timedelta
from typing import Any

from bot.lab.time import LabTime, Scheduled
from bot.lab.xapi.failure import ConnectionAborted, XapiFailure

_LOG = logging.getLogger(__name__)

#: What a process may yield: seconds to sleep, a signal, or a process to wait for.
Steps = Generator[Any, Any, Any]


class Signal:
    """Something processes wait for; every waiting process continues when it fires."""

    def __init__(self) -> None:
        self._waiting: list[Process] = []

    def join(self, process: Process) -> None:
        """Let `process` continue at the next `fire`."""
        self._waiting.append(process)

    def leave(self, process: Process) -> None:
        """`process` does not wait any more."""
        if process in self._waiting:
            self._waiting.remove(process)

    def fire(self) -> None:
        """Continue everybody who waits now."""
        waiting, self._waiting = self._waiting, []
        for process in waiting:
            process.resume()


class Process:
    """One running generator, with its result or its error at the end."""

    def __init__(self, kernel: Kernel, steps: Steps) -> None:
        self._kernel = kernel
        self._steps = steps
        self._timer: Scheduled | None = None
        self._signal: Signal | None = None
        self._stepping = False
        self.done = False
        self.result: Any = None
        self.error: BaseException | None = None
        self._ended = Signal()
        self._callbacks: list[Callable[[Process], None]] = []

    def when_done(self, callback: Callable[[Process], None]) -> None:
        """Call `callback(self)` at the end, at once if that is past."""
        if self.done:
            callback(self)
        else:
            self._callbacks.append(callback)

    def resume(self) -> None:
        """Continue after a sleep or a signal."""
        self._detach()
        self._step(None)

    def kill(self, error: BaseException) -> None:
        """End the process by raising `error` where it waits; its `finally` blocks run."""
        if self.done or self._stepping:
            return
        self._detach()
        self._step(error)

    def _detach(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._signal is not None:
            self._signal.leave(self)
            self._signal = None

    def _step(self, error: BaseException | None, value: Any = None) -> None:
        self._stepping = True
        try:
            while True:
                if error is not None:
                    raised, error = error, None
                    wanted = self._steps.throw(raised)
                else:
                    wanted = self._steps.send(value)
                value = None
                if isinstance(wanted, Process):
                    if not wanted.done:
                        self._signal = wanted._ended
                        wanted._ended.join(self)
                        return
                elif isinstance(wanted, Signal):
                    self._signal = wanted
                    wanted.join(self)
                    return
                else:
                    self._timer = self._kernel.after(float(wanted), self.resume)
                    return
        except StopIteration as stop:
            self._finish(stop.value, None)
        except Exception as failure:
            self._finish(None, failure)
        finally:
            self._stepping = False

    def _finish(self, result: Any, error: BaseException | None) -> None:
        self.done = True
        self.result = result
        self.error = error
        if error is not None and not isinstance(error, XapiFailure | ConnectionAborted):
            self._kernel.report(error)
        for callback in self._callbacks:
            callback(self)
        self._ended.fire()


class Kernel:
    """The event loop of one simulated pool on the lab's clock."""

    def __init__(self, time: LabTime, loop: asyncio.AbstractEventLoop) -> None:
        self.time = time
        self.loop = loop
        #: Called after every event, when the world is at rest: answers the long polls.
        self.settle: Callable[[], None] = lambda: None
        #: Errors that no client was there to hear of; tests look here.
        self.crashes: list[BaseException] = []

    def report(self, error: BaseException) -> None:
        """Something went wrong inside the simulation itself."""
        self.crashes.append(error)
        _LOG.error("the simulated pool stumbled", exc_info=error)

    def now(self) -> datetime:
        """The present simulated moment."""
        return self.time.now()

    def after(self, seconds: float, run: Callable[[], None]) -> Scheduled:
        """Call `run` in `seconds` simulated seconds."""
        return self.at(self.now() + timedelta(seconds=max(0.0, seconds)), run)

    def at(self, when: datetime, run: Callable[[], None]) -> Scheduled:
        """Call `run` at simulated `when`."""

        def event() -> None:
            try:
                run()
            except Exception as error:
                self.report(error)
            finally:
                self.settle()

        return self.time.schedule(when, self.loop, event)

    def spawn(self, steps: Steps) -> Process:
        """Start a process; it runs at once up to its first wait."""
        process = Process(self, steps)
        process._step(None)
        return process


def wait_for(process: Process) -> Steps:
    """Inside a process: wait for another one and hand on its result or its error."""
    yield process
    if process.error is not None:
        raise process.error
    return process.result
