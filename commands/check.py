"""/xs check <id>, and the card's Run checks again button."""

from __future__ import annotations

from slack_bolt import App

from bot.messages import card
from bot.messages.answers import checked
from commands.button import on_click
from commands.call import Call
from commands.context import Context
from commands.verb import Verb


def run(call: Call) -> None:
    """Run the checks of a request again."""
    _check(call, call.rollout())


def _check(call: Call, rollout_id: int) -> None:
    call.answer(checked(call.context.rollouts.check_again(rollout_id, call.actor)))


VERB = Verb(
    "check",
    "/xs check <id>",
    "Runs the checks of a request that has not started again; its card shows them.",
    "viewer",
    run,
    examples=("/xs check 42",),
)


def register(app: App, context: Context) -> None:
    """The button; the card is redrawn with what the checks say now."""
    on_click(app, context, card.CHECK, lambda call: _check(call, card.parse_value(call.value)[0]))
