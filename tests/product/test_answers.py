"""Invariant 11: everybody gets a visible answer to every click and command, within Slack's three seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import pytest

from bot.cli.stage import Stage
from bot.lab.slack import Answer, LabSlack, Message
from bot.lab.slack.fields import fields
from bot.messages import amendment, attention, card, debts, notice, progress
from bot.messages.attention import attention as attended
from bot.messages.message import Message as Answered
from bot.rollout.amendment import AmendmentKind, Offer
from bot.rollout.errors import NotAllowed
from bot.rollout.lifecycle import State
from bot.rollout.memory import Debt, DebtKind
from bot.rollout.reason import because
from commands import VERBS
from commands.call import Call
from tests.slack.conftest import card_in, form_is_ready, request_update, staged
from tests.unit.messages.made import amendment_of, standing_of

pytestmark = pytest.mark.timeout(120)

#: Slack's limit for an acknowledgement, in milliseconds, and ours for the answer after it, in seconds.
ACK_MS, ANSWER_S = 3000, 8.0
REQUESTER, APPROVER, OUTSIDER = "alice", "bob", "dave"
GARBAGE = "';drop <!channel> \N{SNOWMAN}"


@dataclass(frozen=True)
class Shown:
    """What one person saw after one deed, and how fast it was acknowledged."""

    text: str
    ack_ms: float | None


def private_answer(slack: LabSlack, who: str, deed: Callable[[], Answer], patience: float = ANSWER_S) -> Shown:
    """Do it, and wait for a private answer that says something: a message or a dialog with more than "one moment"."""
    dialog = slack.modal(who, wait=0)
    dialog_before = None if dialog is None else (dialog.id, dialog.view.hash)
    answer = deed()
    assert answer.error is None, f"{who}: {answer.error}"
    end = time.monotonic() + patience
    told = ""
    while not told and time.monotonic() < end:
        told = seen(slack, who, answer, dialog_before)
        time.sleep(0 if told else 0.02)
    assert told, f"{who} was acknowledged and then told nothing"
    message = answer.message
    assert message is None or message.ephemeral, f"{who}'s answer was shown to everybody: {message.plain}"
    return Shown(told, answer.ack_ms)


def leave_dialogs(slack: LabSlack, who: str) -> None:
    """Close whatever is open in front of that person."""
    while (dialog := slack.modal(who, wait=0)) is not None:
        dialog.close()


def seen(slack: LabSlack, who: str, answer: Answer, dialog_before: tuple[str, str] | None) -> str:
    """The text of the answer so far; nothing while a dialog is as it was, or only says that it is being filled."""
    dialog = slack.modal(who, wait=0)
    if dialog is not None and (dialog.id, dialog.view.hash) != dialog_before:
        text = dialog.text.strip()
        return "" if text.startswith("…") else text
    message = answer.message
    return message.plain.strip() if message is not None else ""


def assert_in_time(shown: Shown, what: str) -> None:
    assert shown.ack_ms is not None, what
    assert shown.ack_ms < ACK_MS, what
    assert len(shown.text) > 10, what


def arguments(verb_usage: str) -> list[str]:
    """Nothing, garbage, something that does not exist, what exists, and too much of it."""
    if "<pool>" in verb_usage:
        return ["", GARBAGE, "nowhere", "lab", "lab lab lab"]
    if "id" in verb_usage:
        return ["", GARBAGE, "99", "1", "#1", "1 2 3", "-1", "9" * 30]
    return ["", GARBAGE]


@pytest.fixture
def fresh() -> Iterator[Stage]:
    """A pool of one's own."""
    with staged("small") as stage:
        yield stage


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Stage, Message]]:
    """A pool in the middle of its rollout, and the card that started it. Its first host never comes back."""
    with staged("small") as stage:
        stage.pool.host("xs-01").never_returns()
        asked = request_update(stage.slack)
        for who in ("bob", "carol"):
            stage.slack.click("Approve", as_=who, message=asked)
        stage.slack.wait_for(lambda: any("Abort…" in entry.buttons for entry in stage.slack.thread(asked)), timeout=30)
        yield stage, asked


def test_everybody_gets_an_answer(running: tuple[Stage, Message]) -> None:
    """Every verb, by everybody, with every kind of argument, while a rollout runs."""
    stage, asked = running
    slack = stage.slack

    for verb in VERBS:
        for who in (REQUESTER, APPROVER, OUTSIDER):
            for given in arguments(verb.usage):
                line = f"/xs {verb.name} {given}".strip()
                assert_in_time(private_answer(slack, who, partial(slack.say, line, who)), f"{who}: {line}")
                leave_dialogs(slack, who)

    shown = next(entry for entry in slack.messages("xs-updates") if entry.ts == asked.ts).plain
    assert "Running" in shown or "Needs attention" in shown, "the rollout was over before everybody had asked"


@pytest.mark.parametrize("line", ["", "frobnicate", "help me", GARBAGE, "x" * 2000])
def test_what_is_no_command_is_answered_too(running: tuple[Stage, Message], line: str) -> None:
    slack = running[0].slack
    shown = private_answer(slack, OUTSIDER, partial(slack.say, f"/xs {line}".strip(), OUTSIDER))
    assert_in_time(shown, line)
    assert "/xs" in shown.text


def test_an_outsider_gets_an_answer_from_every_button() -> None:
    """Each button the product has, where people meet it: notice, details, card, dialogs, progress, attention."""
    pressed: set[str] = set()
    with staged("small") as stage:
        slack = stage.slack

        def press(where: Message) -> None:
            """Every button of one message, each from the start."""
            for field in fields(where.blocks):
                if field.kind in ("button", "overflow"):
                    leave_dialogs(slack, OUTSIDER)
                    named = field.options[0]["text"]["text"] if field.kind == "overflow" else field.action_id
                    click = partial(slack.click, named, OUTSIDER, where)
                    assert_in_time(private_answer(slack, OUTSIDER, click), field.action_id)
                    # Which host a Skip button means is the end of its name, and so is what an amendment is about.
                    long = (attention.SKIP, attention.PROCEED, amendment.AMEND)
                    pressed.add(next((name for name in long if field.action_id.startswith(name)), field.action_id))
            leave_dialogs(slack, OUTSIDER)

        def press_answer(line: str) -> None:
            """The buttons in the answer to a command, private message or dialog."""
            slack.say(line, as_=OUTSIDER).wait(ANSWER_S)
            dialog = slack.modal(OUTSIDER, wait=0.3)
            if dialog is None:
                press(slack.ephemerals(OUTSIDER)[-1])
                return
            slack.wait_for(lambda: dialog.buttons, timeout=ANSWER_S)
            for name in dialog.buttons:
                slack.say(line, as_=OUTSIDER)
                slack.wait_for(partial(has_button, slack, name), timeout=ANSWER_S)
                assert_in_time(private_answer(slack, OUTSIDER, partial(slack.click, name, OUTSIDER)), f"{line}: {name}")
                leave_dialogs(slack, OUTSIDER)

        stale = notice.notice(notice.NoticeFacts("lab", "lab", "never_synced"))
        stage.service.client.chat_postMessage(channel="C0UPDATES", text=stale.text, blocks=list(stale.blocks))
        folded = notice.notice(notice.NoticeFacts("lab", "lab", "updates", id=1, folded_by="<@U0BOB>"))
        stage.service.client.chat_postMessage(channel="C0UPDATES", text=folded.text, blocks=list(folded.blocks))
        standing = standing_of(State.NEEDS_ATTENTION)
        change = Offer(AmendmentKind.REBOOT, "host-1")
        problem = {"reason": because("livepatch.failed", host="xs-02").as_dict(), "offers": [change.as_dict()]}
        asking = standing_of(State.NEEDS_ATTENTION, problem={**problem, "options": ["abort"]})
        unwell = {"reason": because("gate.not_enabled", host="xs-02").as_dict(), "keys": ["AskHealth:host-1"]}
        gated = standing_of(State.NEEDS_ATTENTION, problem={**unwell, "options": ["proceed"]})
        proposed = amendment.amendment_card(standing, amendment_of(standing, change), card.Ask())
        for shown in (proposed, attended(asking), attended(gated)):
            stage.service.client.chat_postMessage(channel="C0UPDATES", text=shown.text, blocks=list(shown.blocks))
        owed = debts.debts_asked("lab", [Debt(DebtKind.HA)], (), 24)
        stage.service.client.chat_postMessage(channel="C0UPDATES", text=owed.text, blocks=list(owed.blocks))
        stage.pool.host("xs-02").apply_fails(times=8)
        asked = request_update(slack)
        for message in slack.messages("xs-updates"):
            press(message)
        for line in ("/xs updates lab", "/xs status", "/xs approve 1"):
            press_answer(line)

        for who in ("bob", "carol"):
            slack.click("Approve", as_=who, message=asked)
        for button in ("Pause", "Retry"):
            slack.wait_for(partial(in_thread, slack, asked, button), timeout=60)
            for message in in_thread(slack, asked, button):
                press(message)
        slack.say("/xs pause 1", as_="bob")
        slack.wait_for(partial(in_thread, slack, asked, "Resume"), timeout=20)
        for message in in_thread(slack, asked, "Resume"):
            press(message)

    assert pressed == {
        *(notice.PLAN, notice.DETAILS, notice.SYNC, notice.FOLD, notice.UNFOLD),
        *(card.APPROVE, card.REJECT, card.OPEN, card.CHECK, card.CHANGE, card.CANCEL),
        *(progress.PAUSE, progress.RESUME, progress.ABORT),
        *(attention.RETRY, attention.PROCEED, attention.SKIP, attention.ABORT, debts.RESTORE),
        *(amendment.AMEND, amendment.WITHDRAW),
    }, "a button that nobody pressed here"


def in_thread(slack: LabSlack, card_message: Message, button: str) -> list[Message]:
    """The replies to the card that have that button."""
    return [entry for entry in slack.thread(card_message) if button in entry.buttons]


def has_button(slack: LabSlack, name: str) -> bool:
    dialog = slack.modal(OUTSIDER, wait=0)
    return dialog is not None and name in dialog.buttons


def test_while_slack_does_not_say_who_is_in_a_group_people_are_told(fresh: Stage) -> None:
    slack = fresh.slack
    asked = request_update(slack)
    slack.fault("plan_upgrade_required", method="usergroups.users.list", times=1000)
    began = fresh.time.now()
    slack.wait_for(lambda: (fresh.time.now() - began).total_seconds() > 61, timeout=10)

    for who in (REQUESTER, APPROVER, OUTSIDER):
        for deed in (
            partial(slack.click, "Approve", who, asked),
            partial(slack.click, "Reject…", who, asked),
            partial(slack.say, "/xs update lab", who),
            partial(slack.say, "/xs sync lab", who),
        ):
            shown = private_answer(slack, who, deed)
            assert_in_time(shown, f"{who}: {deed}")
            assert "plan_upgrade_required" in shown.text
            leave_dialogs(slack, who)
    now = card_in(slack)
    assert now is not None
    assert "0 of 2" in now.plain


def test_a_slow_slack_delays_no_acknowledgement(fresh: Stage) -> None:
    """Who is in a group takes Slack four seconds to say: the click is acknowledged long before."""
    slack = fresh.slack
    asked = request_update(slack)
    began = fresh.time.now()
    slack.wait_for(lambda: (fresh.time.now() - began).total_seconds() > 61, timeout=10)
    slack.fault("slow", method="usergroups.users.list", times=1, seconds=4)
    assert_in_time(private_answer(slack, OUTSIDER, partial(slack.click, "Approve", OUTSIDER, asked)), "Approve")


def test_who_is_no_longer_allowed_when_the_form_is_sent_is_told(fresh: Stage) -> None:
    """The refusal is quick; the acknowledgement, which also changes the dialog, must not overwrite it."""
    slack = fresh.slack
    slack.say("/xs update lab", as_=REQUESTER)
    slack.wait_for(lambda: form_is_ready(slack, REQUESTER), timeout=20)
    slack.remove_from_group("xs-requesters", REQUESTER)
    began = fresh.time.now()
    slack.wait_for(lambda: (fresh.time.now() - began).total_seconds() > 61, timeout=10)
    form = slack.modal(REQUESTER)
    assert form is not None

    sent = form.submit()

    assert sent.ack_ms is not None
    assert sent.ack_ms < ACK_MS
    slack.wait_for(lambda: "You cannot ask for a rollout" in form.text, timeout=ANSWER_S)


def test_this_notices_when_the_unauthorised_are_told_nothing(
    running: tuple[Stage, Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    slack = running[0].slack
    honest = Call.answer_error

    def silent(call: Call, error: Exception, answer: Callable[[Answered], None] | None = None) -> None:
        if not isinstance(error, NotAllowed):
            honest(call, error, answer)

    monkeypatch.setattr(Call, "answer_error", silent)
    for line in ("/xs sync lab", "/xs update lab", "/xs retry 1"):
        with pytest.raises(AssertionError, match="told nothing"):
            private_answer(slack, OUTSIDER, partial(slack.say, line, OUTSIDER), patience=1.0)
        leave_dialogs(slack, OUTSIDER)
