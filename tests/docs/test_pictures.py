"""Every picture is shown somewhere and told in words, and every story has its pictures."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.browser.stories import STORIES, Story

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "docs" / "pictures"
SHOWN = [
    (page.name, alt, Path(target).name)
    for page in [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md"]
    for alt, target in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
]


def test_every_picture_is_shown_and_none_is_missing() -> None:
    assert {path.name for path in PICTURES.iterdir()} == {picture for _page, _alt, picture in SHOWN}


def test_every_picture_is_told_in_words() -> None:
    assert [(page, picture) for page, alt, picture in SHOWN if len(alt.split()) < 6] == []


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_a_story_is_shown_in_light_in_the_dark_and_on_a_phone(story: Story) -> None:
    shown = {picture for page, _alt, picture in SHOWN if page == "stories.md"}
    assert {f"story-{story.name}{look}.png" for look in ("", "-dark", "-phone")} <= shown


def test_pictures_are_small() -> None:
    """They travel with every copy of the repository."""
    sizes = {path.name: path.stat().st_size for path in PICTURES.iterdir()}
    assert max(sizes.values()) < 150_000, max(sizes, key=lambda name: sizes[name])
    assert sum(sizes.values()) < 4_000_000
