"""/xs pools"""

from __future__ import annotations

from bot.messages import status
from commands.call import Call
from commands.verb import Verb
from storage.pools import known_updates


def run(call: Call) -> None:
    """Every pool the person may look at, with what is known about it."""
    standings = [standing for standing in call.context.rollouts.pools() if call.sees(standing.alias)]
    updates = {entry.alias: known_updates(entry.row) if entry.row is not None else None for entry in standings}
    call.answer(status.pools(standings, updates))


VERB = Verb("pools", "/xs pools", "Lists the pools: updates, rollouts, what is owed.", "viewer", run)
