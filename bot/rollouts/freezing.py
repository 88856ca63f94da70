"""Freezing a pool, and looking at when it may be worked on."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from bot.rollout.errors import NotAllowed, RolloutError
from bot.rollout.lifecycle import State
from bot.rollout.reason import because
from bot.rollout.window import Span
from bot.rollouts.hours import openings_of
from bot.rollouts.roles import Role, require
from bot.rollouts.timing import Timing
from bot.rollouts.upkeep import Upkeep
from storage import freezes, pools, rollouts, timing
from storage.actors import Actor
from storage.database import Session
from storage.tables import FreezeRow, RolloutRow

_SHORTEST_WHY = 5


@dataclass(frozen=True)
class Calendar:
    """When a pool may be worked on: its windows as configured, the next of them, a freeze, and what waits for its
    time."""

    alias: str
    zone: str
    windows: tuple[str, ...]
    openings: tuple[Span, ...]
    freeze: FreezeRow | None
    waiting: RolloutRow | None


class Freezing(Upkeep, Timing):
    """What administrators say about when a pool is left alone."""

    def calendars(self, aliases: Collection[str], actor: Actor) -> tuple[Calendar, ...]:
        """When these pools may be worked on."""
        for alias in aliases:
            require(self.authority, actor, Role.VIEWER, self._known(alias))
        now = self.time.now()
        with self.database.reading() as tx:
            frozen = freezes.active(tx, now)
            waiting = {row.pool_alias: row for row in rollouts.open_rollouts(tx) if _waits(row)}
        return tuple(
            Calendar(
                alias,
                self.settings.maintenance_for(alias).time_zone,
                self.settings.maintenance_for(alias).windows,
                openings_of(self.settings, alias, now),
                frozen.get(alias),
                waiting.get(alias),
            )
            for alias in aliases
        )

    def freeze(self, alias: str, until: datetime, why: str, actor: Actor) -> FreezeRow:
        """Let no rollout of the pool start until that moment; one that runs is not cut. Takes the place of a freeze
        that is there. Raises `NotAllowed`, `RolloutError` for a missing reason."""
        require(self.authority, actor, Role.ADMIN, self._known(alias))
        if len(why.strip()) < _SHORTEST_WHY:
            raise RolloutError("A freeze needs a reason.", "Say it: /xs freeze <pool> until <when> because <why>.")
        with self.database.transaction() as tx:
            row = freezes.begin(tx, alias, until, why.strip(), actor, self.time.now())
            reason = because("freeze.begun", user=actor.name, pool=alias, until=until.isoformat(), why=row.why)
            self._note(tx, actor, "pool.freeze", reason, _uuid(tx, alias))
        return row

    def working_on(self, alias: str) -> bool:
        """Whether a rollout of the pool was started and is not over."""
        with self.database.reading() as tx:
            return rollouts.working_on(tx, alias)

    def unfreeze(self, alias: str, actor: Actor) -> None:
        """End the pool's freeze early. Raises `NotAllowed` when there is none."""
        require(self.authority, actor, Role.ADMIN, self._known(alias))
        with self.database.transaction() as tx:
            ended = freezes.end(tx, alias, self.time.now())
            if ended is None:
                raise NotAllowed(f"Pool {alias} is not frozen.", f"`/xs windows {alias}` says when it opens.")
            reason = because("freeze.ended", user=actor.name, pool=alias, why=ended.why)
            self._note(tx, actor, "pool.freeze_ended", reason, _uuid(tx, alias))
            timing.look_now(tx, alias, self.time.now())
        self._wake()


def _uuid(tx: Session, alias: str) -> str:
    row = pools.pool_by_alias(tx, alias)
    return row.uuid if row is not None else ""


def _waits(row: RolloutRow) -> bool:
    return row.due_at is not None and row.state in (State.APPROVED, State.PAUSED)
