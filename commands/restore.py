"""/xs restore <pool>, and the Restore now button of a question about what is owed."""

from __future__ import annotations

from typing import Any

from slack_bolt import Ack, App, Respond
from slack_sdk import WebClient

from bot.messages.answers import restoring
from bot.messages.debts import RESTORE
from commands.call import Call, clicked
from commands.context import Context
from commands.verb import Verb


def run(call: Call) -> None:
    """Restore now what is owed to a pool."""
    _restore(call, call.pool())


def _restore(call: Call, alias: str) -> None:
    call.context.rollouts.restore(alias, call.actor)
    owed = next(entry.debts for entry in call.context.rollouts.pools() if entry.alias == alias)
    call.answer(restoring(alias, owed))


VERB = Verb(
    "restore",
    "/xs restore <pool>",
    "Gives back now what rollouts switched off or moved.",
    "admin",
    run,
    examples=("/xs restore lab",),
)


def register(app: App, context: Context) -> None:
    """The Restore now button."""

    def restore(ack: Ack, body: dict[str, Any], client: WebClient, respond: Respond) -> None:
        ack()
        call = clicked(context, body, client, respond)
        call.later(lambda: _restore(call, call.value))

    app.action(RESTORE)(restore)
