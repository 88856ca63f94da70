"""Folding a notice away and showing it again. It hides a message from a channel and changes nothing on a pool."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.rollout.errors import RolloutError
from bot.rollout.reason import Reason, because
from bot.rollouts.desk import Desk
from bot.rollouts.roles import LacksRole, Role
from storage import audit, notices, pools
from storage.actors import BOT, Actor
from storage.database import Session
from storage.tables import Notice, PoolRow

#: Whoever works on a pool may; whoever only looks reads on.
_MAY = frozenset({Role.REQUESTER, Role.APPROVER, Role.ADMIN})


class Noticing(Desk):
    """What people do with notices."""

    def fold_notice(self, notice_id: int, hours: int, actor: Actor) -> tuple[str, datetime | None]:
        """Fold a notice away for so many hours, with 0 until something newer is available.

        The pool's alias and until when. Raises `LacksRole`, and `storage.errors.Conflict` when it has ended.
        """
        alias = self._may_fold(notice_id, actor)
        now = self.time.now()
        until = now + timedelta(hours=hours) if hours else None
        if until is None:
            reason = because("notice.dismissed", user=actor.name, pool=alias)
        else:
            reason = because("notice.snoozed", user=actor.name, pool=alias, at=until.isoformat())
        with self.database.transaction() as tx:
            notice = notices.fold(tx, notice_id, actor, until, now)
            self._note_notice(tx, notice, actor, reason)
        return alias, until

    def unfold_notice(self, notice_id: int, actor: Actor) -> str:
        """Show a notice in full again; the pool's alias. Raises like `fold_notice`."""
        alias = self._may_fold(notice_id, actor)
        with self.database.transaction() as tx:
            notice = notices.unfold(tx, notice_id, self.time.now())
            if notice is not None:
                self._note_notice(tx, notice, actor, because("notice.shown_again", user=actor.name, pool=alias))
        return alias

    def wake_notices(self) -> int:
        """Tell anew what was folded away until now; how many. Called by the timers."""
        now = self.time.now()
        with self.database.reading() as tx:
            due = [notice.id for notice in notices.woken(tx, now)]
        for notice_id in due:
            with self.database.transaction() as tx:
                # Somebody may have shown or ended it meanwhile.
                if all(notice.id != notice_id for notice in notices.woken(tx, now)):
                    continue
                notice = notices.unfold(tx, notice_id, now, anew=True)
                pool = pools.pool_by_uuid(tx, notice.pool_uuid) if notice is not None else None
                if notice is not None and pool is not None:
                    self._note_notice(tx, notice, BOT, because("notice.woken", pool=pool.alias))
        return len(due)

    def _may_fold(self, notice_id: int, actor: Actor) -> str:
        with self.database.reading() as tx:
            pool: PoolRow | None = pools.pool_by_uuid(tx, notices.get_notice(tx, notice_id).pool_uuid)
        if pool is None:
            raise RolloutError("The pool of this message is no longer known.", "`/xs pools` lists those that are.")
        alias = self._known(pool.alias)
        if actor.kind == "slack" and not self.authority.roles_of(actor.id, alias) & _MAY:
            raise LacksRole(
                f"You cannot fold away what is said about pool {alias}: you only may look at it. Nothing was changed.",
                "",
                self.settings.roles_for(alias).requester,
            )
        return alias

    def _note_notice(self, tx: Session, notice: Notice, actor: Actor, reason: Reason) -> None:
        audit.append(
            tx,
            actor=actor,
            action=reason.code,
            reason=reason,
            sentence=self.say(reason),
            at=self.time.now(),
            pool_uuid=notice.pool_uuid,
        )
