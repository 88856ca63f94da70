"""Another host became the coordinator in mid-run.

A new coordinator has none of the update packages, so nothing can be installed before a sync, and the sync may bring
something that nobody approved. People are asked as soon as it is seen. Whether it was synced since is told by the
pool's own time of the last sync: a designation resets it, a takeover leaves the one that was seen before.
"""

from __future__ import annotations

from bot.rollout.pursuit import Round
from bot.rollout.reason import Reason, because

#: The pool operation under which a new coordinator is designated.
DESIGNATING = "designate_new_master"


def succession(round_: Round) -> Reason | None:
    """Why people are asked before anything else is installed; None while the coordinator is the one we know."""
    pool, known, stale = round_.snapshot.pool, round_.memory.coordinator, round_.memory.stale_sync
    if known and pool.coordinator != known:
        return because("coordinator.changed", host=round_.name(pool.coordinator), before=round_.name(known))
    if stale is not None and pool.last_update_sync in (None, stale):
        return because("coordinator.not_synced", host=round_.name(pool.coordinator))
    return None


def designating(round_: Round) -> bool:
    """Whether somebody is just making another host the coordinator; it is waited for."""
    if DESIGNATING not in round_.snapshot.pool.current_operations:
        return False
    round_.look_again(10, because("coordinator.changing"))
    return True
