"""Somebody at the page: everything they do and see goes through what the page shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from bot.messages.language import SOURCE, _, speaking

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Grey letters instead of coloured ones: the same on every machine, and half the size in a picture.
    "--disable-lcd-text",
)

#: How long anything may take to appear, in milliseconds: two cores are shared by browser, bot and pool.
SOON = 20_000
#: How long a whole rollout may take at the speed of these tests.
LATE = 90_000


@contextmanager
def open_browser(chromium: Path) -> Iterator[Browser]:
    """A headless Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield browser
        browser.close()


class Visitor:
    """One tab on the workspace's page. `problems` collects what the page's own scripts complain about.

    `language` is what the channel speaks: buttons and fields are found by what they are called there.
    """

    def __init__(self, page: Page, url: str, language: str = SOURCE) -> None:
        self.page = page
        self.language = language
        self.problems: list[str] = []
        page.set_default_timeout(SOON)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.goto(url)
        expect(page.get_by_role("status").get_by_text("The bot is connected")).to_have_count(1, timeout=SOON)

    def word(self, text: str) -> str:
        """The bot's words in the language of the channel, without what makes them bold."""
        with speaking(self.language):
            return _(text).strip("*")

    # --- what they see ----------------------------------------------------------------------------------------

    @property
    def form(self) -> Locator:
        """The dialog on top."""
        return self.page.locator("#modal")

    @property
    def question(self) -> Locator:
        """The small dialog that asks whether it is meant."""
        return self.page.locator("#confirm")

    @property
    def thread(self) -> Locator:
        """The open thread."""
        return self.page.get_by_label("Thread", exact=True)

    @property
    def plan(self) -> Locator:
        """The progress in the open thread."""
        return self.thread.locator(".b-plan-box")

    @property
    def private(self) -> Locator:
        """What only this person sees."""
        return self.page.locator("#messages .message.ephemeral")

    def message(self, text: str | re.Pattern[str]) -> Locator:
        """The messages of the channel that say so."""
        return self.page.locator("#messages > .message", has_text=text)

    @property
    def notice(self) -> Locator:
        """The message that says updates exist."""
        return self.message("available for pool")

    @property
    def card(self) -> Locator:
        """The message that asks for approval; of several, the newest."""
        return self.message(self.word("Expected cost")).last

    # --- what they do -----------------------------------------------------------------------------------------

    def become(self, name: str) -> None:
        """Act as somebody else."""
        person = self.page.get_by_role("radio", name=name)
        person.click()
        expect(person).to_have_attribute("aria-checked", "true")

    def go(self, channel: str) -> None:
        """Look at another channel."""
        self.page.get_by_label("Channels", exact=True).get_by_role("button", name=channel).click()
        expect(self.page.get_by_role("heading", name=channel)).to_be_visible()

    def type(self, line: str) -> None:
        """Type a line and press Enter."""
        box = self.page.get_by_label("Message", exact=True)
        box.press_sequentially(line)
        # Escape: the list of commands would take Enter for a choice.
        box.press("Escape")
        box.press("Enter")

    def choose(self, group: str, option: str) -> None:
        """Choose one option of a group in the form."""
        self.form.get_by_role("group", name=group).get_by_role("radio", name=option).check()

    def write(self, field: str, text: str) -> None:
        """Write into a field of the form."""
        self.form.get_by_label(self.word(field)).fill(text)

    def send(self, button: str) -> None:
        """Send the form."""
        self.form.locator(".dialog-foot button", has_text=self.word(button)).click()

    def close(self) -> None:
        """Close the dialog on top."""
        self.form.locator(".dialog-foot button", has_text=self.word("Close")).click()
        expect(self.form).to_be_hidden()

    def button(self, name: str, where: Locator) -> Locator:
        """A button by what stands on it."""
        return where.locator("button", has_text=self.word(name))

    def press(self, name: str, where: Locator) -> None:
        """Press a button."""
        self.button(name, where).click()

    def confirm(self, name: str) -> None:
        """Say that it is meant."""
        self.press(name, self.question)
        expect(self.question).to_be_hidden()

    def approve(self) -> None:
        """Press Approve on the card and say that it is meant."""
        self.press("Approve", self.card)
        self.confirm("Approve")

    def open_thread(self) -> None:
        """Open the replies under the card."""
        self.card.locator(".replies").click()
        expect(self.thread).to_be_visible()


def ask_for_update(visitor: Visitor, why: str) -> None:
    """Alice's part: the form, a reason, and the answer that tells where the card is."""
    visitor.become("Alice")
    visitor.type("/xs update lab")
    request(visitor, why)


def request(visitor: Visitor, why: str) -> None:
    """Give a reason in the open form, send it, and read the answer."""
    expect(visitor.button("Request approval", visitor.form)).to_be_visible(timeout=SOON)
    visitor.write("Reason", why)
    visitor.send("Request approval")
    answer = visitor.form.filter(has_not=visitor.page.locator("#modal-submit"))
    expect(answer).to_contain_text("✓", timeout=SOON)
