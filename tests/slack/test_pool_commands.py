"""What admins may do to a pool outside a rollout."""

from __future__ import annotations

from bot.cli.stage import Stage
from tests.slack.conftest import request_update


def test_sync_is_started_answered_and_audited(fresh: Stage) -> None:
    slack = fresh.slack
    shown = slack.say("/xs sync lab", as_="erin").wait(5)
    assert shown is not None
    assert "asking its update channel" in shown.plain
    slack.wait_for(lambda: any("pool.synced" in entry.plain for entry in slack.messages("xs-audit")), timeout=30)


def test_no_sync_while_a_rollout_waits(fresh: Stage) -> None:
    slack = fresh.slack
    request_update(slack)
    shown = slack.say("/xs sync lab", as_="erin").wait(5)
    assert shown is not None
    assert "Rollout 1 holds pool lab" in shown.plain


def test_restore_says_that_nothing_is_owed(fresh: Stage) -> None:
    shown = fresh.slack.say("/xs restore", as_="erin").wait(5)
    assert shown is not None
    assert "Nothing is left to restore" in shown.plain
