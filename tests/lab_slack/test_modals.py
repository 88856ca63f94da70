"""Modals: opened by triggers, filled in by people, refused and closed as Slack does it."""

from __future__ import annotations

import time

from bot.lab.slack import LabSlack, Modal
from tests.lab_slack.conftest import Bot, form


def opened(slack: LabSlack) -> Modal:
    slack.say("/xs form", as_="alice")
    modal = slack.modal(as_="alice")
    assert modal is not None
    return modal


def test_a_trigger_opens_one_modal_only(slack: LabSlack, bot: Bot) -> None:
    modal = opened(slack)

    assert modal.title == "Reject"
    assert modal.values == {"why": None, "rule_is": "refuse"}
    slack.wait_for(lambda: bot.codes)
    assert bot.codes == ["exchanged_trigger_id"]
    assert slack.modal(as_="bob", wait=0) is None


def test_a_modal_is_an_answer_that_ends_the_waiting(slack: LabSlack, bot: Bot) -> None:
    started = time.monotonic()
    assert slack.say("/xs form").text == ""
    assert time.monotonic() - started < 1.5


def test_a_trigger_lives_three_seconds(slack: LabSlack, bot: Bot) -> None:
    slack.say("/xs late")

    slack.wait_for(lambda: bot.codes)
    assert bot.codes == ["expired_trigger_id"]
    assert bot.refused(lambda: bot.client.views_open(trigger_id="1.2", view=form()))["error"] == ("invalid_trigger_id")


def test_an_empty_required_field_never_leaves_the_client(slack: LabSlack, bot: Bot) -> None:
    modal = opened(slack)

    submission = modal.submit()

    assert submission.errors["Reason"] == "Please complete this required field."
    assert not submission.closed
    assert all(body.get("type") != "view_submission" for body in bot.seen)


def test_the_app_complains_under_a_field_and_is_then_content(slack: LabSlack, bot: Bot) -> None:
    modal = opened(slack)
    modal.fill("Reason", "no")
    assert modal.submit().errors == {"reason": "Say a little more.", "Reason": "Say a little more."}
    assert modal.is_open

    modal.fill("reason/why", "the change freeze")
    submission = modal.submit()

    assert submission.closed
    assert slack.modal(as_="alice", wait=0) is None


def test_a_field_that_dispatches_updates_the_preview_and_keeps_what_was_typed(slack: LabSlack, bot: Bot) -> None:
    modal = opened(slack)
    modal.fill("Reason", "the change freeze")

    modal.pick("Rule", "Suspend")

    slack.wait_for(lambda: "VMs will be handled: suspend" in modal.text)
    assert modal.values == {"why": "the change freeze", "rule_is": "suspend"}


def test_a_submission_can_update_and_push(slack: LabSlack, bot: Bot) -> None:
    modal = opened(slack)
    modal.fill("Reason", "update me")
    assert not modal.submit().closed
    assert modal.title == "Done"

    modal.fill("Reason", "push me")
    modal.submit()
    second = slack.modal(as_="alice")
    assert second is not None
    assert second.title == "Second"
    second.close()
    below = slack.modal(as_="alice")
    assert below is not None
    assert below.title == "Done"


def test_closing_is_told_to_an_app_that_wants_to_know(slack: LabSlack, bot: Bot) -> None:
    opened(slack).close()

    slack.wait_for(lambda: bot.seen[-1]["type"] == "view_closed" if "type" in bot.seen[-1] else False)


def test_an_old_hash_is_refused(slack: LabSlack, bot: Bot) -> None:
    modal = opened(slack)

    body = bot.refused(lambda: bot.client.views_update(view_id=modal.id, hash="1.old", view=form()))

    assert body["error"] == "hash_conflict"
