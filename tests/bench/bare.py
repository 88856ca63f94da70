"""The process of the baseline: a Bolt app with Bolt's own defaults that does what Bolt's documentation shows, no more:
it acknowledges, and at a click on its one button it counts in the message."""

from __future__ import annotations

from typing import Any

from slack_bolt import Ack, App
from slack_bolt.adapter.socket_mode.websocket_client import SocketModeHandler
from slack_sdk import WebClient

from tests.bench.child import serve


class Bare:
    """The app of this process."""

    def __init__(self) -> None:
        self._client = WebClient()
        self._count = 0

    def connect(self, bot_token: str, app_token: str, base_url: str) -> None:
        """Connect it to its workspace."""
        client = self._client = WebClient(bot_token, base_url=base_url)
        client.proxy = None
        app = App(client=client)

        @app.command("/xs")
        def xs(ack: Ack) -> None:
            ack()

        @app.action("count")
        def count(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
            ack()
            self._count += 1
            client.chat_update(channel=body["channel"]["id"], ts=body["message"]["ts"], **self._message())

        SocketModeHandler(app, app_token).connect()  # type: ignore[no-untyped-call]

    def post(self, channel: str) -> None:
        """Post the message with the button."""
        self._client.chat_postMessage(channel=channel, **self._message())

    def _message(self) -> dict[str, Any]:
        told = f"Clicked {self._count} times."
        button = {"type": "button", "action_id": "count", "text": {"type": "plain_text", "text": "Count"}}
        section = {"type": "section", "text": {"type": "mrkdwn", "text": told}}
        return {"text": told, "blocks": [section, {"type": "actions", "elements": [button]}]}


if __name__ == "__main__":
    bare = Bare()
    serve({"connect": bare.connect, "post": bare.post})
