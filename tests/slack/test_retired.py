"""What an upgrade leaves behind: whoever uses an old button, form or command is told what to type instead."""

from __future__ import annotations

import json

import pytest

from bot.cli.stage import Stage
from bot.lab.slack import Message
from bot.messages import amendment, attention, card, debts, modal, notice, progress, tasks
from commands import VERBS
from commands.retired import instead_of

POOLS = ("lab", "prod-a")
#: What each of today's buttons carries, and what would be typed instead if a later release had it no more.
TODAY = {
    card.APPROVE: ("42:c0ffee", "/xs approve 42"),
    card.REJECT: ("42:c0ffee", "/xs reject 42"),
    card.CANCEL: ("42:c0ffee", "/xs cancel 42"),
    card.CHANGE: ("42:c0ffee", "/xs approve 42"),
    card.CHECK: ("42:c0ffee", "/xs check 42"),
    card.OPEN: ("42", "/xs approve 42"),
    attention.RETRY: ("42", "/xs retry 42"),
    attention.ABORT: ("42", "/xs abort 42"),
    attention.PROCEED + "host-uuid": ("42", "/xs proceed 42"),
    attention.SKIP + "host-uuid": ("42", "/xs skip 42 <host>"),
    amendment.AMEND + "reboot": ("42", "/xs amend 42"),
    amendment.WITHDRAW: ("42:c0ffee", "/xs amend 42"),
    progress.PAUSE: ("42", "/xs pause 42"),
    progress.RESUME: ("42", "/xs resume 42"),
    progress.ABORT: ("42", "/xs abort 42"),
    notice.PLAN: ("prod-a", "/xs plan prod-a"),
    notice.DETAILS: ("prod-a", "/xs updates prod-a"),
    notice.SYNC: ("prod-a", "/xs sync prod-a"),
    notice.FOLD: ("24:7", "/xs updates <pool>"),
    debts.RESTORE: ("prod-a", "/xs restore prod-a"),
    tasks.CARRY_OUT: ("prod-a", "/xs tasks prod-a"),
    modal.UPDATE: ("lab", "/xs update lab"),
    modal.REJECT: ("42", "/xs reject 42"),
    modal.ABORT: ("42", "/xs abort 42"),
    f"{modal.CHOICES}level": ("full", "/xs update <pool>"),
    "attention_retry_v1": ("42", "/xs retry 42"),
    "something_else": ("9" * 40 + ";", "/xs status"),
    "": ("", "/xs status"),
}


@pytest.mark.parametrize("name", TODAY)
def test_the_name_of_a_button_leads_to_the_command_that_does_the_same(name: str) -> None:
    carries, line = TODAY[name]
    assert instead_of(VERBS, name, carries, POOLS) == line


def test_an_old_button_answers_what_to_type(small: Stage) -> None:
    slack = small.slack
    button = {
        "type": "button",
        "action_id": "card_approve_v1",
        "value": "7:c0ffee",
        "text": {"type": "plain_text", "text": "Agree"},
    }
    small.service.client.chat_postMessage(
        channel="C0UPDATES", text="old", blocks=[{"type": "actions", "elements": [button]}]
    )
    answer = slack.click("Agree", as_="bob")
    told = slack.wait_for(lambda: answer.message, timeout=10)
    assert isinstance(told, Message)
    assert told.ephemeral
    assert "does nothing any more" in told.plain
    assert "Type /xs approve 7 instead." in told.plain.replace("`", "")


def test_an_old_form_that_is_sent_says_so_and_where_the_new_one_is(small: Stage) -> None:
    slack = small.slack
    slack.say("/xs update lab", as_="carol")
    slack.wait_for(lambda: (form := slack.modal("carol", wait=0)) and form.submit_text, timeout=20)
    form = slack.modal("carol")
    assert form is not None
    # As it was left open over the upgrade: the app behind it knows no such form any more.
    old = {**form.view.wire(), "callback_id": "update_form_v1"}
    kept = {name: old[name] for name in ("type", "title", "blocks", "submit", "close", "callback_id")}
    kept["private_metadata"] = json.dumps({"pool": "lab"})
    small.service.client.views_update(view_id=form.view.id, view=kept)
    sent = slack.modal("carol")
    assert sent is not None
    assert not sent.submit().errors
    shown = slack.modal("carol")
    assert shown is not None
    assert "This form belongs to an older release." in shown.text
    assert "/xs update lab" in shown.text
    shown.close()
