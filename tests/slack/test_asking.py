"""What people can look at and ask for, before anything is decided."""

from __future__ import annotations

import pytest

from bot.cli.stage import Stage
from bot.lab.slack import LabSlack
from commands import VERBS
from tests.slack.conftest import card_in, dialog, form_is_ready, request_update


def test_the_notice_says_what_is_new_and_what_it_takes(slack: LabSlack) -> None:
    notice = slack.messages("xs-updates")[0]

    assert "5 updates available for pool lab" in notice.plain
    assert "Security fixes" in notice.plain
    assert "CVE-2026-31415" in notice.plain
    assert "3 host reboots" in notice.plain
    assert notice.buttons == ["Plan update…", "Details"]
    assert "2 security fixes" in notice.text


def test_details_open_as_a_dialog(slack: LabSlack) -> None:
    slack.click("Details", as_="dave")

    view = dialog(slack, "dave", saying="CVE")
    assert "support.example.com" in view.text
    assert "<https://support.example.com/article/CTX-2026-1103|support.example.com>" in str(view.blocks)
    assert "<https://www.cve.org/CVERecord?id=CVE-2026-31415|CVE-2026-31415>" in str(view.blocks)
    view.close()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("help", "/xs update"),
        ("", "/xs update"),
        ("pools", "5 updates (2 security fixes"),
        ("updates lab", "Control domain kernel security update"),
        ("updates", "Control domain kernel security update"),
        ("UPDATES lab", "Control domain kernel security update"),
        ("status", "Nothing is going on"),
        ("history", "There was no rollout yet."),
        ("audit 7", "There is no rollout 7."),
        ("audit x", "Which rollout?"),
        ("updats lab", "Did you mean"),
        ("frobnicate", "There is no command"),
        ("updates nowhere", "There is no pool called"),
        ("retry", "Which rollout?"),
        ("retry 7", "There is no rollout 7."),
        ("sync lab", "You cannot"),
        ("restore lab", "You cannot"),
    ],
)
def test_every_command_gets_a_private_answer_in_time(slack: LabSlack, command: str, said: str) -> None:
    """Invariant 11."""
    before = len(slack.messages("xs-updates"))

    answer = slack.say(f"/xs {command}", as_="dave")

    shown = answer.wait(5)
    assert shown is not None
    assert said in shown.plain
    assert shown.ephemeral
    assert answer.ack_ms is not None
    assert answer.ack_ms < 3000
    assert len(slack.messages("xs-updates")) == before


def test_the_help_names_every_verb(slack: LabSlack) -> None:
    shown = slack.say("/xs help", as_="dave").wait(5)
    assert shown is not None
    for verb in VERBS:
        assert f"/xs {verb.name}" in shown.plain


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("update lab", "cannot ask for a rollout"),
        ("approve 7", "no rollout 7"),
        ("reject 7", "no rollout 7"),
        ("abort 7", "no rollout 7"),
    ],
)
def test_a_dialog_says_why_it_cannot_show_what_was_asked(slack: LabSlack, command: str, said: str) -> None:
    slack.say(f"/xs {command}", as_="dave")

    dialog(slack, "dave", saying=said).close()


def test_an_outsider_who_clicks_plan_is_told_why_not(slack: LabSlack) -> None:
    slack.click("Plan update…", as_="dave")

    dialog(slack, "dave", saying="cannot ask")
    view = slack.modal("dave")
    assert view is not None
    view.close()


def test_the_form_shows_at_once_and_follows_the_choices(slack: LabSlack) -> None:
    slack.say("/xs update lab", as_="alice")
    first = slack.modal("alice")
    assert first is not None
    slack.wait_for(lambda: form_is_ready(slack, "alice"), timeout=20)
    form = slack.modal("alice")
    assert form is not None
    assert "24 live VM moves" in form.text
    turn = "1. *xs-01* (the coordinator, before all others): move 4 VMs away, install the updates, reboot, "
    assert f"{turn}bring its VMs back" in form.text
    assert "None. VMs only move" in form.text
    form.fill("reason", "typed before choosing")

    slack.select("level", "full", as_="alice")

    calls = len(slack.api_calls)
    slack.wait_for(lambda: any(name == "views.update" for name, _ in slack.api_calls[calls - 1 :]), timeout=20)
    form = slack.modal("alice")
    assert form is not None
    assert form.values["text"] == "typed before choosing"
    form.close()


def test_an_expired_trigger_is_answered(slack: LabSlack) -> None:
    slack.fault("error:expired_trigger_id", method="views.open", times=1)

    answer = slack.say("/xs update lab", as_="alice")

    shown = answer.wait(5)
    assert shown is not None
    assert "try again" in shown.plain


def test_a_mistake_of_ours_is_answered_with_an_error_id(
    slack: LabSlack, small: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise KeyError("secret detail")

    monkeypatch.setattr(small.service.rollouts, "pools", broken)

    shown = slack.say("/xs pools", as_="alice").wait(5)

    assert shown is not None
    assert "error id" in shown.plain
    assert "secret detail" not in shown.plain
    assert "secret detail" in caplog.text


def test_a_plan_is_told_privately_and_asks_for_nothing(slack: LabSlack, small: Stage) -> None:
    before = len(small.pool.effects)
    shown = slack.say("/xs plan lab serial full", as_="dave").wait(20)
    assert shown is not None
    assert shown.ephemeral
    assert "full guidance; one by one" in shown.plain.lower()
    assert "Hosts, in this order" in shown.plain
    assert "Nothing was asked for" in shown.plain
    assert len(small.pool.effects) == before
    refused = slack.say("/xs plan lab quick", as_="dave").wait(20)
    assert refused is not None
    assert "is nothing that can be chosen" in refused.plain


def test_what_cannot_move_blocks_the_request_and_is_named(pinned: Stage) -> None:
    slack = pinned.slack
    told = slack.say("/xs plan lab", as_="dave").wait(20)
    assert told is not None
    assert "It cannot start as things are" in told.plain
    assert "cache-01" in told.plain
    slack.say("/xs update lab", as_="alice")
    slack.wait_for(lambda: form_is_ready(slack, "alice"), timeout=20)
    form = slack.modal("alice")
    assert form is not None
    assert "This cannot start as it is" in form.text

    errors = form.submit().errors
    assert "cache-01" in errors["stopped_vms"]
    assert "suspend" in errors["stopped_vms"]
    assert card_in(slack) is None

    slack.select("stopped_vms", "shutdown", as_="alice")
    dialog(slack, "alice", saying="What approvers will be asked for")
    form = slack.modal("alice")
    assert form is not None
    assert "cache-01: shut down while its host is updated, then started again" in form.text
    form.close()

    card = request_update(slack, choose=lambda: _choose_shutdown(slack))
    assert "cache-01: shut down" in card.plain
    answer = slack.click("Approve", as_="bob", message=card, confirm=False)
    assert answer.cancelled
    assert "2 VMs may be stopped" in str(answer.confirm)


def test_leaving_out_the_hosts_that_block_lifts_the_block_without_enter(pinned: Stage) -> None:
    slack = pinned.slack
    slack.say("/xs update lab", as_="alice")
    form = dialog(slack, "alice", saying="This cannot start as it is", submit="Request approval")
    form.fill("Reason", "CHG-1234")
    # Typed, and no Enter pressed: the app hears of it with the button only.
    form._interactions.fill(form.view, "Hosts to leave out", "xs-02, xs-03")

    assert "the checks run again" in form.submit().errors["left_out"]

    form = dialog(slack, "alice", saying="What approvers will be asked for", submit="Request approval")
    assert form.values["text"] == "CHG-1234"
    assert not form.submit().errors
    dialog(slack, "alice", saying="is requested")


def test_a_rule_for_a_vm_is_typed_shown_and_approved_with_the_rest(slack: LabSlack) -> None:
    slack.say("/xs update lab serial vm=dns-01=suspend", as_="alice")
    form = dialog(slack, "alice", saying="dns-01: suspended while its host is updated", submit="Request approval")
    assert "VM dns-01 stops while xs-01 is updated, because that was chosen for it." in form.text
    form._interactions.fill(form.view, "VMs with a rule of their own", "dns-01=sleep")
    assert "Write its name" in form.submit().errors["vm_rules"]
    form._interactions.fill(form.view, "VMs with a rule of their own", "dns-01=suspend")
    assert not form.submit().errors
    dialog(slack, "alice", saying="is requested")
    # The card is sent by itself, a moment after the answer.
    slack.wait_for(lambda: (card := card_in(slack)) is not None and "rule of their own (1)" in card.plain, timeout=20)


def _choose_shutdown(slack: LabSlack) -> None:
    slack.select("stopped_vms", "shutdown", as_="alice")
    dialog(slack, "alice", saying="What approvers will be asked for")
