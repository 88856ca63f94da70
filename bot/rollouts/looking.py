"""Looking: pools, updates, rollouts, history and audit, from the database alone."""

from __future__ import annotations

from bot.rollout.errors import RolloutError
from bot.rollout.model import AvailableUpdates
from bot.rollout.spec import VmRule
from bot.rollouts.desk import Desk
from bot.rollouts.roles import Role, require
from bot.rollouts.standing import PoolStanding, Standing, pool_standings, standings_of
from storage import audit, debts, pools, rollouts, specs
from storage.actors import Actor
from storage.tables import AuditRow, PoolRow, RolloutRow
from storage.updates_codec import updates_from_json


class Looking(Desk):
    """What can be looked at without asking XAPI."""

    def pools(self) -> list[PoolStanding]:
        """Every configured pool as the last poll saw it."""
        with self.database.reading() as tx:
            return pool_standings(tx, self.settings)

    def owing(self) -> list[PoolStanding]:
        """The configured pools to which something is owed; asked at every beat, so it costs little when none is."""
        with self.database.reading() as tx:
            owed = debts.all_open(tx)
            return [entry for entry in pool_standings(tx, self.settings) if entry.debts] if owed else []

    def updates(self, alias: str, actor: Actor) -> tuple[AvailableUpdates | None, PoolRow]:
        """The updates of a pool as the last poll saw them; None when no poll could read them yet."""
        require(self.authority, actor, Role.VIEWER, self._known(alias))
        with self.database.reading() as tx:
            row = pools.pool_by_alias(tx, alias)
            if row is None:
                raise RolloutError(
                    f"Pool {alias} has not been reached yet.", "`xsbot doctor` says what keeps it from answering."
                )
            return (updates_from_json(row.updates_json) if row.updates_json else None), row

    def status(self, actor: Actor) -> list[Standing]:
        """The rollouts that are not over, of the pools that the actor may look at."""
        with self.database.reading() as tx:
            rows = rollouts.open_rollouts(tx)
        seen = [(row, self._approvers(row)) for row in rows if self._sees(actor, row)]
        with self.database.reading() as tx:
            return standings_of(tx, seen, self.settings)

    def rules(self, rollout_id: int) -> tuple[VmRule, ...]:
        """The rules for single VMs of what was asked for; from the database alone, so that a form can wait for it."""
        with self.database.reading() as tx:
            return specs.of(tx, rollout_id)[0].rules

    def history(self, limit: int = 15, pool_uuid: str | None = None) -> list[RolloutRow]:
        """The most recent rollouts, newest first."""
        with self.database.reading() as tx:
            return rollouts.recent(tx, pool_uuid=pool_uuid, limit=limit)

    def audit(self, limit: int = 20, rollout_id: int | None = None) -> list[AuditRow]:
        """The most recent lines of the audit trail, newest first."""
        with self.database.reading() as tx:
            return audit.recent(tx, rollout_id=rollout_id, limit=limit)

    def _sees(self, actor: Actor, row: RolloutRow) -> bool:
        return actor.kind != "slack" or bool(self.authority.roles_of(actor.id, row.pool_alias))
