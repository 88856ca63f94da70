"""Amendments as people meet them in Slack: the button that fits, the card in the thread, and who may press what."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.cli.stage import Stage
from bot.lab.slack import LabSlack, Message
from bot.rollout.lifecycle import State
from storage import rollouts
from tests.slack.conftest import dialog, request_update, staged

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def livepatch() -> Iterator[Stage]:
    """A pool whose update spares the reboot, unless its live patch fails."""
    with staged("livepatch") as stage:
        yield stage


def in_thread(slack: LabSlack, card: Message, text: str, button: str = "") -> Message | None:
    found = (entry for entry in slack.thread(card) if text in entry.plain)
    return next((entry for entry in found if not button or button in entry.buttons), None)


def wait_for(slack: LabSlack, card: Message, text: str, button: str = "") -> Message:
    slack.wait_for(lambda: in_thread(slack, card, text, button) is not None, timeout=60)
    found = in_thread(slack, card, text, button)
    assert found is not None
    return found


def said(slack: LabSlack, line: str, as_: str) -> str:
    shown = slack.say(line, as_=as_).wait(8)
    assert shown is not None
    assert shown.ephemeral
    return shown.plain


def state(stage: Stage) -> State:
    with stage.service.database.reading() as tx:
        return rollouts.get(tx, 1).state


def test_a_failed_live_patch_ends_in_an_approved_reboot(livepatch: Stage) -> None:
    slack = livepatch.slack
    livepatch.pool.host("xs-02").livepatch_fails()
    card = request_update(slack)
    for person in ("bob", "carol"):
        slack.click("Approve", as_=person, message=card)
    call = wait_for(slack, card, "a live patch could not be applied", "Retry")
    assert call.buttons == ["Reboot xs-02…", "Retry", "Skip xs-02", "Abort…"]

    # An outsider gets an answer, and nothing else.
    assert "You cannot" in slack.click("Reboot xs-02…", as_="dave", message=call).text
    assert "You cannot" in said(slack, "/xs amend 1 reboot", "dave")
    assert "no open amendment" in said(slack, "/xs amend 1 withdraw", "bob")
    assert "/xs amend 1 reboot" in said(slack, "/xs amend 1", "alice")
    asked = slack.click("Reboot xs-02…", as_="alice", message=call, confirm=False)
    assert "nothing is done until 2 people approve" in str(asked.confirm)

    # The requester asks for it; carol opens its card, and alice changes her mind meanwhile.
    assert "Amendment 1 of rollout 1 is proposed" in slack.click("Reboot xs-02…", as_="alice", message=call).text
    proposed = wait_for(slack, card, "amendment 1", "Withdraw")
    assert "xs-02 is emptied and rebooted once" in proposed.plain
    assert "xs-02 may now also get" in proposed.plain
    for button in ("Approve", "Withdraw"):
        assert "You cannot" in slack.click(button, as_="dave", message=proposed).text
    slack.click("Reject…", as_="dave", message=proposed)
    assert "You cannot" in dialog(slack, "dave", saying="You cannot").text
    assert "does not count" in slack.click("Approve", as_="alice", message=proposed).text
    slack.say("/xs approve 1", as_="carol")
    seen = dialog(slack, "carol", saying="amendment 1")
    assert "is withdrawn" in slack.click("Withdraw", as_="alice", message=proposed).text
    slack.click("Approve", as_="carol", message=seen)
    assert "was withdrawn" in dialog(slack, "carol", saying="was withdrawn").text
    wait_for(slack, card, "alice withdrew amendment 1")
    slack.wait_for(lambda: in_thread(slack, card, "amendment 1", "Approve") is None, timeout=20)

    # Asked for once more with a command, and rejected with another.
    assert "Amendment 2" in said(slack, "/xs amend 1 reboot", "alice")
    assert "Amendment 2" in said(slack, "/xs status", "bob")
    slack.say("/xs reject 1", as_="bob")
    form = dialog(slack, "bob", saying="Rejecting ends this amendment", submit="Reject")
    form.fill("reason", "not before noon")
    assert not form.submit().errors
    wait_for(slack, card, "not before noon")
    assert state(livepatch) is State.NEEDS_ATTENTION

    # And approved in the end.
    slack.click("Reboot xs-02…", as_="alice", message=call)
    third = wait_for(slack, card, "amendment 3", "Approve")
    assert "1 of 2" in slack.click("Approve", as_="bob", message=third).text
    assert "amendment 3 is in effect" in slack.click("Approve", as_="carol", message=third).text
    slack.wait_for(lambda: state(livepatch) is State.SUCCEEDED, timeout=90)
    assert livepatch.pool.verdict().reboots_by_host == {"xs-01": 0, "xs-02": 1, "xs-03": 0}
    lines = [entry.plain for entry in slack.messages("xs-audit")]
    for action in ("proposed", "withdrawn", "rejected", "applied"):
        assert any(f"amendment.{action}" in line for line in lines), action
