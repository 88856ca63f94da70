"""/xs retry <id>, and the Retry button of a call for attention."""

from __future__ import annotations

from slack_bolt import App

from bot.messages import attention
from bot.messages.answers import retrying
from commands.button import on_click
from commands.call import Call
from commands.context import Context
from commands.verb import Verb


def run(call: Call) -> None:
    """Let a rollout that needed attention go on."""
    _retry(call, call.rollout())


def _retry(call: Call, rollout_id: int) -> None:
    call.answer(retrying(call.context.rollouts.retry(rollout_id, call.actor)))


VERB = Verb(
    "retry",
    "/xs retry <id>",
    "Lets a rollout that needs attention go on.",
    "approver",
    run,
    examples=("/xs retry 42",),
)


def register(app: App, context: Context) -> None:
    """The Retry button."""
    on_click(app, context, attention.RETRY, lambda call: _retry(call, int(call.value)))
