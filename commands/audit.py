"""/xs audit [id]"""

from __future__ import annotations

from bot.messages import status
from commands.call import Call
from commands.verb import Verb


def run(call: Call) -> None:
    """The last lines of the audit trail, or those of one rollout."""
    rollouts = call.context.rollouts
    rollout_id = call.rollout() if call.words else None
    if rollout_id is not None:
        rollouts.standing(rollout_id)
    visible = {entry.row.uuid for entry in rollouts.pools() if entry.row is not None and call.sees(entry.alias)}
    rows = rollouts.audit(rollout_id=rollout_id)
    call.answer(status.audit([row for row in rows if not row.pool_uuid or row.pool_uuid in visible], rollout_id))


VERB = Verb(
    "audit",
    "/xs audit [id]",
    "Shows the last lines of the audit trail, or those of one rollout.",
    "viewer",
    run,
    examples=("/xs audit", "/xs audit 42"),
)
