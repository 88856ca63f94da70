"""/xs pause <id>, and the Pause button of the progress message."""

from __future__ import annotations

from slack_bolt import App

from bot.messages import progress
from bot.messages.answers import paused
from commands.button import on_click
from commands.call import Call
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
    on_click(app, context, progress.PAUSE, lambda call: _pause(call, int(call.value)))
