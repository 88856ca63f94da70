"""/xs pause <id>, and the Pause button of the progress message."""

from __future__ import annotations

from typing import Any

from slack_bolt import Ack, App, Respond
from slack_sdk import WebClient

from bot.messages import progress
from bot.messages.answers import paused
from commands.call import Call, clicked
from commands.context import Context
from commands.verb import Verb


def run(call: Call) -> None:
    """Stop a rollout at its next safe point."""
    _pause(call, call.rollout())


def _pause(call: Call, rollout_id: int) -> None:
    call.answer(paused(call.context.rollouts.pause(rollout_id, call.actor)))


VERB = Verb(
    "pause",
    "/xs pause <id>",
    "Stops a rollout at its next safe point.",
    "approver",
    run,
    examples=("/xs pause 42",),
)


def register(app: App, context: Context) -> None:
    """The Pause button."""

    def pause(ack: Ack, body: dict[str, Any], client: WebClient, respond: Respond) -> None:
        ack()
        call = clicked(context, body, client, respond)
        call.later(lambda: _pause(call, int(call.value)))

    app.action(progress.PAUSE)(pause)
