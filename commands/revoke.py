"""/xs revoke <id>"""

from __future__ import annotations

from bot.messages.answers import revoked
from commands.call import Call
from commands.verb import Verb


def run(call: Call) -> None:
    """Take back one's own approval of a rollout that has not started."""
    call.answer(revoked(call.context.rollouts.revoke(call.rollout(), call.actor)))


VERB = Verb(
    "revoke",
    "/xs revoke <id>",
    "Takes back your approval of a rollout that has not started.",
    "approver",
    run,
    examples=("/xs revoke 42",),
)
