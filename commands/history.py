"""/xs history"""

from __future__ import annotations

from bot.messages import status
from commands.call import Call
from commands.verb import Verb


def run(call: Call) -> None:
    """The last rollouts of the pools that the person may look at."""
    rows = call.context.rollouts.history()
    call.answer(status.history([row for row in rows if call.sees(row.pool_alias)]))


VERB = Verb("history", "/xs history", "Lists the last rollouts and how they ended.", "viewer", run)
