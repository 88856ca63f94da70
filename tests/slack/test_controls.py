"""Pause, Resume, Skip and Restore now, as people meet them in Slack."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.cli.stage import ALIAS, Stage
from bot.lab.slack import LabSlack, Message
from bot.rollout.lifecycle import State
from bot.rollout.memory import Debt, DebtKind
from bot.rollout.proposal import Choices
from bot.rollout.settling import ha_document
from storage import debts, rollouts
from storage.actors import Actor
from tests.slack.conftest import request_update

pytestmark = pytest.mark.timeout(180)


def approved(stage: Stage) -> Message:
    card = request_update(stage.slack)
    for person in ("bob", "carol"):
        stage.slack.click("Approve", as_=person, message=card)
    return card


def in_thread(slack: LabSlack, card: Message, button: str) -> Message | None:
    return next((entry for entry in slack.thread(card) if button in entry.buttons), None)


def click(slack: LabSlack, card: Message, button: str, as_: str) -> str:
    slack.wait_for(lambda: in_thread(slack, card, button) is not None, timeout=60)
    return slack.click(button, as_=as_, message=in_thread(slack, card, button)).text


def state(stage: Stage) -> State:
    with stage.service.database.reading() as tx:
        return rollouts.get(tx, 1).state


def test_pause_and_resume_by_button_and_by_command(fresh: Stage) -> None:
    slack = fresh.slack
    card = approved(fresh)
    assert "You cannot" in click(slack, card, "Pause", "dave")
    assert "is paused" in click(slack, card, "Pause", "bob")
    assert state(fresh) is State.PAUSED
    shown = slack.say("/xs pause 1", as_="bob").wait(5)
    assert shown is not None
    assert "is paused" in shown.plain
    slack.wait_for(lambda: in_thread(slack, card, "Pause") is None, timeout=20)
    assert "goes on" in click(slack, card, "Resume", "carol")
    slack.wait_for(lambda: state(fresh) is State.RUNNING, timeout=20)
    shown = slack.say("/xs pause 1", as_="bob").wait(5)
    assert shown is not None
    assert state(fresh) is State.PAUSED
    shown = slack.say("/xs resume 1", as_="bob").wait(5)
    assert shown is not None
    assert "goes on" in shown.plain
    slack.wait_for(lambda: state(fresh) is State.SUCCEEDED, timeout=90)
    slack.wait_for(lambda: in_thread(slack, card, "Pause") is None, timeout=20)


def test_skip_by_button_where_one_host_is_the_problem(fresh: Stage) -> None:
    slack = fresh.slack
    fresh.pool.host("xs-02").apply_fails(99)
    card = approved(fresh)
    slack.wait_for(lambda: state(fresh) is State.NEEDS_ATTENTION, timeout=90)
    slack.wait_for(lambda: in_thread(slack, card, "Skip xs-02") is not None, timeout=20)
    call = in_thread(slack, card, "Skip xs-02")
    assert call is not None
    assert call.buttons == ["Retry", "Skip xs-02", "Abort…"]
    asked = slack.click("Skip xs-02", as_="bob", message=call, confirm=False)
    assert "xs-02 is left as it is" in str(asked.confirm)
    shown = slack.say("/xs skip 1 xs-01", as_="bob").wait(5)
    assert shown is not None
    assert "coordinator and cannot be skipped" in shown.plain
    shown = slack.say("/xs skip 1", as_="bob").wait(5)
    assert shown is not None
    assert "Which host?" in shown.plain
    assert "skips xs-02" in slack.click("Skip xs-02", as_="bob", message=call).text
    slack.wait_for(lambda: state(fresh) is State.SUCCEEDED, timeout=90)
    told = "2 hosts are updated"
    slack.wait_for(lambda: any(told in entry.plain for entry in slack.messages("xs-updates")), timeout=20)
    outcome = next(entry for entry in slack.messages("xs-updates") if told in entry.plain)
    assert "Skipped: xs-02" in outcome.plain
    assert any("bob skips xs-02" in entry.plain for entry in slack.thread(card))


def test_what_is_owed_for_a_day_is_asked_about_and_given_back_by_button(fresh: Stage) -> None:
    slack = fresh.slack
    alice = Actor("slack", "U0ALICE", "alice")
    fresh.service.rollouts.propose(ALIAS, Choices(), alice, "CHG-1234", "")
    fresh.service.rollouts.cancel(1, alice)
    # Somebody's rollout switched HA off long ago, and the pool has not let it be switched on since.
    gateway = fresh.service.gateways[ALIAS]
    original = ha_document(gateway.snapshot().pool.ha)
    fresh.pool.fault("ha_enable_fails", times=10_000)
    gateway._connection.effect("pool.disable_ha")
    now = fresh.time.now()
    with fresh.service.database.transaction() as tx:
        row = rollouts.get(tx, 1)
        debts.open_debt(tx, row.pool_uuid, Debt(DebtKind.HA, original=original), row.id, now - timedelta(hours=30))
    slack.wait_for(lambda: any("Restore now" in entry.buttons for entry in slack.messages("xs-updates")), timeout=30)
    asked = next(entry for entry in slack.messages("xs-updates") if "Restore now" in entry.buttons)
    assert "high availability (HA) is off" in asked.plain
    assert not asked.thread_ts, "it is asked in the channel, where everybody sees it"
    assert "You cannot" in slack.click("Restore now", as_="bob", message=asked).text
    fresh.pool.fault("ha_enable_fails", times=0)
    assert "now tries to restore" in slack.click("Restore now", as_="erin", message=asked).text

    def settled() -> bool:
        with fresh.service.database.reading() as tx:
            return debts.open_debts(tx, row.pool_uuid) == ()

    slack.wait_for(settled, timeout=30)
    assert gateway.snapshot().pool.ha.enabled
