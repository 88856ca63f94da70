"""The page in a real browser: a newcomer asks, somebody else approves, both see it happen."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from bot.lab.slack import LabSlack
from tests.lab_slack.conftest import Bot

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(slack: LabSlack, bot: Bot, browser: Browser) -> Iterator[Page]:
    problems: list[str] = []
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(slack.url)
    expect(page.get_by_text("The bot is connected")).to_have_count(1)
    yield page
    page.close()
    assert problems == []


def test_the_newcomers_story(slack: LabSlack, bot: Bot, page: Page) -> None:
    # The first hint says what to type; type-ahead completes it by keyboard.
    expect(page.locator(".hint .now")).to_contain_text("/xs update <pool>")
    page.locator("#line").press_sequentially("/xs u")
    expect(page.get_by_role("option")).to_contain_text("ask for an update")
    page.keyboard.press("Tab")
    page.keyboard.type("lab")
    page.keyboard.press("Enter")
    expect(page.locator(".message")).to_contain_text("Update lab for @Alice Archer: open")
    expect(page.locator("#ack")).to_contain_text("Acknowledged in")

    # An outsider is told privately; nobody else sees it.
    page.get_by_role("radio", name="Dave").click()
    page.get_by_role("button", name="Approve", exact=True).click()
    page.locator("#confirm").get_by_role("button", name="Approve").click()
    expect(page.locator(".ephemeral")).to_contain_text("Only visible to you")
    page.get_by_role("radio", name="Bob").click()
    expect(page.locator(".ephemeral")).to_have_count(0)

    # Bob thinks twice, then approves.
    page.get_by_role("button", name="Approve", exact=True).click()
    page.locator("#confirm").get_by_role("button", name="Not yet").click()
    assert sum("actions" in body for body in bot.seen) == 1
    page.get_by_role("button", name="Approve", exact=True).click()
    page.locator("#confirm").get_by_role("button", name="Approve").click()
    expect(page.locator(".message")).to_contain_text("approved")
    expect(page.locator(".message")).to_contain_text("(edited)")

    # The thread opens from the replies.
    card = slack.messages()[0]
    bot.client.chat_postMessage(channel=card.channel, thread_ts=card.ts, text="xs-01: <b>back</b> &lt;soon&gt;")
    page.get_by_role("button", name="1 reply").click()
    expect(page.locator("#replies .message").last).to_contain_text("<soon>")
    assert page.locator("#replies b b").count() == 0


def test_a_modal_is_filled_in_refused_and_sent(slack: LabSlack, bot: Bot, page: Page) -> None:
    page.locator("#line").fill("/xs form")
    page.locator("#line").press("Enter")
    modal = page.locator("#modal")
    modal.get_by_label("Reason").fill("no")
    modal.get_by_label("Rule").select_option("Suspend")
    expect(modal).to_contain_text("VMs will be handled: suspend")
    expect(modal.get_by_label("Reason")).to_have_value("no")
    modal.get_by_role("button", name="Send").click()
    expect(modal.locator(".complaint")).to_have_text("Say a little more.")
    modal.get_by_label("Reason").fill("the change freeze")
    modal.get_by_role("button", name="Send").click()
    expect(modal).to_be_hidden()

    page.locator("#line").fill("/xs form")
    page.locator("#line").press("Enter")
    expect(modal).to_be_visible()
    page.keyboard.press("Escape")
    expect(modal).to_be_hidden()
    slack.wait_for(lambda: bot.seen[-1].get("type") == "view_closed")
