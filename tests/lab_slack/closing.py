"""Closing Bolt's Socket Mode handler without its three idle seconds."""

from __future__ import annotations

from typing import Any

from bot.lab.slack import LabSlack


def close_handler(slack: LabSlack, handler: Any) -> None:
    """Close a built-in `SocketModeHandler` quickly and completely.

    Its own `close()` waits for a receive of up to 3 s and for a queue read of 1 s. Here the server hangs up first,
    and the queue gets something to read.
    """
    client = handler.client
    client.auto_reconnect_enabled = False
    client.default_auto_reconnect_enabled = False
    slack.fault("disconnect_abrupt")
    slack.wait_for(lambda: not client.is_connected())
    client.message_processor.event.set()
    client.enqueue_message("")
    handler.close()
