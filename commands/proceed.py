"""/xs proceed <id>, and the Go on anyway button of a call for attention after a host's turn."""

from __future__ import annotations

from slack_bolt import App

from bot.messages import attention
from bot.messages.answers import retrying
from commands.button import begins, on_click
from commands.call import Call
from commands.context import Context
from commands.verb import Verb


def run(call: Call) -> None:
    """Accept a host as it is after its turn."""
    _proceed(call, call.rollout())


def _proceed(call: Call, rollout_id: int, host: str = "") -> None:
    call.answer(retrying(call.context.rollouts.proceed(rollout_id, call.actor, host)))


VERB = Verb(
    "proceed",
    "/xs proceed <id>",
    "Lets a rollout go on although a host is not as well as before its turn.",
    "approver",
    run,
    examples=("/xs proceed 42",),
)


def register(app: App, context: Context) -> None:
    """The Go on anyway button; which host it means is part of the button's own name."""

    def click(call: Call) -> None:
        _proceed(call, int(call.value), call.deed.removeprefix(attention.PROCEED))

    on_click(app, context, begins(attention.PROCEED), click)
