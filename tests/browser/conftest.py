"""A rehearsal stage and a real Chromium in front of its page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from bot.cli.stage import Stage
from tests.browser.visitor import Visitor, open_browser


# Not for the whole session: Playwright keeps an event loop in this thread for as long as it is open.
@pytest.fixture(scope="module")
def browser(chromium: Path) -> Iterator[Browser]:
    with open_browser(chromium) as browser:
        yield browser


@pytest.fixture
def scenario() -> str:
    """Which pool is on the stage."""
    return "small"


@pytest.fixture
def speed() -> float:
    """How many simulated seconds pass in one of ours."""
    return 150.0


@pytest.fixture
def stage(scenario: str, speed: float) -> Iterator[Stage]:
    with Stage(scenario, speed, 0) as stage:
        yield stage


@pytest.fixture
def visitor(stage: Stage, browser: Browser) -> Iterator[Visitor]:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    visitor = Visitor(page, stage.slack.url)
    yield visitor
    page.close()
    assert visitor.problems == []
