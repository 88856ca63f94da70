"""/xs sync <pool>, and the notice's Sync button."""

from __future__ import annotations

from typing import Any

from slack_bolt import Ack, App, Respond
from slack_sdk import WebClient

from bot.messages import notice
from bot.messages.answers import sync_started
from commands.call import Call, clicked
from commands.context import Context
from commands.verb import Verb


def run(call: Call) -> None:
    """Have a pool ask its update channel what is new."""
    _sync(call, call.pool())


def _sync(call: Call, alias: str) -> None:
    call.context.rollouts.sync(alias, call.actor)
    call.answer(sync_started(alias))


VERB = Verb(
    "sync",
    "/xs sync <pool>",
    "Has the pool ask its update channel what is new. Installs nothing.",
    "admin",
    run,
    examples=("/xs sync lab",),
)


def register(app: App, context: Context) -> None:
    """The notice's Sync button."""

    def sync(ack: Ack, body: dict[str, Any], client: WebClient, respond: Respond) -> None:
        ack()
        call = clicked(context, body, client, respond)
        call.later(lambda: _sync(call, call.value))

    app.action(notice.SYNC)(sync)
