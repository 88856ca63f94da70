"""How far the rollouts of a run are, as their rows say it; without the documents that make those rows heavy."""

from __future__ import annotations

from typing import NamedTuple

from sqlmodel import col, select

from bot.rollout.lifecycle import DRIVEN, OPEN, TERMINAL, State
from storage.database import Database
from storage.tables import RolloutRow


class Known(NamedTuple):
    """One rollout."""

    id: int
    alias: str
    state: State

    @property
    def open(self) -> bool:
        """Whether it holds its pool."""
        return self.state in OPEN

    @property
    def driven(self) -> bool:
        """Whether the worker is at it."""
        return self.state in DRIVEN

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.state in TERMINAL


def known(database: Database) -> list[Known]:
    """All rollouts, the newest first. Raises `StorageError` while the database is away."""
    query = select(RolloutRow.id, RolloutRow.pool_alias, RolloutRow.state).order_by(col(RolloutRow.id).desc())
    with database.reading() as tx:
        return [Known(id_, alias, State(state)) for id_, alias, state in tx.exec(query).all()]
