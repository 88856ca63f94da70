"""The Web API: tokens, scopes, codes, rates, faults."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.lab.slack import LabError, LabSlack
from bot.lab.slack.web_api import SCOPES
from tests.lab_slack.conftest import Bot

WHERE = "C0UPDATES"


@pytest.fixture
def client(slack: LabSlack) -> WebClient:
    return speaking(slack, slack.bot_token)


def speaking(slack: LabSlack, token: str) -> WebClient:
    client = WebClient(token, base_url=slack.api_url)
    client.proxy = None
    return client


def code(call: Callable[[], Any]) -> str:
    with pytest.raises(SlackApiError) as caught:
        call()
    return str(caught.value.response["error"])


def test_tokens_are_told_apart(slack: LabSlack, client: WebClient) -> None:
    assert client.auth_test()["user_id"] == "U0XSBOT"
    assert code(speaking(slack, "xoxb-lab-other").auth_test) == "invalid_auth"
    assert code(speaking(slack, slack.app_token).auth_test) == "not_allowed_token_type"
    swapped = speaking(slack, slack.bot_token)
    assert code(lambda: swapped.apps_connections_open(app_token=slack.bot_token)) == "not_allowed_token_type"
    assert httpx.post(slack.api_url + "auth.test").json() == {"ok": False, "error": "not_authed"}


def test_a_real_token_is_refused_with_a_warning(slack: LabSlack) -> None:
    real = "-".join(("xoxb", "123456789012", "123456789012", "abcdefghijkl"))
    with pytest.raises(SlackApiError) as caught:
        speaking(slack, real).auth_test()
    assert "token of a real Slack workspace" in str(caught.value.response["response_metadata"])
    assert real not in str(slack.api_calls)
    with pytest.raises(LabError, match="this is the lab"):
        LabSlack.start(bot_token=real)


def test_scopes_are_shown_and_enforced(slack: LabSlack, client: WebClient) -> None:
    headers = client.auth_test().headers
    assert set(headers["x-oauth-scopes"].split(",")) >= set(SCOPES.values())

    slack.scopes.remove("usergroups:read")

    with pytest.raises(SlackApiError) as caught:
        client.usergroups_list()
    assert caught.value.response["error"] == "missing_scope"
    assert caught.value.response["needed"] == "usergroups:read"


def test_places_and_messages_that_are_not_there(slack: LabSlack, client: WebClient) -> None:
    slack.say("mine", as_="alice")
    theirs = slack.messages()[0].ts

    assert code(lambda: client.chat_postMessage(channel="C0NOWHERE", text="x")) == "channel_not_found"
    assert code(lambda: client.chat_postMessage(channel="#random", text="x")) == "not_in_channel"
    assert code(lambda: client.chat_update(channel=WHERE, ts="1.000000", text="x")) == "message_not_found"
    assert code(lambda: client.chat_update(channel=WHERE, ts=theirs, text="x")) == "cant_update_message"
    assert code(lambda: client.chat_delete(channel=WHERE, ts=theirs)) == "cant_delete_message"
    assert code(lambda: client.chat_postEphemeral(channel=WHERE, user="U0NOBODY", text="x")) == ("user_not_found")
    assert code(lambda: client.users_info(user="U0NOBODY")) == "user_not_found"
    assert code(lambda: client.api_call("nothing.here")) == "unknown_method"


def test_threads_links_pins_and_direct_messages(slack: LabSlack, client: WebClient) -> None:
    parent = client.chat_postMessage(channel="xs-updates", text="card")["ts"]
    client.chat_postMessage(channel=WHERE, thread_ts=parent, text="host 1 done")
    client.chat_postMessage(channel=WHERE, thread_ts=parent, text="finished", reply_broadcast=True)
    client.pins_add(channel=WHERE, timestamp=parent)
    client.reactions_add(channel=WHERE, timestamp=parent, name="eyes")
    link = client.chat_getPermalink(channel=WHERE, message_ts=parent)["permalink"]
    direct = client.conversations_open(users="U0ALICE")["channel"]["id"]
    client.chat_postMessage(channel=direct, text="privately")

    assert [m.text for m in slack.messages()] == ["card", "finished"]
    assert [m.text for m in slack.thread(parent)] == ["host 1 done", "finished"]
    assert [m.text for m in slack.messages("D0ALICE")] == ["privately"]
    assert link == f"{slack.url}/archives/C0UPDATES/p{parent.replace('.', '')}"
    assert code(lambda: client.pins_add(channel=WHERE, timestamp=parent)) == "already_pinned"
    assert code(lambda: client.chat_postMessage(channel=WHERE, text="x", thread_ts="1.000000")) == (
        "cannot_reply_to_message"
    )


def test_groups_can_change_under_the_app(slack: LabSlack, client: WebClient) -> None:
    assert client.usergroups_users_list(usergroup="S0APPROVERS")["users"] == ["U0BOB", "U0CAROL"]

    slack.remove_from_group("xs-approvers", "carol")
    slack.add_to_group("xs-approvers", "erin")

    assert client.usergroups_users_list(usergroup="S0APPROVERS")["users"] == ["U0BOB", "U0ERIN"]
    handles = [group["handle"] for group in client.usergroups_list(include_users=True)["usergroups"]]
    assert handles == ["xs-requesters", "xs-approvers", "xs-admins"]
    assert code(lambda: client.usergroups_users_list(usergroup="S0NONE")) == "no_such_subteam"
    slack.fault("plan_upgrade_required")
    assert code(client.usergroups_list) == "plan_upgrade_required"


def test_a_file_is_uploaded_in_three_steps(slack: LabSlack, client: WebClient) -> None:
    client.files_upload_v2(
        file=io.BytesIO(b"a,b\n1,2\n"), filename="audit.csv", channel=WHERE, initial_comment="The audit"
    )

    message = slack.messages()[0]
    assert message.plain == "The audit\naudit.csv"
    assert httpx.get(message.post.files[0]["url_private"]).content == b"a,b\n1,2\n"


def test_rates_are_enforced_when_asked(slack: LabSlack, client: WebClient) -> None:
    slack.enforce_rate_limits = True

    for _ in range(5):
        client.chat_postMessage(channel=WHERE, text="x")
    with pytest.raises(SlackApiError) as caught:
        client.chat_postMessage(channel=WHERE, text="x")

    assert caught.value.response.status_code == 429
    assert int(caught.value.response.headers["Retry-After"]) >= 1
    assert len(slack.messages()) == 5
    client.chat_postMessage(channel="C0AUDIT", text="another channel has its own allowance")


def test_updates_are_fifty_a_minute(slack: LabSlack, client: WebClient) -> None:
    slack.enforce_rate_limits = True
    ts = client.chat_postMessage(channel=WHERE, text="x")["ts"]

    def burst() -> None:
        for n in range(60):
            client.chat_update(channel=WHERE, ts=ts, text=f"{n}")

    assert code(burst) == "ratelimited"
    assert 50 <= sum(1 for method, _ in slack.api_calls if method == "chat.update") <= 53


def test_named_faults(slack: LabSlack, client: WebClient) -> None:
    slack.fault("ratelimited", method="chat.postMessage", times=1, seconds=7)
    with pytest.raises(SlackApiError) as caught:
        client.chat_postMessage(channel=WHERE, text="x")
    assert caught.value.response.headers["Retry-After"] == "7"
    slack.fault("error:internal_error", method="chat.postMessage")
    assert code(lambda: client.chat_postMessage(channel=WHERE, text="x")) == "internal_error"
    slack.fault("lost_reply", method="chat.postMessage")
    lost = httpx.post(
        slack.api_url + "chat.postMessage",
        json={"channel": WHERE, "text": "sent all the same"},
        headers={"authorization": f"Bearer {slack.bot_token}"},
    )
    assert lost.status_code == 502
    assert [m.text for m in slack.messages()] == ["sent all the same"]
    with pytest.raises(LabError, match="There is no fault 'flood'"):
        slack.fault("flood")


def test_an_outage_ends_and_the_app_comes_back(slack: LabSlack, bot: Bot) -> None:
    slack.fault("outage")
    slack.wait_for(lambda: slack.sockets.connections == 0)
    assert slack.say("/xs ack").error == "dispatch_failed"
    assert httpx.post(slack.api_url + "auth.test").status_code == 503

    slack.clear_faults()

    slack.wait_connected()
    assert slack.say("/xs ack").text == "said in the acknowledgement"


@pytest.mark.parametrize("fault", ["disconnect", "disconnect_abrupt"])
def test_the_app_survives_a_disconnect(slack: LabSlack, bot: Bot, fault: str) -> None:
    opened = sum(1 for method, _ in slack.api_calls if method == "apps.connections.open")

    slack.fault(fault)

    slack.wait_for(
        lambda: (
            sum(1 for method, _ in slack.api_calls if method == "apps.connections.open") > opened
            and slack.sockets.connections == 1
        )
    )
    assert slack.say("/xs ack").text == "said in the acknowledgement"


def test_other_host_names_are_refused(slack: LabSlack) -> None:
    assert httpx.get(slack.url, headers={"host": "evil.example"}).status_code == 400


def test_a_taken_port_is_survived(slack: LabSlack) -> None:
    with LabSlack.start(port=slack.port) as second:
        assert second.port_taken
        assert second.port != slack.port
        assert httpx.get(second.url).status_code == 200


def test_reset_empties_the_workspace(slack: LabSlack, client: WebClient) -> None:
    client.chat_postMessage(channel=WHERE, text="x")
    slack.remove_from_group("xs-approvers", "bob")

    slack.reset()

    assert slack.messages() == []
    assert client.usergroups_users_list(usergroup="S0APPROVERS")["users"] == ["U0BOB", "U0CAROL"]
