"""/xs restore <pool>, and the Restore now button of a question about what is owed."""

from __future__ import annotations

from slack_bolt import App

from bot.messages.answers import restoring
from bot.messages.debts import RESTORE
from commands.button import on_click
from commands.call import Call
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
    on_click(app, context, RESTORE, lambda call: _restore(call, call.value))
