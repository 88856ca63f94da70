"""The card's Run checks again button."""

from __future__ import annotations

from slack_bolt import App

from bot.messages import card
from bot.messages.answers import checked
from commands.button import on_click
from commands.call import Call
from commands.context import Context


def _check(call: Call) -> None:
    rollout_id, _digest = card.parse_value(call.value)
    call.answer(checked(call.context.rollouts.check_again(rollout_id, call.actor)))


def register(app: App, context: Context) -> None:
    """The button; the card is redrawn with what the checks say now."""
    on_click(app, context, card.CHECK, _check)
