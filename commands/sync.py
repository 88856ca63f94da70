"""/xs sync <pool>, and the notice's Sync button."""

from __future__ import annotations

from slack_bolt import App

from bot.messages import notice
from bot.messages.answers import sync_started
from commands.button import on_click
from commands.call import Call
from commands.context import Context
from commands.verb import Verb


def run(call: Call) -> None:
    """Have a pool ask its update channel what is new."""
    _sync(call, call.pool())


def _sync(call: Call, alias: str) -> None:
    call.context.rollouts.sync(alias, call.actor)
    call.answer(sync_started(alias))


VERB = Verb(
    "sync",
    "/xs sync <pool>",
    "Has the pool ask its update channel what is new. Installs nothing.",
    "admin",
    run,
    examples=("/xs sync lab",),
)


def register(app: App, context: Context) -> None:
    """The notice's Sync button."""
    on_click(app, context, notice.SYNC, lambda call: _sync(call, call.value))
