"""Folding a notice away in Slack, showing it again, and turning the pages of its details."""

from __future__ import annotations

import pytest

from bot.lab.slack import LabSlack, Message
from bot.messages import details
from tests.slack.conftest import dialog


def notice(slack: LabSlack) -> Message:
    return slack.messages("xs-updates")[0]


def test_a_notice_is_snoozed_for_everybody_and_shown_again(slack: LabSlack) -> None:
    refused = slack.click("Snooze for a week", as_="dave", message=notice(slack)).wait(20)
    assert refused is not None
    assert "You cannot fold away" in refused.plain
    assert notice(slack).buttons == ["Plan update…", "Details"]

    answer = slack.click("Snooze for a week", as_="alice", message=notice(slack)).wait(20)
    assert answer is not None
    assert "folded away until" in answer.plain
    slack.wait_for(lambda: "Snoozed by @alice until" in notice(slack).plain, 20)
    assert notice(slack).buttons == ["Show again"]
    assert "Security fixes" not in notice(slack).plain
    slack.wait_for(lambda: any("Snoozed the message" in line.plain for line in slack.messages("xs-audit")), 20)

    slack.click("Show again", as_="bob", message=notice(slack))
    slack.wait_for(lambda: "Security fixes" in notice(slack).plain, 20)


def test_the_pages_of_the_details(slack: LabSlack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(details, "PAGE", 2)
    slack.click("Details", as_="carol", message=notice(slack))
    view = dialog(slack, "carol", saying="Page 1 of 3")
    assert "Control domain kernel" in view.text
    slack.click("Page 2 →", as_="carol", message=view)
    view = dialog(slack, "carol", saying="Page 2 of 3")
    assert view.buttons == ["← Page 1", "Page 3 →"]
    assert "Control domain kernel" not in view.text
    view.close()
