"""The machine somebody runs `xsbot` on: a directory with a configuration, an environment, and processes."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any, Self

from click.testing import CliRunner

from bot.cli import main

#: Real seconds before a process that says nothing counts as stuck.
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def last_json(self) -> dict[str, Any]:
        """The JSON object on the last line."""
        read: dict[str, Any] = json.loads(self.out.strip().splitlines()[-1])
        return read


def xsbot(*arguments: object, environ: Mapping[str, str | None] | None = None, answers: str = "") -> Said:
    """Run a command in this process and leave its logging as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        result = CliRunner().invoke(
            main, [str(argument) for argument in arguments], env=dict(environ or {}), input=answers
        )
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Said(result.exit_code, result.stdout, result.stderr)


def process(*arguments: object, environ: Mapping[str, str] | None = None, cwd: Path | None = None) -> Said:
    """Run a command in a process of its own to its end."""
    done = subprocess.run(
        _command(arguments),
        env=_environment(environ),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def _command(arguments: Sequence[object]) -> list[str]:
    return [sys.executable, "-c", "from bot.cli import main; main()", *(str(argument) for argument in arguments)]


def _environment(environ: Mapping[str, str] | None) -> dict[str, str]:
    return {**os.environ, "PYTHONUNBUFFERED": "1", **(environ or {})}


class Running:
    """A command that serves until it is told to stop."""

    def __init__(self, *arguments: object, environ: Mapping[str, str] | None = None, cwd: Path | None = None) -> None:
        self._process = subprocess.Popen(
            _command(arguments),
            env=_environment(environ),
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: dict[str, list[str]] = {"out": [], "err": []}
        self._readers = [
            Thread(target=self._read, args=(name, stream))
            for name, stream in (("out", self._process.stdout), ("err", self._process.stderr))
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, name: str, stream: Any) -> None:
        with stream:
            for line in stream:
                self.lines[name].append(line.rstrip("\n"))

    def line(self, saying: str, stream: str = "out") -> str:
        """The first line that contains this, once it is there."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            found = next((line for line in self.lines[stream] if saying in line), None)
            if found is not None:
                return found
            if self._process.poll() is not None and not any(reader.is_alive() for reader in self._readers):
                break
            time.sleep(0.02)
        raise AssertionError(f"It never said {saying!r}, but {self.lines}.")

    def terminate(self) -> tuple[int, float]:
        """Send SIGTERM; the exit code and the seconds it took."""
        began = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(timeout=20)
        return code, time.monotonic() - began

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for reader in self._readers:
            reader.join()


def wait_for(condition: Any, seconds: float = 30.0) -> Any:
    """What `condition` gives once it is true."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"Waited {seconds} s in vain."
        time.sleep(0.05)
    return value
