"""What every test relies on: a clean environment, the same hypothesis everywhere, and an honest report.

Tests marked `browser` need a Chromium. Where there is none they are left out and the last line of the run says so;
with `XSBOT_REQUIRE=all`, as on the build machine, the missing browser fails the run instead.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import hypothesis
import pytest

REQUIRE_ALL = os.environ.get("XSBOT_REQUIRE") == "all"
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

hypothesis.settings.register_profile("xsbot", deadline=None, derandomize=REQUIRE_ALL)
hypothesis.settings.load_profile("xsbot")

LEFT_OUT = pytest.StashKey[int]()


def find_chromium() -> Path | None:
    """The browser that browser tests drive: `XSBOT_CHROMIUM` or the first one on the PATH."""
    for name in (os.environ.get("XSBOT_CHROMIUM", ""), *CHROMIUMS):
        found = shutil.which(name) if name else None
        if found:
            return Path(found)
    return None


_chromium = find_chromium()


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The browser's executable."""
    if _chromium is None:
        pytest.fail("There is no Chromium. Install it (Debian, Ubuntu: apt install chromium) or set XSBOT_CHROMIUM.")
    return _chromium


def pytest_configure(config: pytest.Config) -> None:
    """No test sees, or acts on, tokens, databases or proxies of the machine it runs on."""
    config.stash[LEFT_OUT] = 0
    for name in list(os.environ):
        if name in ("XSBOT_REQUIRE", "XSBOT_CHROMIUM"):
            continue
        if name.startswith(("SLACK_", "XSBOT_", "DATABASE_URL")) or name.upper().endswith("_PROXY"):
            del os.environ[name]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave browser tests out where there is no browser, unless everything is required."""
    if _chromium is not None or REQUIRE_ALL:
        return
    browser = [item for item in items if item.get_closest_marker("browser")]
    if browser:
        config.stash[LEFT_OUT] = len(browser)
        items[:] = [item for item in items if not item.get_closest_marker("browser")]
        config.hook.pytest_deselected(items=browser)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Under XSBOT_REQUIRE=all a browser test fails where there is no browser, whatever it would do itself."""
    if REQUIRE_ALL and _chromium is None and item.get_closest_marker("browser"):
        pytest.fail("XSBOT_REQUIRE=all, and there is no Chromium for this test.", pytrace=False)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist tells its controller what it left out; every worker collects the same."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["left_out"] = session.config.stash[LEFT_OUT]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """The controller's side of it."""
    node.config.stash[LEFT_OUT] = max(node.config.stash[LEFT_OUT], getattr(node, "workeroutput", {}).get("left_out", 0))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """One line for everything this machine could not run."""
    if config.stash[LEFT_OUT]:
        line = f"NOT RUN: {config.stash[LEFT_OUT]} browser test(s), for want of a Chromium (apt install chromium)"
        terminalreporter.write_line(line, yellow=True)
