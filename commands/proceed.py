"""/xs proceed <id>, and the Go on anyway button of a call for attention after a host's turn."""

from __future__ import annotations

import re
from typing import Any

from slack_bolt import Ack, App, Respond
from slack_sdk import WebClient

from bot.messages import attention
from bot.messages.answers import retrying
from commands.call import Call, clicked
from commands.context import Context
from commands.verb import Verb


def run(call: Call) -> None:
    """Accept a host as it is after its turn."""
    _proceed(call, call.rollout())


def _proceed(call: Call, rollout_id: int, host: str = "") -> None:
    call.answer(retrying(call.context.rollouts.proceed(rollout_id, call.actor, host)))


VERB = Verb(
    "proceed",
    "/xs proceed <id>",
    "Lets a rollout go on although a host is not as well as before its turn.",
    "approver",
    run,
    examples=("/xs proceed 42",),
)


def register(app: App, context: Context) -> None:
    """The Go on anyway button; which host it means is part of the button's own name."""

    def proceed(ack: Ack, body: dict[str, Any], client: WebClient, respond: Respond) -> None:
        ack()
        call = clicked(context, body, client, respond)
        host = str(body["actions"][0]["action_id"]).removeprefix(attention.PROCEED)
        call.later(lambda: _proceed(call, int(call.value), host))

    app.action(re.compile(f"^{re.escape(attention.PROCEED)}"))(proceed)
