"""What every test relies on: a clean environment, the same hypothesis everywhere, and an honest report.

Tests marked `browser` need a Chromium, tests marked `postgresql` the binaries of a PostgreSQL server, tests marked
`xen_api` Node.js and the npm client of that name. Where these are
missing the tests are left out and the last lines of the run say so; with `XSBOT_REQUIRE=all`, as on the build machine,
what is missing fails the run instead.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests.postgres import PostgresServer, find_postgres

#: Markers whose tests must not be left out: `all`, or some of them.
REQUIRED = frozenset(filter(None, os.environ.get("XSBOT_REQUIRE", "").split(",")))
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

hypothesis.settings.register_profile("xsbot", deadline=None, derandomize=bool(REQUIRED))
hypothesis.settings.load_profile("xsbot")

LEFT_OUT = pytest.StashKey[Counter[str]]()


def find_chromium() -> Path | None:
    """The browser that browser tests drive: `XSBOT_CHROMIUM` or the first one on the PATH."""
    for name in (os.environ.get("XSBOT_CHROMIUM", ""), *CHROMIUMS):
        found = shutil.which(name) if name else None
        if found:
            return Path(found)
    return None


def find_xen_api() -> Path | None:
    """The npm client `xen-api`, installed beside the tests that drive it, if there is a Node.js to run it."""
    installed = Path(__file__).parent / "interop" / "node_modules" / "xen-api"
    return installed if shutil.which("node") and installed.is_dir() else None


@dataclass(frozen=True, slots=True)
class Need:
    """What tests with a marker cannot do without: where it is on this machine, its name, and how to get it."""

    found: Path | None
    name: str
    remedy: str


NEEDS = {
    "browser": Need(find_chromium(), "Chromium", "apt install chromium"),
    "postgresql": Need(find_postgres(), "PostgreSQL", "apt install postgresql"),
    "xen_api": Need(find_xen_api(), "xen-api", "make interop; it takes Node.js and npm"),
}


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The browser's executable."""
    found = NEEDS["browser"].found
    if found is None:
        pytest.fail("There is no Chromium. Install it (Debian, Ubuntu: apt install chromium) or set XSBOT_CHROMIUM.")
    return found


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server of our own; tests that use it are marked `postgresql`."""
    found = NEEDS["postgresql"].found
    if found is None:
        pytest.fail("There is no PostgreSQL. Install it (Debian, Ubuntu: apt install postgresql).")
    with PostgresServer(found) as server:
        yield server


def pytest_configure(config: pytest.Config) -> None:
    """No test sees, or acts on, tokens, databases or proxies of the machine it runs on."""
    left_out: Counter[str] = Counter()
    config.stash[LEFT_OUT] = left_out
    for name in list(os.environ):
        if name in ("XSBOT_REQUIRE", "XSBOT_CHROMIUM", "XSBOT_POSTGRES", "XSBOT_EXAMPLES"):
            continue
        if name.startswith(("SLACK_", "XSBOT_", "DATABASE_URL", "PG")) or name.upper().endswith("_PROXY"):
            del os.environ[name]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests for which the machine lacks something, unless everything is required."""
    left_out = [(item, marker) for item in items if (marker := _lacking(item)) and not _required(marker)]
    if left_out:
        for _, marker in left_out:
            config.stash[LEFT_OUT][marker] += 1
        gone = [item for item, _ in left_out]
        items[:] = [item for item in items if item not in gone]
        config.hook.pytest_deselected(items=gone)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Under XSBOT_REQUIRE=all a test fails where what it needs is missing, whatever it would do itself."""
    marker = _lacking(item)
    if marker and _required(marker):
        asked = ",".join(sorted(REQUIRED))
        pytest.fail(f"XSBOT_REQUIRE={asked}, and there is no {NEEDS[marker].name} for this test.", pytrace=False)


def _required(marker: str) -> bool:
    return bool(REQUIRED & {"all", marker})


def _lacking(item: pytest.Item) -> str:
    """The marker whose need this machine cannot meet, "" when the test can run."""
    return next((marker for marker in NEEDS if NEEDS[marker].found is None and item.get_closest_marker(marker)), "")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist tells its controller what it left out; every worker collects the same."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        left_out: Counter[str] = session.config.stash[LEFT_OUT]
        output["left_out"] = dict(left_out)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """The controller's side of it."""
    left_out: Counter[str] = node.config.stash[LEFT_OUT]
    left_out |= Counter(getattr(node, "workeroutput", {}).get("left_out", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """One line for each thing this machine lacks."""
    for marker, count in sorted(config.stash[LEFT_OUT].items()):
        need = NEEDS[marker]
        line = f"NOT RUN: {count} {marker} test(s), for want of a {need.name} ({need.remedy})"
        terminalreporter.write_line(line, yellow=True)
