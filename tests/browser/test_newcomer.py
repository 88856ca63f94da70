"""The newcomer's story, told by a real browser: nothing but what the page shows, nothing but what hands can do."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.visitor import LATE, SOON, Visitor, ask_for_update

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


def test_from_the_notice_to_the_outcome(visitor: Visitor) -> None:
    page = visitor.page

    # The channel says what is new and what it takes.
    expect(visitor.notice).to_contain_text("5 updates available for pool lab", timeout=SOON)
    expect(visitor.notice).to_contain_text("Security fixes")
    expect(visitor.notice.get_by_role("button", name="Plan the update")).to_be_visible()

    # Alice types the command that the page's help shows; a form opens and follows her choices.
    expect(page.locator(".hint .now")).to_contain_text("/xs update lab")
    visitor.type("/xs update lab")
    asks = visitor.form.locator(".b-section", has_text="What approvers will be asked for")
    expect(asks).to_contain_text("3 host reboots", timeout=SOON)
    expect(visitor.form.get_by_role("radio", name="Recommended")).to_be_checked()
    visitor.form.get_by_label("Reason").fill("CHG-1234: the kernel fix")
    visitor.send("Request")
    expect(visitor.form).to_contain_text("Rollout 1 for pool lab is requested", timeout=SOON)
    visitor.close()

    # The card says what is asked, by whom and of whom.
    expect(visitor.card).to_contain_text("Waiting for approval", timeout=SOON)
    for part in ("@Alice Archer", "CHG-1234: the kernel fix", "0 of 2", "@xs-approvers", "xs-01"):
        expect(visitor.card).to_contain_text(part)

    # Dave may not approve, and only he is told.
    visitor.become("Dave")
    visitor.approve()
    expect(visitor.private).to_contain_text("may not approve", timeout=SOON)
    expect(visitor.private).to_contain_text("Only visible to you")

    # Bob thinks twice, then approves; Alice's form, Dave's answer are not for him.
    visitor.become("Bob")
    expect(visitor.private).to_have_count(0)
    visitor.card.get_by_role("button", name="Approve").click()
    expect(visitor.question).to_contain_text("Approve rollout 1?")
    expect(visitor.question).to_contain_text("xs-01, xs-02, xs-03")
    visitor.question.get_by_role("button", name="Not now").click()
    expect(visitor.card).to_contain_text("0 of 2")
    visitor.approve()
    expect(visitor.card).to_contain_text("1 of 2 (@Bob Brewer)", timeout=SOON)

    visitor.become("Carol")
    visitor.approve()
    expect(visitor.card).to_contain_text("Running", timeout=SOON)
    expect(visitor.card.get_by_role("button", name="Approve")).to_have_count(0)

    # The thread shows every host on its way.
    visitor.open_thread()
    expect(visitor.plan.locator(".task")).to_have_count(3, timeout=SOON)
    expect(visitor.plan.locator(".task.in_progress").first).to_be_visible(timeout=SOON)
    expect(visitor.plan.locator(".task.complete").first).to_contain_text("xs-01", timeout=LATE)

    # Thread and channel say how it ended.
    done = re.compile(r"Rollout 1, pool lab: succeeded", re.IGNORECASE)
    expect(visitor.thread.locator(".message", has_text=done).last).to_contain_text("Nothing is owed", timeout=LATE)
    expect(visitor.plan.locator(".task.complete")).to_have_count(3, timeout=SOON)
    expect(visitor.message("Also sent to the channel from a thread")).to_contain_text(done, timeout=SOON)
    expect(visitor.card).to_contain_text("Succeeded", timeout=SOON)

    # The record has a line for each step, with the names.
    visitor.go("xs-audit")
    for line in ("alice asked to update pool lab", "bob approved: 1 of 2", "carol approved", "rollout.succeeded"):
        expect(visitor.message(line).first).to_be_visible(timeout=SOON)


@pytest.mark.parametrize(("scenario", "speed"), [("pinned", 500.0)])
def test_vms_that_cannot_move(visitor: Visitor) -> None:
    form = visitor.form

    # Refused as it is, naming the VMs and what can be done.
    visitor.type("/xs update lab")
    expect(form).to_contain_text("This cannot start as it is", timeout=SOON)
    visitor.send("Request")
    complaint = form.locator(".complaint")
    for part in ("cache-01", "render-01", "suspend"):
        expect(complaint).to_contain_text(part)

    # With another rule for them it can be asked for, and whoever approves reads which VMs.
    visitor.choose("VMs that cannot be moved", "Suspend")
    expect(form).to_contain_text("What approvers will be asked for", timeout=SOON)
    visitor.send("Request")
    expect(form).to_contain_text("is requested", timeout=SOON)
    visitor.close()
    stopped = visitor.card.locator(".b-section", has_text="VMs that may be stopped (2)")
    expect(stopped).to_contain_text("cache-01: suspended", timeout=SOON)
    expect(stopped).to_contain_text("render-01: shut down")

    # What has a GPU is shut down, the other one sleeps; after their hosts' turns both run again.
    for name in ("Bob", "Carol"):
        visitor.become(name)
        visitor.approve()
    outcome = visitor.message("Also sent to the channel from a thread")
    expect(outcome).to_contain_text("Succeeded", ignore_case=True, timeout=LATE)
    expect(outcome).to_contain_text("Nothing is owed")


@pytest.mark.parametrize("scenario", ["split-guidance"])
def test_the_preview_follows_the_choices(visitor: Visitor) -> None:
    visitor.type("/xs update lab")
    asks = visitor.form.locator(".b-section", has_text="What approvers will be asked for")
    expect(asks).to_contain_text("reboots", timeout=SOON)
    visitor.form.get_by_label("Reason").fill("typed before choosing")

    visitor.choose("Guidance level", "Mandatory")

    expect(asks).not_to_contain_text("reboots", timeout=SOON)
    expect(asks).to_contain_text("toolstack")
    expect(visitor.form.get_by_label("Reason")).to_have_value("typed before choosing")
    visitor.choose("Guidance level", "Recommended")
    expect(asks).to_contain_text("reboots", timeout=SOON)


def test_a_narrow_page_shows_the_thread(visitor: Visitor) -> None:
    visitor.page.set_viewport_size({"width": 390, "height": 800})
    ask_for_update(visitor, "CHG-7")
    visitor.close()
    for name in ("Bob", "Carol"):
        visitor.become(name)
        visitor.approve()
    visitor.open_thread()
    expect(visitor.plan).to_contain_text("xs-01", timeout=SOON)
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 390
