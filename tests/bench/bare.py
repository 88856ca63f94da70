"""The process of the baseline: a Bolt app with Bolt's own defaults that acknowledges and does nothing else."""

from __future__ import annotations

from slack_bolt import Ack, App
from slack_bolt.adapter.socket_mode.websocket_client import SocketModeHandler
from slack_sdk import WebClient

from tests.bench.child import serve


def connect(bot_token: str, app_token: str, base_url: str) -> None:
    """Connect it to its workspace."""
    client = WebClient(bot_token, base_url=base_url)
    client.proxy = None
    app = App(client=client)

    @app.command("/xs")
    def xs(ack: Ack) -> None:
        ack()

    SocketModeHandler(app, app_token).connect()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    serve({"connect": connect})
