"""`make pictures`: takes the pictures of docs/tour.md from a rehearsal, in a real browser.

They show the product as it is today, so they are taken again whenever a message changes its looks.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Locator, expect

from bot.cli.stage import Stage
from tests.browser.visitor import LATE, SOON, Visitor, ask_for_update, open_browser
from tests.conftest import find_chromium

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"
WIDE, NARROW = (1280, 760), (390, 844)
#: One flat colour behind dialogs: what lies under them says nothing here.
BACKDROP = "dialog::backdrop { background: #d5d9d8; } dialog { box-shadow: none; }"


def main() -> int:
    """Take every picture. Returns the exit code: 1 without a browser."""
    chromium = find_chromium()
    if chromium is None:
        print("There is no Chromium. Debian, Ubuntu: apt install chromium", file=sys.stderr)
        return 1
    PICTURES.mkdir(parents=True, exist_ok=True)
    with open_browser(chromium) as browser:
        _approval_and_outcome(browser)
        _attention(browser)
        _vms_that_cannot_move(browser)
    for path in sorted(PICTURES.glob("*.png")):
        print(f"{path.relative_to(Path.cwd())}  {path.stat().st_size // 1024} KB")
    return 0


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

        visitor.become("Bob")
        _home(visitor)
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
        page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
        _whole(visitor, "running-narrow")
        page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})

        outcome = visitor.message("Also sent to the channel from a thread")
        expect(outcome).to_be_visible(timeout=LATE)
        page.get_by_label("Close thread").click()
        _crop(visitor, "outcome", outcome)
        visitor.go("xs-audit")
        expect(visitor.message("rollout.succeeded").first).to_be_visible(timeout=SOON)
        page.locator("#scroll").evaluate("list => { list.scrollTop = 0; }")
        _whole(visitor, "audit")


def _home(visitor: Visitor) -> None:
    """What Bob sees on his Home tab: wide, dark and on a phone."""
    page = visitor.page
    page.get_by_role("button", name="Home").click()
    expect(page.get_by_role("heading", name="Waits for you (1)")).to_be_visible(timeout=SOON)
    _whole(visitor, "home")
    with _dark(visitor):
        _whole(visitor, "home-dark")
    page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    _whole(visitor, "home-narrow")
    page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
    visitor.go("xs-updates")


@contextmanager
def _dark(visitor: Visitor) -> Iterator[None]:
    """The same in dark colours."""
    visitor.page.emulate_media(color_scheme="dark")
    yield
    visitor.page.emulate_media(color_scheme="light")


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
    visitor.page.screenshot(path=PICTURES / f"{name}.png", animations="disabled")


def _crop(visitor: Visitor, name: str, what: Locator) -> None:
    """A picture of one thing; the page grows until all of it is in sight."""
    page = visitor.page
    before, box = page.viewport_size, what.bounding_box()
    assert before is not None
    assert box is not None
    page.set_viewport_size({"width": WIDE[0], "height": max(before["height"], int(box["height"]) + 500)})
    page.mouse.move(0, 0)
    what.scroll_into_view_if_needed()
    what.screenshot(path=PICTURES / f"{name}.png", animations="disabled")
    page.set_viewport_size(before)


if __name__ == "__main__":
    sys.exit(main())
