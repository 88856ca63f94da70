"""A PostgreSQL server of the test session's own, made of the machine's binaries.

It listens on a private port of 127.0.0.1, keeps its files in a temporary directory and ends with the session. The
server refuses to run as root, so for root it runs as the account `postgres` or `nobody`.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg

from storage.database import Database


def find_postgres() -> Path | None:
    """The directory with `initdb` and `postgres`: `XSBOT_POSTGRES`, the PATH, or where Debian keeps its newest."""
    chosen = os.environ.get("XSBOT_POSTGRES")
    if chosen is not None:
        places = [Path(chosen)]
    else:
        on_path = shutil.which("initdb")
        debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda found: _number(found.parent.name))
        places = [*([Path(on_path).parent] if on_path else []), *reversed(debian)]
    return next((place for place in places if (place / "initdb").exists() and (place / "postgres").exists()), None)


def _number(name: str) -> int:
    return int(name) if name.isdigit() else 0


class PostgresServer:
    """One running server; a context manager. `stop` and `start` may be used in the middle of a test."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        self._account = _unprivileged()
        # Not below pytest's own directories, which only root may enter when root runs the tests.
        self._directory = Path(tempfile.mkdtemp(prefix="xsbot-postgres-"))
        if self._account:
            os.chown(self._directory, self._account["user"], self._account["group"])
        with contextlib.closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._process: subprocess.Popen[bytes] | None = None
        self._template = ""

    def __enter__(self) -> Self:
        data = str(self._directory / "data")
        options = ["-D", data, "-U", "xsbot", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        self._run([str(self._binaries / "initdb"), *options])
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self._directory, ignore_errors=True)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "fsync": "off",
            "max_connections": 300,
            "shared_buffers": "32MB",
        }
        flags = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._binaries / "postgres"), "-D", str(self._directory / "data"), *flags],
                cwd=self._directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **self._account,
            )
        deadline = time.monotonic() + 30
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise
                time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT throws everybody out, SIGQUIT is a crash."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=30)
            self._process = None

    def url(self, name: str) -> str:
        """The address of one of its databases."""
        return f"postgresql://xsbot@127.0.0.1:{self.port}/{name}"

    def empty(self) -> str:
        """The address of a new, empty database."""
        return self._create("template0")

    def upgraded(self) -> str:
        """The address of a new database with its tables."""
        if not self._template:
            address = self.empty()
            database = Database.open(address)
            database.upgrade()
            database.close()
            self._template = address.rpartition("/")[2]
        return self._create(self._template)

    def _create(self, template: str) -> str:
        name = f"test_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        return self.url(name)

    def _run(self, command: list[str]) -> None:
        subprocess.run(command, cwd=self._directory, check=True, capture_output=True, **self._account)


def _unprivileged() -> dict[str, Any]:
    """How `subprocess` gives up root; empty for everybody else."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            account = pwd.getpwnam(name)
            return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    raise RuntimeError("PostgreSQL does not run as root, and there is no account `postgres` or `nobody`.")
