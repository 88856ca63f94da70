"""/xs status"""

from __future__ import annotations

from bot.messages import status
from commands.call import Call
from commands.verb import Verb


def run(call: Call) -> None:
    """Every open rollout and everything that is owed."""
    rollouts = call.context.rollouts
    owed = {entry.alias: entry.debts for entry in rollouts.owing() if call.sees(entry.alias)}
    call.answer(status.status(rollouts.status(call.actor), owed))


VERB = Verb("status", "/xs status", "Shows the open rollouts and what is still to restore on pools.", "viewer", run)
