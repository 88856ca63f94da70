"""/xs pools [--digest]"""

from __future__ import annotations

from bot.messages import status
from bot.messages.digest import digest
from commands.call import Call
from commands.options import options
from commands.verb import Verb
from storage.pools import known_updates


def run(call: Call) -> None:
    """Every pool the person may look at, with what is known about it; with --digest as the weekly digest tells it."""
    _words, chosen = options(call.words, (), flags=("digest",))
    if "digest" in chosen:
        seen = [alias for alias in call.context.settings.pools if call.sees(alias)]
        call.answer(digest(call.context.rollouts.digest(seen)))
        return
    standings = [standing for standing in call.context.rollouts.pools() if call.sees(standing.alias)]
    updates = {entry.alias: known_updates(entry.row) if entry.row is not None else None for entry in standings}
    call.answer(status.pools(standings, updates))


VERB = Verb(
    "pools",
    "/xs pools [--digest]",
    "Lists the pools: updates, rollouts, what is owed; with --digest as in the weekly digest.",
    "viewer",
    run,
    examples=("/xs pools", "/xs pools --digest"),
)
