"""A small real Bolt app on the lab's Slack, over Socket Mode."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from slack_bolt import Ack, App, Respond
from slack_bolt.adapter.socket_mode.builtin import SocketModeHandler
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.lab.slack import LabSlack
from tests.lab_slack.closing import close_handler

Json = dict[str, Any]


def text(words: str) -> Json:
    return {"type": "plain_text", "text": words}


def card(state: str = "open") -> list[Json]:
    """A card with an Approve button that asks for confirmation, and a menu."""
    confirm = {
        "title": text("Approve?"),
        "text": text("Three hosts will reboot."),
        "confirm": text("Approve"),
        "deny": text("Not yet"),
    }
    approve = {
        "type": "button",
        "action_id": "approve",
        "text": text("Approve"),
        "value": "42",
        "style": "primary",
        "confirm": confirm,
    }
    menu = {
        "type": "overflow",
        "action_id": "more",
        "options": [{"text": text("Details"), "value": "details"}],
    }
    blocks: list[Json] = [
        {
            "type": "section",
            "block_id": "what",
            "text": {"type": "mrkdwn", "text": f"Update *lab* for <@U0ALICE>: {state}"},
        }
    ]
    if state == "open":
        blocks.append({"type": "actions", "block_id": "act", "elements": [approve, menu]})
    return blocks


def form() -> Json:
    """A modal with a reason, a rule to pick and a switch that tells the app at once."""
    return {
        "type": "modal",
        "callback_id": "form",
        "title": text("Reject"),
        "submit": text("Send"),
        "notify_on_close": True,
        "blocks": [
            {
                "type": "input",
                "block_id": "reason",
                "label": text("Reason"),
                "element": {"type": "plain_text_input", "action_id": "why", "max_length": 40},
            },
            {
                "type": "input",
                "block_id": "rule",
                "dispatch_action": True,
                "label": text("Rule"),
                "element": {
                    "type": "static_select",
                    "action_id": "rule_is",
                    "options": [
                        {"text": text("Refuse"), "value": "refuse"},
                        {"text": text("Suspend"), "value": "suspend"},
                    ],
                    "initial_option": {"text": text("Refuse"), "value": "refuse"},
                },
            },
        ],
    }


class Bot:
    """The app under the lab: what it saw, and the client it speaks with."""

    def __init__(self, slack: LabSlack) -> None:
        self.seen: list[Json] = []
        self.codes: list[str] = []
        self.app = App(client=WebClient(slack.bot_token, base_url=slack.api_url))
        self.client: WebClient = self.app.client
        self.client.proxy = None
        self._listen(self.app)
        self._slack = slack
        # Untyped in Bolt, hence Any.
        handler: Any = SocketModeHandler(self.app, slack.app_token, ping_interval=1)
        # The socket's client reads HTTPS_PROXY and ignores NO_PROXY; the lab is on loopback.
        handler.client.proxy = None
        handler.connect()
        self.handler = handler

    def close(self) -> None:
        close_handler(self._slack, self.handler)
        self.app.listener_runner.listener_executor.shutdown()

    def refused(self, call: Callable[[], Any]) -> Json:
        """The body of the refusal that `call` meets."""
        with pytest.raises(SlackApiError) as caught:
            call()
        data = caught.value.response.data
        assert isinstance(data, dict)
        return data

    def _listen(self, app: App) -> None:
        @app.command("/xs")
        def command(ack: Ack, body: Json, respond: Respond, client: WebClient) -> None:
            self.seen.append(body)
            verb = body["text"].split()[0] if body["text"] else ""
            if verb == "silent":
                return
            if verb == "ack":
                ack("said in the acknowledgement")
                return
            ack()
            if verb == "update":
                client.chat_postMessage(channel=body["channel_id"], text="Update lab", blocks=card())
            elif verb == "form":
                client.views_open(trigger_id=body["trigger_id"], view=form())
                try:
                    client.views_open(trigger_id=body["trigger_id"], view=form())
                except SlackApiError as error:
                    self.codes.append(error.response["error"])
            elif verb == "late":
                time.sleep(3.2)
                try:
                    client.views_open(trigger_id=body["trigger_id"], view=form())
                except SlackApiError as error:
                    self.codes.append(error.response["error"])
            elif verb == "many":
                answers = [respond(f"line {n}").status_code for n in range(6)]
                self.codes.append(str(answers))
            else:
                respond(f"unknown command {verb}")

        @app.action("approve")
        def approve(ack: Ack, body: Json, client: WebClient) -> None:
            ack()
            self.seen.append(body)
            if body["user"]["name"] == "dave":
                client.chat_postEphemeral(
                    channel=body["channel"]["id"], user=body["user"]["id"], text="You may not approve."
                )
                return
            client.chat_update(
                channel=body["channel"]["id"],
                ts=body["message"]["ts"],
                text="Update lab: approved",
                blocks=card("approved"),
            )

        @app.action("more")
        def more(ack: Ack, body: Json, respond: Respond) -> None:
            ack()
            self.seen.append(body)
            respond("the details", replace_original=False)

        @app.action("rule_is")
        def rule(ack: Ack, body: Json, client: WebClient) -> None:
            ack()
            self.seen.append(body)
            view = form()
            chosen = body["actions"][0]["selected_option"]["value"]
            view["blocks"].append({"type": "section", "text": text(f"VMs will be handled: {chosen}")})
            client.views_update(view_id=body["view"]["id"], hash=body["view"]["hash"], view=view)

        @app.view("form")
        def submitted(ack: Ack, body: Json) -> None:
            self.seen.append(body)
            why = body["view"]["state"]["values"]["reason"]["why"]["value"]
            if len(why) < 5:
                ack(response_action="errors", errors={"reason": "Say a little more."})
            elif why == "update me":
                ack(response_action="update", view=form() | {"title": text("Done")})
            elif why == "push me":
                ack(response_action="push", view=form() | {"title": text("Second")})
            else:
                ack()

        @app.view_closed("form")
        def closed(ack: Ack, body: Json) -> None:
            ack()
            self.seen.append(body)

        @app.event("app_home_opened")
        def home(event: Json, client: WebClient) -> None:
            view = {"type": "home", "blocks": [{"type": "header", "text": text("Pools")}]}
            client.views_publish(user_id=event["user"], view=view)


@pytest.fixture
def slack() -> Iterator[LabSlack]:
    before = set(threading.enumerate())
    with LabSlack.start(hints=[("/xs update <pool>", "ask for an update")]) as lab:
        yield lab
    left = [t.name for t in set(threading.enumerate()) - before if t.name.startswith("lab-slack")]
    assert not left


@pytest.fixture
def bot(slack: LabSlack) -> Iterator[Bot]:
    bot = Bot(slack)
    slack.wait_connected()
    yield bot
    bot.close()
