"""Machines that run the processes of our Procfile as an operator's runner would: with honcho."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
_BIN = Path(sys.executable).parent


def honcho(*arguments: str) -> list[str]:
    """A command line of honcho with our Procfile."""
    return [sys.executable, "-m", "honcho", "--no-colour", "-f", str(ROOT / "Procfile"), *arguments]


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """What the processes see: this virtual environment's `xsbot` first on the PATH."""
    return {**os.environ, "PATH": f"{_BIN}{os.pathsep}{os.environ['PATH']}", "PYTHONUNBUFFERED": "1", **extra}


def release(directory: Path, environ: Mapping[str, str]) -> str:
    """Run the release step to its end; what it said."""
    done = subprocess.run(
        honcho("run", "xsbot", "db", "upgrade"),
        cwd=directory,
        env=environment(environ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Machine:
    """One `honcho start`: when one of its processes ends, so do the others, as when a machine is lost."""

    def __init__(self, directory: Path, environ: Mapping[str, str], *processes: str, each: str = "") -> None:
        options = ["-c", each] if each else []
        self._honcho = subprocess.Popen(
            honcho("start", *options, *processes),
            cwd=directory,
            env=environment(environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._honcho.stdout is not None
        with self._honcho.stdout as stream:
            for line in stream:
                self.lines.append(line.rstrip("\n"))

    def says(self, what: str) -> list[str]:
        """The lines that contain it."""
        return [line for line in self.lines if what in line]

    @property
    def running(self) -> list[str]:
        """The processes that said they are up."""
        return sorted(self._name(line) for line in self.says(" is running. Pools: "))

    def driving(self) -> list[str]:
        """The processes that said they drive a rollout."""
        return [self._name(line) for line in self.says("is driven by this process")]

    @staticmethod
    def _name(line: str) -> str:
        return line.partition("|")[0].split()[1]

    def pid(self, name: str) -> int:
        """The process of that name."""
        found = [re.search(r"\(pid=(\d+)\)", line) for line in self.says(f"{name} started")]
        assert found
        assert found[0] is not None
        return int(found[0][1])

    def kill(self, name: str) -> None:
        """kill -9 a process and whatever it started."""
        os.killpg(self.pid(name), signal.SIGKILL)

    def terminate(self) -> float:
        """SIGTERM for every process of the machine; the seconds until the last one was gone."""
        groups = [self.pid(name) for name in self.running]
        began = time.monotonic()
        self._honcho.send_signal(signal.SIGTERM)
        # The runner is content when its shells are gone; what they started may live on for a while.
        wait_for(lambda: not any(map(_lives, groups)), 20, "the end of every process")
        took = time.monotonic() - began
        self._honcho.wait(timeout=20)
        self._reader.join()
        return took

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._honcho.poll() is None:
            self._honcho.send_signal(signal.SIGTERM)
            self._honcho.wait(timeout=20)
        self._reader.join()
        if error is not None:
            sys.stderr.write("\n".join([*self.lines[-200:], ""]))


class Process:
    """One `xsbot` process, for what no runner does to it: being killed, frozen and thawed."""

    def __init__(self, directory: Path, environ: Mapping[str, str], *command: str) -> None:
        self._process = subprocess.Popen(
            [str(_BIN / "xsbot"), *command],
            cwd=directory,
            env=environment(environ),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as stream:
            for line in stream:
                self.lines.append(line.rstrip("\n"))

    def says(self, what: str) -> list[str]:
        """The lines that contain it."""
        return [line for line in self.lines if what in line]

    @property
    def running(self) -> bool:
        """Whether it said that it is up."""
        return bool(self.says(" is running. Pools: "))

    def freeze(self) -> None:
        """It does nothing until `thaw`, and does not know that time passes."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on where it was frozen."""
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()
        self._process.wait(timeout=20)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self.thaw()
            self._process.terminate()
            self._process.wait(timeout=20)
        self._reader.join()
        if error is not None:
            sys.stderr.write("\n".join([*self.lines[-200:], ""]))


def _lives(group: int) -> bool:
    """Whether a process of the group runs. One that ended and was not yet asked about by its parent does not."""
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            state, _, leader = entry.read_text().rpartition(") ")[2].split()[:3]
            if int(leader) == group and state not in "ZX":
                return True
    return False


def wait_for(holds: Callable[[], object], seconds: float, what: str) -> None:
    """Wait until it holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain for {what}"
        time.sleep(0.05)
