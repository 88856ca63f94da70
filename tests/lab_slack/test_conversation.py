"""People talk with a real Bolt app through the lab's Slack."""

from __future__ import annotations

import pytest

from bot.lab.slack import LabError, LabSlack
from tests.lab_slack.conftest import Bot


def test_a_command_reaches_the_app_and_its_answer_the_user(slack: LabSlack, bot: Bot) -> None:
    answer = slack.say("/xs frobnicate", as_="dave")

    assert answer.ack_ms is not None
    assert answer.ack_ms < 3000
    assert not answer.timed_out
    assert answer.text == "unknown command frobnicate"
    assert [m.text for m in slack.ephemerals("dave")] == ["unknown command frobnicate"]
    assert slack.ephemerals("alice") == []
    assert slack.messages("xs-updates") == []
    assert bot.seen[0]["user_id"] == "U0DAVE"
    assert slack.acks == [answer.ack_ms]


def test_an_answer_may_come_with_the_acknowledgement(slack: LabSlack, bot: Bot) -> None:
    assert slack.say("/xs ack").text == "said in the acknowledgement"


def test_a_silent_app_times_out_where_the_user_sees_it(slack: LabSlack, bot: Bot) -> None:
    answer = slack.say("/xs silent")

    assert answer.timed_out
    assert "/xs failed with the error “operation_timeout”" in answer.text


def test_without_an_app_the_command_fails_at_once(slack: LabSlack) -> None:
    answer = slack.say("/xs pools")

    assert answer.error == "dispatch_failed"
    assert "dispatch_failed" in answer.text


def test_a_slash_command_does_not_work_in_a_thread(slack: LabSlack, bot: Bot) -> None:
    slack.say("/xs update lab")
    card = slack.wait_for(lambda: slack.messages())[0]

    assert "not supported in threads" in slack.say("/xs status", thread=card).text


def test_one_asks_another_approves(slack: LabSlack, bot: Bot) -> None:
    slack.say("/xs update lab", as_="alice")
    card = slack.wait_for(lambda: slack.messages("xs-updates"))[0]
    assert card.buttons == ["Approve"]
    assert "Update *lab* for @alice: open" in card.plain

    slack.click("Approve", as_="bob")

    slack.wait_for(lambda: slack.messages()[0].edited)
    card = slack.messages()[0]
    assert card.buttons == []
    assert card.text == "Update lab: approved"
    click = bot.seen[-1]
    assert click["actions"][0]["value"] == "42"
    assert click["user"]["id"] == "U0BOB"
    assert click["container"]["message_ts"] == card.ts


def test_saying_no_in_the_confirm_dialog_sends_nothing(slack: LabSlack, bot: Bot) -> None:
    slack.say("/xs update lab")
    slack.wait_for(slack.messages)

    answer = slack.click("Approve", as_="bob", confirm=False)

    assert answer.cancelled
    assert answer.confirm is not None
    assert answer.confirm["text"]["text"] == "Three hosts will reboot."
    assert all(body.get("type") != "block_actions" for body in bot.seen)


def test_an_outsider_gets_a_private_reason(slack: LabSlack, bot: Bot) -> None:
    slack.say("/xs update lab")
    slack.wait_for(slack.messages)

    assert slack.click("Approve", as_="dave").text == "You may not approve."
    assert slack.ephemerals("bob") == []


def test_an_overflow_menu_is_clicked_by_its_option(slack: LabSlack, bot: Bot) -> None:
    slack.say("/xs update lab")
    slack.wait_for(slack.messages)

    assert slack.click("Details", as_="carol").text == "the details"


def test_a_missing_button_is_named_with_those_there_are(slack: LabSlack, bot: Bot) -> None:
    slack.say("/xs update lab")
    slack.wait_for(slack.messages)

    with pytest.raises(LabError, match="They see Approve"):
        slack.click("Abort", as_="bob")


def test_a_response_address_is_good_for_five_uses(slack: LabSlack, bot: Bot) -> None:
    slack.say("/xs many")

    slack.wait_for(lambda: bot.codes)
    assert bot.codes == ["[200, 200, 200, 200, 200, 404]"]
    assert len(slack.ephemerals("alice")) == 5


def test_home_is_published_when_it_is_opened(slack: LabSlack, bot: Bot) -> None:
    home = slack.home("erin")

    assert home is not None
    assert home.plain == "Pools"


def test_a_plain_line_is_a_message_and_no_event(slack: LabSlack, bot: Bot) -> None:
    slack.say("good morning", as_="carol", channel="random")

    assert [(m.user, m.text) for m in slack.messages("random")] == [("carol", "good morning")]
    assert bot.seen == []
