"""Every story, told in a real browser by the real bot."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.stories import STORIES, Story
from tests.browser.theatre import Theatre

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def theatre(browser: Browser) -> Iterator[Theatre]:
    with Theatre(browser) as theatre:
        yield theatre


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_the_story_is_true(theatre: Theatre, story: Story) -> None:
    with theatre.tell(story.name, story.scene) as tale:
        story.tell(tale)
    told = "\n".join(tale.told.values())
    assert f"story-{story.name}" in tale.told
    assert [words for words in story.says if words not in told] == []
    assert [words for words in story.never if words in told] == []
