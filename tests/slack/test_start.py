"""How the bot begins while Slack is away, or does not know it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

import bot.app
from bot.app import Service
from bot.cli.stage import Stage
from bot.settings import SettingsError


@pytest.fixture
def stage() -> Iterator[Stage]:
    with Stage("single", 400, 0) as stage:
        stage.service.stop()
        stage.slack.wait_for(lambda: stage.slack.sockets.connections == 0)
        yield stage


@pytest.mark.failure("slack-away")
def test_a_bot_that_starts_while_slack_is_away_works_and_connects_later(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 9: a restart in the middle of an outage stops no rollout."""
    monkeypatch.setattr(bot.app, "_CONNECT_AGAIN_S", 0.1)
    stage.slack.fault("outage")
    stage.service = Service(stage.settings, time=stage.time, beat_s=0.5)
    stage.service.start()
    stage.slack.wait_for(stage.service.engine.lives)
    assert not stage.service.connected()

    stage.slack.clear_faults()
    stage.slack.wait_connected()
    answer = stage.slack.say("/xs pools", as_="dave").wait(5)
    assert answer is not None
    assert "lab" in answer.plain


@pytest.mark.parametrize(
    ("name", "token", "named"),
    [
        ("bot_token", "xoxb-lab-of-somebody-else", "SLACK_BOT_TOKEN"),
        ("app_token", "xapp-lab-of-somebody-else", "SLACK_APP_TOKEN"),
    ],
)
def test_a_token_that_slack_does_not_know_ends_the_start(stage: Stage, name: str, token: str, named: str) -> None:
    slack = stage.settings.slack.model_copy(update={name: SecretStr(token)})
    service = Service(stage.settings.model_copy(update={"slack": slack}), time=stage.time)
    with pytest.raises(SettingsError, match=f"Slack refuses {named}: invalid_auth"):
        service.start()
    assert service.engine.stop.is_set()
