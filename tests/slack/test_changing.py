"""The card's Change…, Cancel and Ask again…, through Slack."""

from __future__ import annotations

import threading

import pytest

from bot.cli.stage import Stage
from bot.lab.slack import LabSlack, Message
from bot.rollouts import Role
from tests.slack.conftest import card_in, dialog, form_is_ready, request_update

pytestmark = pytest.mark.timeout(180)


def cards(slack: LabSlack) -> list[Message]:
    return [entry for entry in slack.messages("xs-updates") if "Expected cost" in entry.plain]


def test_a_request_is_changed_withdrawn_and_asked_for_again(fresh: Stage) -> None:
    slack = fresh.slack
    first = request_update(slack, choose=lambda: dialog(slack, "alice").fill("vm_rules", "db-01=shutdown:20"))
    slack.click("Approve", as_="bob", message=first)
    slack.wait_for(lambda: "1 of 2 (" in cards(slack)[0].plain, 20)

    # A stranger to the request is told so in the dialog.
    slack.click("Change…", as_="dave", message=first)
    dialog(slack, "dave", saying="You cannot").close()

    slack.click("Change…", as_="alice", message=first)
    slack.wait_for(lambda: form_is_ready(slack, "alice"), 20)
    form = dialog(slack, "alice", saying="Takes the place of rollout 1")
    assert "Nothing is different so far." in form.text
    assert form.values["text"] == "CHG-1234"
    uuid = fresh.pool.run(lambda: fresh.pool.world.db.get("VM", fresh.pool.vm("db-01").ref, "uuid"))
    # The VM goes by its name, and beneath stands which one that is.
    assert "db-01=shutdown:20" in form.values.values()
    assert f"db-01: no tags; {uuid}" in form.text.replace("`", "")
    slack.select("preset", "serial", as_="alice")
    slack.wait_for(lambda: "Nothing is different" not in dialog(slack, "alice").text, 20)
    form = dialog(slack, "alice", saying="Takes the place of rollout 1")
    assert not form.submit().errors

    slack.wait_for(lambda: len(cards(slack)) == 2 and "Takes the place of rollout 1" in cards(slack)[1].plain, 20)
    slack.wait_for(lambda: cards(slack)[0].buttons == ["Ask again…"], 20)
    assert "its approvals are void" in cards(slack)[0].plain
    second = cards(slack)[1]
    assert "0 of 2" in second.plain
    opened = slack.modal("alice", wait=0)
    if opened is not None:
        opened.close()

    answer = slack.click("Cancel", as_="alice", message=second).wait(20)
    assert answer is not None
    assert "is cancelled" in answer.plain
    slack.wait_for(lambda: "Cancelled" in cards(slack)[1].plain, 20)

    slack.click("Ask again…", as_="alice", message=cards(slack)[0])
    slack.wait_for(lambda: form_is_ready(slack, "alice"), 20)
    form = dialog(slack, "alice", saying="Asks again for what rollout 1 asked for")
    assert not form.submit().errors
    slack.wait_for(lambda: "the same as rollout 1" in (card_in(slack) or second).plain, 20)


def test_a_changed_form_is_acknowledged_before_anybody_asks_slack_who_is_who(
    fresh: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    slack = fresh.slack
    slack.click("Change…", as_="alice", message=request_update(slack))
    slack.wait_for(lambda: form_is_ready(slack, "alice"), 20)
    form = dialog(slack, "alice", saying="Takes the place of rollout 1")
    answers = threading.Event()
    authority = fresh.service.authority
    holders = authority.holders

    def slow(role: Role, pool: str) -> frozenset[str]:
        answers.wait(30)
        return holders(role, pool)

    monkeypatch.setattr(authority, "holders", slow)
    try:
        submission = form.submit()
    finally:
        answers.set()

    assert not submission.errors
    # Without an acknowledgement in three seconds there is no such figure.
    assert submission.ack_ms is not None
