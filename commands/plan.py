"""/xs plan <pool> [choices]"""

from __future__ import annotations

from dataclasses import replace

from bot.messages.plan import plan
from commands.call import Call
from commands.update import chosen_in
from commands.verb import Verb


def run(call: Call) -> None:
    """Say privately what an update would do now, and what the checks say of it."""
    alias = call.pool()
    # When it would start, and why, are questions of the form.
    choices = replace(chosen_in(call, alias)[0], start_at=None, emergency=False)
    call.answer(plan(call.context.rollouts.preview(alias, choices, call.actor)))


VERB = Verb(
    "plan",
    "/xs plan <pool> [choices]",
    "Says what an update would do now, what it would cost and what is in its way. Asks for nothing.",
    "viewer",
    run,
    examples=("/xs plan lab", "/xs plan lab fast full", "/xs plan lab vms=suspend without=xs-03"),
)
