"""The card's Change… and Ask again… buttons, which open the form with what was asked for, and its Cancel button."""

from __future__ import annotations

from typing import Any

from slack_bolt import Ack, App, Respond
from slack_sdk import WebClient

from bot.errors import XsbotError
from bot.messages import card, modal
from bot.messages.answers import aborting
from bot.messages.language import _
from bot.rollout.proposal import choices_of
from bot.rollouts import Replaced
from commands import update
from commands.call import Call, clicked
from commands.context import Context


def _change(call: Call) -> None:
    rollout_id, digest = card.parse_value(call.value)
    rollouts = call.context.rollouts
    alias = rollouts.standing(rollout_id).row.pool_alias

    def form() -> Any:
        try:
            earlier = rollouts.may_replace(rollout_id, digest, call.actor)
        except XsbotError:
            # A refused click means that the card may look older than things are.
            rollouts.redraw(rollout_id, digest)
            raise
        return update.form(call, alias, choices_of(earlier.spec), Replaced(rollout_id, digest))

    call.open(modal.update_title(alias), _("Looking at the pool, with what was asked for."), form)


def _cancel(call: Call) -> None:
    rollout_id, digest = card.parse_value(call.value)
    rollouts = call.context.rollouts
    try:
        call.answer(aborting(rollouts.cancel(rollout_id, call.actor)))
    except XsbotError:
        rollouts.redraw(rollout_id, digest)
        raise


def register(app: App, context: Context) -> None:
    """The buttons."""

    def change(ack: Ack, body: dict[str, Any], client: WebClient, respond: Respond) -> None:
        ack()
        call = clicked(context, body, client, respond)
        call.answering(lambda: _change(call))

    def cancel(ack: Ack, body: dict[str, Any], client: WebClient, respond: Respond) -> None:
        ack()
        call = clicked(context, body, client, respond)
        call.later(lambda: _cancel(call))

    app.action(card.CHANGE)(change)
    app.action(card.CANCEL)(cancel)
