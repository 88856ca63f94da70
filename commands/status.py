"""/xs status [pool]"""

from __future__ import annotations

from bot.messages import status
from bot.rollouts.roles import Role
from commands.call import Call
from commands.verb import Verb


def run(call: Call) -> None:
    """Every open rollout and everything that is owed; of one pool, VM by VM."""
    rollouts = call.context.rollouts
    if call.words:
        alias = call.pool()
        call.require(Role.VIEWER, alias)
        found = [standing for standing in rollouts.status(call.actor) if standing.row.pool_alias == alias]
        due = next((entry.debts for entry in rollouts.owing() if entry.alias == alias), ())
        call.answer(status.pool_status(alias, found, due))
        return
    owed = {entry.alias: entry.debts for entry in rollouts.owing() if call.sees(entry.alias)}
    call.answer(status.status(rollouts.status(call.actor), owed))


VERB = Verb(
    "status",
    "/xs status [pool]",
    "Shows the open rollouts and what is still to restore; of one pool, VM by VM.",
    "viewer",
    run,
    examples=("/xs status", "/xs status prod"),
)
