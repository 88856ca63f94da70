"""The rehearsal's page itself: by keyboard alone, on a phone, in the dark, with something going wrong."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from bot.cli.stage import Stage
from tests.browser.visitor import SOON, Visitor, ask_for_update

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


def test_by_keyboard_alone(visitor: Visitor) -> None:
    page = visitor.page
    expect(visitor.notice).to_be_visible(timeout=SOON)

    # The first stop leads past everything to the line.
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the line")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Message", exact=True)).to_be_focused()

    # People are radio buttons: one stop, arrows between them.
    page.get_by_role("radio", name="Alice").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="Bob")).to_be_focused()
    expect(page.get_by_role("radio", name="Bob")).to_have_attribute("aria-checked", "true")
    expect(page.locator('#people [tabindex="0"]')).to_have_count(1)
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("radio", name="Alice")).to_have_attribute("aria-checked", "true")

    # A menu opens, is walked through, closed without a choice, and used; what has the focus is seen.
    menu = visitor.notice.get_by_label("More actions")
    menu.focus()
    expect(menu).to_be_focused()
    expect(menu).to_have_css("outline-style", "solid")
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("button", name="Snooze for a day")).to_be_focused()
    page.keyboard.press("Escape")
    expect(menu).to_be_focused()
    expect(page.get_by_role("button", name="Snooze for a day")).to_be_hidden()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    folded = visitor.message("Snoozed by @Alice Archer")
    expect(folded).to_be_visible(timeout=SOON)
    folded.get_by_role("button", name="Show again").press("Enter")
    expect(visitor.notice).to_contain_text("Security fixes", timeout=SOON)

    # A dialog takes the focus, Escape closes it and gives the focus back.
    details = visitor.notice.get_by_role("button", name="Details")
    details.press("Enter")
    expect(visitor.form).to_contain_text("CVE-", timeout=SOON)
    assert page.evaluate("document.getElementById('modal').contains(document.activeElement)")
    page.keyboard.press("Escape")
    expect(visitor.form).to_be_hidden()


def test_home_on_a_phone_and_dialogs_on_dialogs(visitor: Visitor) -> None:
    page = visitor.page
    ask_for_update(visitor, "CHG-7")
    visitor.close()
    page.set_viewport_size({"width": 390, "height": 800})
    visitor.become("Bob")
    page.get_by_label("Show channels").press("Enter")
    page.get_by_role("button", name="Home").press("Enter")

    # It begins at its top, fits, and says what is wanted of Bob.
    waits = page.get_by_role("heading", name="Waits for you (1)")
    expect(waits).to_be_in_viewport(timeout=SOON)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Look and approve rollout 1").click()
    expect(visitor.form).to_contain_text("Waiting for approval", timeout=SOON)
    box = visitor.form.bounding_box()
    assert box is not None
    assert (box["width"], box["height"]) == (390, 800)

    # What opens from a dialog lies on it, and there is a way back.
    visitor.form.get_by_role("button", name=re.compile("Reject")).click()
    expect(visitor.form.get_by_label("Reason")).to_be_visible(timeout=SOON)
    visitor.form.get_by_label("Back to the dialog below").click()
    expect(visitor.form).to_contain_text("Waiting for approval", timeout=SOON)
    expect(visitor.form.get_by_label("Back to the dialog below")).to_have_count(0)
    visitor.close()

    # Nothing is asked of Bob any more once he approved; he did not open the page again for that.
    page.get_by_role("button", name="Look and approve rollout 1").click()
    visitor.form.get_by_role("button", name="Approve").click()
    visitor.question.get_by_role("button", name="Approve").click()
    expect(visitor.form).to_contain_text("Approval recorded", timeout=SOON)
    visitor.close()
    expect(page.get_by_role("heading", name="Nothing waits for you")).to_be_visible(timeout=SOON)


def test_in_the_dark_with_something_going_wrong(visitor: Visitor, stage: Stage) -> None:
    page = visitor.page
    ground = "getComputedStyle(document.body).backgroundColor"
    page.get_by_label("Looks").select_option("dark")
    dark = page.evaluate(ground)
    page.get_by_label("Looks").select_option("light")
    assert page.evaluate(ground) != dark
    page.get_by_label("Looks").select_option("dark")
    page.reload()
    expect(visitor.notice).to_be_visible(timeout=SOON)
    assert page.evaluate(ground) == dark

    # By name, with what it does; on the pool …
    page.get_by_text("Let something go wrong").click()
    panel = page.locator("#fault-form")
    panel.get_by_label("What").select_option("apply_fails")
    expect(panel).to_contain_text("APPLY_UPDATES_FAILED")
    panel.get_by_label("Host").select_option("xs-02")
    panel.get_by_role("button", name="Let it happen").click()
    expect(panel.get_by_role("status")).to_contain_text("It will: host.apply_updates on the host ends")
    assert [effect.detail for effect in stage.pool.effects if effect.kind == "fault"]

    # … and in Slack.
    panel.get_by_label("Where").select_option("slack")
    panel.get_by_label("What").select_option("ratelimited")
    panel.get_by_label("Method").fill("chat.postEphemeral")
    panel.get_by_role("button", name="Let it happen").click()
    expect(panel.get_by_role("status")).to_contain_text("answered with 429")
    assert stage.slack.faults.active("ratelimited")
    panel.get_by_role("button", name="Mend Slack").click()
    expect(panel.get_by_role("status")).to_contain_text("Slack works again")
    assert not stage.slack.faults.active("ratelimited")
