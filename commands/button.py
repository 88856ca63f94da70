"""Attaching a button or a menu: acknowledged at once, then done."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from slack_bolt import Ack, App, Respond
from slack_sdk import WebClient

from commands.call import Call, clicked
from commands.context import Context


def on_click(
    app: App, context: Context, action: str | re.Pattern[str], do: Callable[[Call], None], *, opens: bool = False
) -> None:
    """Do that at each click on what has this action id (or one that fits); what goes wrong is told privately.

    `opens`: it opens a dialog, which must happen here and now, because the trigger lives three seconds. Everything
    else is done in the background.
    """

    def click(ack: Ack, body: dict[str, Any], client: WebClient, respond: Respond) -> None:
        ack()
        call = clicked(context, body, client, respond)
        if opens:
            call.answering(lambda: do(call))
        else:
            call.later(lambda: do(call))

    app.action(action)(click)


def begins(action: str) -> re.Pattern[str]:
    """Fits the action ids that begin so; the rest says which of several things is meant."""
    return re.compile(f"^{re.escape(action)}")
