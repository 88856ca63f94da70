"""What one person's Home tab is about: their pools, what runs there, what waits for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.rollout.lifecycle import OPEN, State
from bot.rollout.model import AvailableUpdates
from bot.rollouts.looking import Looking
from bot.rollouts.roles import Role
from bot.rollouts.standing import PoolStanding, Standing, pool_standings, standings_of
from storage import rollouts
from storage.actors import Actor
from storage.pools import known_updates
from storage.tables import RolloutRow

#: How many past rollouts are looked through for those the person may see.
_LOOKED_AT = 60
_HISTORY = 8


@dataclass(frozen=True)
class HomePool:
    """One pool that the person may look at. `may_plan`: they may ask for an update of it.

    `next_window` is when the pool's next maintenance window opens, None where it has none.
    """

    standing: PoolStanding
    updates: AvailableUpdates | None
    may_plan: bool
    next_window: datetime | None = None


@dataclass(frozen=True)
class HomeStanding:
    """Everything on one person's Home tab.

    `for_me` wait for their approval, of the request or of an amendment; `asking_me` need a decision in mid-run that
    they may make; `others` are open as well. No rollout is in two of them.
    """

    pools: tuple[HomePool, ...]
    for_me: tuple[Standing, ...]
    asking_me: tuple[Standing, ...]
    others: tuple[Standing, ...]
    history: tuple[RolloutRow, ...]


class Visiting(Looking):
    """What people see when they visit the app."""

    def home(self, actor: Actor, windows: Mapping[str, datetime] | None = None) -> HomeStanding:
        """The actor's Home tab, from the database alone; `windows` are the next windows of pools, by alias.

        Asks Slack for the members of user groups. Raises `AuthorityUnknown` when it cannot be told what they may see.
        """
        roles = {alias: self.authority.roles_of(actor.id, alias) for alias in self.settings.pools}
        with self.database.reading() as tx:
            rows = [row for row in rollouts.open_rollouts(tx) if roles.get(row.pool_alias)]
        approvers = [(row, self._approvers(row)) for row in rows]
        with self.database.reading() as tx:
            standings = standings_of(tx, approvers, self.settings)
            seen = [entry for entry in pool_standings(tx, self.settings) if roles[entry.alias]]
            past = [row for row in rollouts.recent(tx, limit=_LOOKED_AT) if row.state not in OPEN]
        mine = {entry.row.id: _waits_for(entry, actor, roles[entry.row.pool_alias]) for entry in standings}
        return HomeStanding(
            pools=tuple(
                HomePool(
                    entry,
                    known_updates(entry.row) if entry.row is not None else None,
                    entry.mode == "act" and Role.REQUESTER in roles[entry.alias],
                    (windows or {}).get(entry.alias),
                )
                for entry in seen
            ),
            for_me=tuple(entry for entry in standings if mine[entry.row.id] == "approval"),
            asking_me=tuple(entry for entry in standings if mine[entry.row.id] == "decision"),
            others=tuple(entry for entry in standings if not mine[entry.row.id]),
            history=tuple(row for row in past if roles.get(row.pool_alias))[:_HISTORY],
        )


def _waits_for(standing: Standing, actor: Actor, roles: frozenset[Role]) -> str:
    """``approval``, ``decision`` or "": what the rollout wants of the person now."""
    row = standing.row
    if Role.APPROVER not in roles:
        return ""
    if standing.amendment is not None:
        parties = {row.requester_id, standing.amendment.row.proposer_id}
        done = {user for user, _name, _at in standing.amendment.approvals}
        return "" if actor.id in parties | done else "approval"
    if row.state is State.AWAITING_APPROVAL:
        done = {user for user, _name, _at in standing.approvals}
        return "" if actor.id in done | {row.requester_id} else "approval"
    return "decision" if row.state is State.NEEDS_ATTENTION else ""
