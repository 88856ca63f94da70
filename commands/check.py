"""The card's Run checks again button."""

from __future__ import annotations

from typing import Any

from slack_bolt import Ack, App, Respond
from slack_sdk import WebClient

from bot.messages import card
from bot.messages.answers import checked
from commands.call import Call, clicked
from commands.context import Context


def _check(call: Call) -> None:
    rollout_id, _digest = card.parse_value(call.value)
    call.answer(checked(call.context.rollouts.check_again(rollout_id, call.actor)))


def register(app: App, context: Context) -> None:
    """The button; the card is redrawn with what the checks say now."""

    def check(ack: Ack, body: dict[str, Any], client: WebClient, respond: Respond) -> None:
        ack()
        call = clicked(context, body, client, respond)
        call.later(lambda: _check(call))

    app.action(card.CHECK)(check)
