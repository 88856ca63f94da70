"""/xs skip <id> <host>, and the Skip button of a call for attention."""

from __future__ import annotations

from slack_bolt import App

from bot.messages import attention
from bot.messages.answers import skipping
from commands.button import begins, on_click
from commands.call import Call, UsageError
from commands.context import Context
from commands.verb import Verb


def run(call: Call) -> None:
    """Leave one host of a rollout out."""
    rollout_id = call.rollout()
    if len(call.words) < 2:
        raise UsageError("Which host?", f"Type {call.usage}, with the host's name or uuid.")
    # A host's name may have blanks in it.
    _skip(call, rollout_id, " ".join(call.words[1:]))


def _skip(call: Call, rollout_id: int, host: str) -> None:
    call.answer(skipping(*call.context.rollouts.skip(rollout_id, host, call.actor)))


VERB = Verb(
    "skip",
    "/xs skip <id> <host>",
    "Leaves one host of a rollout out; the others go on.",
    "approver",
    run,
    examples=("/xs skip 42 xs-03",),
)


def register(app: App, context: Context) -> None:
    """The Skip button; which host it means is part of the button's own name."""

    def click(call: Call) -> None:
        _skip(call, int(call.value), call.deed.removeprefix(attention.SKIP))

    on_click(app, context, begins(attention.SKIP), click)
