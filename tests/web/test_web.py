"""Slack over HTTP, health, readiness and metrics, asked over real HTTP."""

from __future__ import annotations

import re
import socket
import time

import pytest

from bot.app import Service
from bot.cli.stage import ALIAS, Stage
from bot.settings import SettingsError
from bot.settings.sections import WebSettings
from tests.web.conftest import House, over_http


def figure(text: str, name: str) -> float | None:
    """One figure of the text format."""
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, flags=re.MULTILINE)
    return float(found[1]) if found else None


def test_a_signed_command_is_acknowledged_and_answered(house: House) -> None:
    answer = house.command("help")
    assert answer.status_code == 200
    assert "/xs update" in house.mailbox.wait()


@pytest.mark.failure("forged-request")
def test_a_request_that_is_not_from_slack_goes_nowhere(house: House) -> None:
    assert house.command("help", secret="guessed").status_code == 401
    assert house.command("help", at=time.time() - 600).status_code == 401, "an old one may have been recorded"
    assert house.client.post(f"{house.url}/slack/events", content="command=/xs").status_code == 401
    assert house.mailbox.letters == []


def test_a_request_beyond_any_size_of_slacks_is_refused(house: House) -> None:
    assert house.client.post(f"{house.url}/slack/events", content=b"x" * 2_000_000).status_code == 413
    assert house.client.post(f"{house.url}/slack/events", content=b"\xff").status_code == 400
    assert house.client.get(f"{house.url}/slack/events").status_code == 405


def test_healthy_and_ready(house: House) -> None:
    assert house.get("/healthz").text == "ok\n"
    answer = house.get("/readyz")
    assert (answer.status_code, answer.json()) == (
        200,
        {"ready": True, "database": True, "engine": True, "slack": True},
    )


def test_metrics_tell_what_happens(house: House) -> None:
    house.command("help")
    house.mailbox.wait()
    text = house.get("/metrics").text
    assert figure(text, "xsbot_database_up") == 1
    assert figure(text, 'xsbot_rollouts{state="running"}') == 0
    assert (figure(text, "xsbot_slack_ack_seconds_count") or 0) >= 1
    assert (figure(text, 'xsbot_xapi_call_seconds_count{method="session.login_with_password"}') or 0) >= 1
    assert figure(text, "xsbot_outbox_depth") is not None
    assert figure(text, "xsbot_turn_seconds_count") == 0
    polled = figure(text, f'xsbot_pool_last_poll_timestamp_seconds{{pool="{ALIAS}"}}')
    assert polled is not None
    assert abs(polled - house.service.time.now().timestamp()) < 3600
    assert "# TYPE xsbot_turn_seconds histogram" in text


def test_refused_calls_are_counted_by_pool_and_code(house: House) -> None:
    house.service.measures.call(ALIAS, "pool.get_all", 0.2, "HOST_IS_SLAVE")
    text = house.get("/metrics").text
    assert figure(text, f'xsbot_xapi_errors_total{{code="HOST_IS_SLAVE",pool="{ALIAS}"}}') == 1


@pytest.mark.failure("slack-away")
def test_not_ready_while_slack_is_away_and_ready_again(house: House) -> None:
    house.service._slack_answers._asked_at = 0.0
    house.slack.fault("outage")
    try:
        answer = house.get("/readyz")
        assert (answer.status_code, answer.json()["slack"]) == (503, False)
        assert house.get("/healthz").status_code == 200, "nobody is to be restarted for that"
    finally:
        house.slack.clear_faults()
    house.service._slack_answers._asked_at = 0.0
    assert house.get("/readyz").status_code == 200


@pytest.mark.failure("port-taken")
def test_a_taken_port_is_said_before_anything_begins(house: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = house.service.settings.model_copy(update={"web": WebSettings(port=taken.getsockname()[1])})
        service = Service(settings)
        with pytest.raises(SettingsError, match="cannot listen"):
            service.start()
        service.stop()


def test_http_needs_its_secret_and_its_port(house: House) -> None:
    settings = over_http(house.service.settings)
    with pytest.raises(SettingsError, match=r"web\.port is missing"):
        settings.model_copy(update={"web": WebSettings()}).require_slack()
    unsigned = settings.slack.model_copy(update={"signing_secret": settings.slack.app_token})
    with pytest.raises(SettingsError, match="signing secret"):
        settings.model_copy(update={"slack": unsigned}).require_slack()


def test_with_socket_mode_readiness_follows_the_socket() -> None:
    """The same server beside Socket Mode: no route for Slack, and the connection as it is."""
    with Stage("single", 400, 0) as stage:
        stage.service.stop()
        settings = stage.settings.model_copy(update={"web": WebSettings(port=0)})
        stage.service = Service(settings, time=stage.time, beat_s=0.5)
        stage.service.start()
        stage.slack.wait_connected(timeout=30)
        assert stage.service.web is not None
        house = House(stage.service, stage.slack, stage.pool, None)  # type: ignore[arg-type]
        try:
            stage.slack.wait_for(lambda: house.get("/readyz").status_code == 200, timeout=20)
            assert house.client.post(f"{house.url}/slack/events").status_code == 404
            stage.service._hang_up()
            answer = house.get("/readyz")
            assert (answer.status_code, answer.json()["slack"]) == (503, False)
        finally:
            house.client.close()
