"""/xs cancel <id>"""

from __future__ import annotations

from bot.messages.answers import aborting
from commands.call import Call
from commands.verb import Verb


def run(call: Call) -> None:
    """Withdraw a request that has not started."""
    call.answer(aborting(call.context.rollouts.cancel(call.rollout(), call.actor)))


VERB = Verb(
    "cancel",
    "/xs cancel <id>",
    "Withdraws a request that has not started.",
    "requester or approver",
    run,
    examples=("/xs cancel 42",),
)
