"""/xs resume <id>, and the Resume button of the progress message."""

from __future__ import annotations

from slack_bolt import App

from bot.messages import progress
from bot.messages.answers import retrying
from commands.button import on_click
from commands.call import Call
from commands.context import Context
from commands.verb import Verb


def run(call: Call) -> None:
    """Let a paused rollout go on."""
    _resume(call, call.rollout())


def _resume(call: Call, rollout_id: int) -> None:
    call.answer(retrying(call.context.rollouts.resume(rollout_id, call.actor)))


VERB = Verb(
    "resume",
    "/xs resume <id>",
    "Lets a paused rollout go on.",
    "approver",
    run,
    examples=("/xs resume 42",),
)


def register(app: App, context: Context) -> None:
    """The Resume button."""
    on_click(app, context, progress.RESUME, lambda call: _resume(call, int(call.value)))
