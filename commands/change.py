"""The card's Change… and Ask again… buttons, which open the form with what was asked for, and its Cancel button."""

from __future__ import annotations

from dataclasses import replace

from slack_bolt import App

from bot.errors import XsbotError
from bot.messages import card, modal
from bot.messages.answers import aborting
from bot.messages.blocks import View
from bot.messages.language import _
from bot.rollout.proposal import choices_of
from bot.rollouts import Replaced
from commands import update
from commands.button import on_click
from commands.call import Call
from commands.context import Context


def _change(call: Call) -> None:
    rollout_id, digest = card.parse_value(call.value)
    rollouts = call.context.rollouts
    alias = rollouts.standing(rollout_id).row.pool_alias

    def form() -> View:
        try:
            earlier = rollouts.may_replace(rollout_id, digest, call.actor)
        except XsbotError:
            # A refused click means that the card may look older than things are.
            rollouts.redraw(rollout_id, digest)
            raise
        choices = choices_of(earlier.spec)
        if choices.start_at is not None and choices.start_at <= call.context.time.now():
            choices = replace(choices, start_at=None)
        return update.form(call, alias, choices, Replaced(rollout_id, digest))

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
    on_click(app, context, card.CHANGE, _change, opens=True)
    on_click(app, context, card.CANCEL, _cancel)
