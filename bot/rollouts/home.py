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
from storage import homes, rollouts
from storage.actors import Actor
from storage.pools import known_updates
from storage.tables import RolloutRow

#: How many past rollouts are looked through for those the person may see, and how many are shown.
_LOOKED_AT = 60
_HISTORY = 8
#: So much is put together and shown; of what is beyond that, only the number is told. Whoever has a thousand pools
#: would wait for seconds otherwise, and Slack takes a hundred blocks.
ROLLOUTS = 8
POOLS = 30


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
class More:
    """How many there are beyond those that are shown."""

    pools: int = 0
    for_me: int = 0
    asking_me: int = 0
    others: int = 0


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
    more: More = More()


class Visiting(Looking):
    """What people see when they visit the app."""

    def home(self, actor: Actor, windows: Mapping[str, datetime] | None = None) -> HomeStanding:
        """The actor's Home tab, from the database alone; `windows` are the next windows of pools, by alias.

        Asks Slack for the members of user groups. Raises `AuthorityUnknown` when it cannot be told what they may see.
        """
        roles = {alias: self.authority.roles_of(actor.id, alias) for alias in self.settings.pools}
        visible = [alias for alias, held in roles.items() if held]
        with self.database.reading() as tx:
            known = [entry for entry in homes.open_rollouts(tx) if roles.get(entry.alias)]
            remarkable = homes.remarkable_pools(tx)
        sorted_: dict[str, list[int]] = {"approval": [], "decision": [], "": []}
        for entry in known:
            sorted_[_waits_for(entry, actor, roles[entry.alias])].append(entry.id)
        with self.database.reading() as tx:
            rows = {number: rollouts.get(tx, number) for numbers in sorted_.values() for number in numbers[:ROLLOUTS]}
        approvers = [(row, self._approvers(row)) for row in rows.values()]
        # Pools with something to say come first, in the order of the configuration otherwise.
        ordered = sorted(visible, key=lambda alias: alias not in remarkable)
        with self.database.reading() as tx:
            standings = {entry.row.id: entry for entry in standings_of(tx, approvers, self.settings)}
            pools = pool_standings(tx, self.settings, ordered[:POOLS])
            past = [row for row in rollouts.recent(tx, limit=_LOOKED_AT) if row.state not in OPEN]

        def shown(kind: str) -> tuple[Standing, ...]:
            return tuple(standings[number] for number in sorted_[kind][:ROLLOUTS])

        return HomeStanding(
            pools=tuple(
                HomePool(
                    entry,
                    known_updates(entry.row) if entry.row is not None else None,
                    entry.mode == "act" and Role.REQUESTER in roles[entry.alias],
                    (windows or {}).get(entry.alias),
                )
                for entry in pools
            ),
            for_me=shown("approval"),
            asking_me=shown("decision"),
            others=shown(""),
            history=tuple(row for row in past if roles.get(row.pool_alias))[:_HISTORY],
            more=More(
                pools=len(visible) - len(pools),
                for_me=max(0, len(sorted_["approval"]) - ROLLOUTS),
                asking_me=max(0, len(sorted_["decision"]) - ROLLOUTS),
                others=max(0, len(sorted_[""]) - ROLLOUTS),
            ),
        )


def _waits_for(rollout: homes.OpenRollout, actor: Actor, roles: frozenset[Role]) -> str:
    """``approval``, ``decision`` or "": what the rollout wants of the person now."""
    if Role.APPROVER not in roles:
        return ""
    if rollout.asked_of_others is not None:
        # They asked for it, they proposed it, or they agreed already.
        return "" if actor.id in rollout.asked_of_others else "approval"
    return "decision" if rollout.state is State.NEEDS_ATTENTION else ""
