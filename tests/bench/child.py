"""Processes of a bench: started by the bench, told what to do line by line, measured from outside."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_MIB = 1 << 20

#: What a child can be told to do: keyword arguments in, something JSON-ready out.
Deeds = Mapping[str, Callable[..., Any]]


class BenchError(Exception):
    """A part of the bench failed; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has used when it was looked at: CPU in seconds since its start, memory in MiB, and when (s)."""

    cpu_s: float
    rss_mib: float
    threads: int
    files: int
    at: float

    def share_since(self, before: Usage) -> float:
        """The part of one core that it used since."""
        return (self.cpu_s - before.cpu_s) / (self.at - before.at)


class Child:
    """One process that serves `deeds` of a module: ``python -m tests.bench.<module>``."""

    def __init__(self, module: str, **environment: str) -> None:
        self.name = module
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"tests.bench.{module}"],
            cwd=ROOT,
            env={**_environment(), **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def do(self, deed: str, **arguments: Any) -> Any:
        """Have it done and wait for the answer. Raises `BenchError` when it failed or the process is gone."""
        self.begin(deed, **arguments)
        return self.end()

    def begin(self, deed: str, **arguments: Any) -> None:
        """Have it begun; `end` waits for the answer."""
        stream = self._process.stdin
        assert stream is not None
        try:
            stream.write(json.dumps({"deed": deed, "arguments": arguments}) + "\n")
            stream.flush()
        except BrokenPipeError as error:
            raise BenchError(f"{self.name} is gone") from error

    def end(self) -> Any:
        """The answer to what was begun."""
        stream = self._process.stdout
        assert stream is not None
        line = stream.readline()
        if not line:
            raise BenchError(f"{self.name} ended with {self._process.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise BenchError(f"{self.name}: {answer['error']}")
        return answer["value"]

    def usage(self) -> Usage:
        """What the process has used so far."""
        return usage_of(self.pid)

    def kill(self) -> float:
        """kill -9; the moment of `time.monotonic`."""
        self._process.send_signal(signal.SIGKILL)
        at = time.monotonic()
        self._process.wait()
        return at

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()
        try:
            self._process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _environment() -> dict[str, str]:
    foreign = ("SLACK_", "XSBOT_", "DATABASE_URL", "PG")
    return {
        name: value
        for name, value in os.environ.items()
        if not name.upper().endswith("_PROXY") and (name == "XSBOT_POSTGRES" or not name.startswith(foreign))
    }


def usage_of(pid: int) -> Usage:
    """What a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return Usage(
        cpu_s=(int(fields[11]) + int(fields[12])) / _TICKS,
        rss_mib=int(fields[21]) * _PAGE / _MIB,
        threads=int(fields[17]),
        files=len(os.listdir(f"/proc/{pid}/fd")),
        at=time.monotonic(),
    )


def serve(deeds: Deeds) -> None:
    """In the child: do what is asked until the parent closes the pipe."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit[1], limit[1]))
    # Answers go out on the pipe alone; whatever else prints goes to the terminal.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = {"value": deeds[asked["deed"]](**asked["arguments"])}
        except Exception as error:
            traceback.print_exc()
            answer = {"error": f"{asked['deed']}: {type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    # As the real processes do: nobody waits for threads that wait for a network.
    os._exit(0)
