"""`make pictures`: takes the pictures of docs/tour.md and docs/stories.md from rehearsals, in a real browser.

They show the product as it is today, so they are taken again whenever a message changes its looks. With names of
stories behind it (`python -m tests.browser.pictures race`), it takes the pictures of these stories alone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from bot.cli.stage import Stage
from tests.browser.stories import STORIES
from tests.browser.theatre import PHONE, WIDE, Theatre
from tests.browser.visitor import LATE, SOON, Visitor, ask_for_update, open_browser
from tests.conftest import find_chromium

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"
#: One flat colour behind dialogs: what lies under them says nothing here.
BACKDROP = "dialog::backdrop { background: #d5d9d8; } dialog { box-shadow: none; }"
#: The lab's guide is no part of a story.
NO_GUIDE = ".hint { display: none; }"
#: Enough for letters with smooth edges and for the few colours there are, and a third of the size.
COLOURS = 160
#: How wide the page is for a picture of one message of the channel.
COLUMN = 1080
#: How high it has to be for all of a message or dialog, or for all that a thread has.
_WANTED = """node => node.matches('.message, dialog') ? node.getBoundingClientRect().height + 500
  : Math.max(0, ...[...node.querySelectorAll('.scroll')].map((list) => list.scrollHeight + 220))"""


def main(wanted: list[str]) -> int:
    """Take every picture, or those of the stories that are named. Returns the exit code: 1 without a browser."""
    chromium = find_chromium()
    if chromium is None:
        print("There is no Chromium. Debian, Ubuntu: apt install chromium", file=sys.stderr)
        return 1
    PICTURES.mkdir(parents=True, exist_ok=True)
    with open_browser(chromium) as browser:
        if not wanted:
            _approval_and_outcome(browser)
            _attention(browser)
            _vms_that_cannot_move(browser)
        for story in STORIES:
            # Each on a stage of its own, where its rollout is the first.
            if not wanted or story.name in wanted:
                with Theatre(browser, _moment) as theatre, theatre.tell(story.name, story.scene) as tale:
                    story.tell(tale)
    sizes = {path.name: path.stat().st_size for path in sorted(PICTURES.glob("*.png"))}
    for name, size in sizes.items():
        print(f"{name}  {size // 1024} KB")
    print(f"{len(sizes)} pictures, {sum(sizes.values()) // 1024} KB")
    return 0


def _moment(name: str, visitor: Visitor, what: Locator, *, every_look: bool) -> None:
    """A moment of a story: in light colours, and where it is the decisive one in the dark and on a phone as well."""
    page = visitor.page
    page.add_style_tag(content=BACKDROP + NO_GUIDE)
    _crop(visitor, name, what)
    if not every_look:
        return
    with _dark(visitor):
        _crop(visitor, f"{name}-dark", what)
    with _on_a_phone(visitor):
        what.evaluate("node => node.scrollIntoView({ block: 'start' })")
        _whole(visitor, f"{name}-phone")


@contextmanager
def _visit(browser: Browser, scenario: str, speed: float) -> Iterator[tuple[Stage, Visitor]]:
    with Stage(scenario, speed, 0) as stage:
        context = browser.new_context(
            viewport={"width": WIDE[0], "height": WIDE[1]}, color_scheme="light", reduced_motion="reduce"
        )
        visitor = Visitor(context.new_page(), stage.slack.url)
        visitor.page.add_style_tag(content=BACKDROP)
        expect(visitor.notice).to_be_visible(timeout=SOON)
        yield stage, visitor
        context.close()


def _approval_and_outcome(browser: Browser) -> None:
    with _visit(browser, "small", 60) as (_stage, visitor):
        page = visitor.page
        _whole(visitor, "start")
        _crop(visitor, "notice", visitor.notice)
        with _dark(visitor):
            _whole(visitor, "start-dark")

        visitor.type("/xs update lab")
        expect(visitor.form).to_contain_text("What approvers will be asked for", timeout=SOON)
        visitor.form.get_by_label("Reason").fill("CHG-1234: security fixes of November")
        with _unfolded(visitor):
            _crop(visitor, "form", visitor.form)
        visitor.send("Request")
        expect(visitor.form).to_contain_text("is requested", timeout=SOON)
        visitor.close()

        expect(visitor.card).to_contain_text("Waiting for approval", timeout=SOON)
        _crop(visitor, "card", visitor.card)

        visitor.become("Dave")
        visitor.approve()
        expect(visitor.private).to_be_visible(timeout=SOON)
        _crop(visitor, "private-refusal", visitor.private)

        visitor.become("Bob")
        visitor.card.get_by_role("button", name="Approve").click()
        expect(visitor.question).to_be_visible()
        _crop(visitor, "confirm", visitor.question)
        visitor.question.get_by_role("button", name="Approve").click()
        expect(visitor.card).to_contain_text("1 of 2 (", timeout=SOON)
        visitor.become("Carol")
        visitor.approve()

        visitor.open_thread()
        expect(visitor.plan.locator(".task.complete").first).to_be_visible(timeout=LATE)
        expect(visitor.plan.locator(".task.in_progress").first).to_be_visible(timeout=SOON)
        _whole(visitor, "running")
        with _on_a_phone(visitor):
            _whole(visitor, "running-narrow")

        outcome = visitor.message("Also sent to the channel from a thread")
        expect(outcome).to_be_visible(timeout=LATE)
        page.get_by_label("Close thread").click()
        _crop(visitor, "outcome", outcome)
        visitor.go("xs-audit")
        expect(visitor.message("rollout.succeeded").first).to_be_visible(timeout=SOON)
        page.locator("#scroll").evaluate("list => { list.scrollTop = 0; }")
        _whole(visitor, "audit")


@contextmanager
def _dark(visitor: Visitor) -> Iterator[None]:
    """The same in dark colours."""
    visitor.page.emulate_media(color_scheme="dark")
    yield
    visitor.page.emulate_media(color_scheme="light")


@contextmanager
def _on_a_phone(visitor: Visitor) -> Iterator[None]:
    """The same on a narrow screen."""
    visitor.page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    yield
    visitor.page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})


def _attention(browser: Browser) -> None:
    with _visit(browser, "small", 300) as (stage, visitor):
        stage.pool.host("xs-02").apply_fails(times=8)
        _approved(visitor)
        visitor.open_thread()
        asking = visitor.thread.locator(".message", has_text="What it means")
        expect(asking).to_be_visible(timeout=LATE)
        _crop(visitor, "needs-attention", asking)


def _vms_that_cannot_move(browser: Browser) -> None:
    with _visit(browser, "pinned", 300) as (_stage, visitor):
        visitor.type("/xs update lab")
        expect(visitor.form).to_contain_text("This cannot start as it is", timeout=SOON)
        with _unfolded(visitor):
            _crop(visitor, "refused", visitor.form)


def _approved(visitor: Visitor) -> None:
    ask_for_update(visitor, "CHG-1234: security fixes of November")
    visitor.close()
    for name in ("Bob", "Carol"):
        visitor.become(name)
        visitor.approve()


@contextmanager
def _unfolded(visitor: Visitor) -> Iterator[None]:
    """Let the dialog show all it has, as scrolling would."""
    limit = "(dialog, height) => { dialog.style.maxHeight = height; }"
    visitor.page.set_viewport_size({"width": WIDE[0], "height": 1700})
    visitor.form.evaluate(limit, "none")
    yield
    visitor.form.evaluate(limit, "")
    visitor.page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})


def _whole(visitor: Visitor, name: str) -> None:
    visitor.page.mouse.move(0, 0)
    _take(visitor.page, name)


def _crop(visitor: Visitor, name: str, what: Locator) -> None:
    """A picture of one thing; the page grows until all of a message or dialog is in sight."""
    page = visitor.page
    before = page.viewport_size
    assert before is not None
    page.set_viewport_size(
        {
            # The words of the channel keep their width; there is only less of nothing beside them.
            "width": COLUMN if what.evaluate("node => node.matches('#messages > .message')") else before["width"],
            "height": max(before["height"], int(what.evaluate(_WANTED))),
        }
    )
    page.mouse.move(0, 0)
    what.scroll_into_view_if_needed()
    _take(what, name)
    page.set_viewport_size(before)


def _take(what: Page | Locator, name: str) -> None:
    path = PICTURES / f"{name}.png"
    what.screenshot(path=path, animations="disabled")
    with Image.open(path) as taken:
        few = taken.convert("RGB").quantize(COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
