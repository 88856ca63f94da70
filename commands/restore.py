"""/xs restore <pool>"""

from __future__ import annotations

from bot.messages.answers import restoring
from commands.call import Call
from commands.verb import Verb


def run(call: Call) -> None:
    """Give back now what is owed to a pool."""
    alias = call.pool()
    call.context.rollouts.restore(alias, call.actor)
    owed = next(entry.debts for entry in call.context.rollouts.pools() if entry.alias == alias)
    call.answer(restoring(alias, owed))


VERB = Verb("restore", "/xs restore <pool>", "Gives back now what rollouts switched off or moved.", "admin", run)
