"""Deciding about a request: approve, reject, cancel. Each belongs to one digest."""

from __future__ import annotations

from bot.rollout.errors import NotAllowed, RolloutError
from bot.rollout.lifecycle import State
from bot.rollout.policy import check_approver
from bot.rollout.reason import because
from bot.rollouts.amending import Amending, open_amendment
from bot.rollouts.roles import Role, not_an_approver, require
from bot.rollouts.standing import Standing, approvers_of, approving_role, standing_of
from storage import approvals, rollouts, threads
from storage.actors import Actor
from storage.database import Session
from storage.tables import RolloutRow

_SHORTEST_WHY = 5


class Deciding(Amending):
    """What approvers decide about a request or an amendment, and requesters who change their mind."""

    def approve(self, rollout_id: int, digest: str, actor: Actor) -> Standing:
        """Count the actor's approval of exactly this digest; the last one needed lets the rollout start.

        The digest may be that of an amendment, which then takes effect and lets the rollout go on.

        Raises `NotAllowed`, `StaleDigest`, `storage.errors.Conflict` when it came too late.
        """
        if actor.kind != "slack":
            raise NotAllowed("Rollouts are approved in Slack only.", "Ask an approver to use the card.")
        now = self.time.now()
        row = self._get(rollout_id)
        approvers = self.authority.holders(approving_role(row), row.pool_alias)
        with self.database.transaction() as tx:
            row = rollouts.get(tx, rollout_id)
            amendment = open_amendment(tx, rollout_id, digest)
            if amendment is not None:
                self._approve_amendment(tx, row, amendment, actor, approvers)
            else:
                self._approve_request(tx, row, digest, actor, approvers)
            threads.redraw(tx, rollout_id, now)
            standing = standing_of(tx, rollouts.get(tx, rollout_id), self.settings, approvers)
        self._wake()
        return standing

    def _approve_request(
        self, tx: Session, row: RolloutRow, digest: str, actor: Actor, approvers: frozenset[str]
    ) -> None:
        self._current(row, digest)
        self._awaiting(row)
        given = approvals.of(tx, row.id)
        if actor.id not in approvers and actor.id != row.requester_id:
            raise not_an_approver(row.id, row.pool_alias, approvers_of(self.settings, row))
        check_approver(actor.id, row.requester_id, digest, given, actor.id in approvers)
        approvals.approve(tx, row.id, digest, actor, self.time.now())
        standing = standing_of(tx, row, self.settings, approvers)
        have = standing.quorum
        counted = because("rollout.approval_counted", user=actor.name, have=len(have.counted), need=have.required)
        self._audit(tx, actor, "approval.given", counted, row)
        if have.met:
            names = ", ".join(name for user, name, _ in standing.approvals if user in have.counted)
            self._move(tx, row, State.APPROVED, actor, because("rollout.approved", approvers=names))
            self._plan_start(tx, row, standing.spec)

    def reject(self, rollout_id: int, digest: str, actor: Actor, why: str) -> Standing:
        """Refuse the rollout for good, or the amendment with that digest; `why` is what the requester reads."""
        row = self._get(rollout_id)
        require(self.authority, actor, Role.APPROVER, row.pool_alias)
        if len(why.strip()) < _SHORTEST_WHY:
            raise RolloutError("A rejection needs a reason.", f"Write at least {_SHORTEST_WHY} characters.")
        with self.database.transaction() as tx:
            row = rollouts.get(tx, rollout_id)
            amendment = open_amendment(tx, rollout_id, digest)
            if amendment is not None:
                self._reject_amendment(tx, row, amendment, actor, why.strip())
            else:
                self._current(row, digest)
                reason = because("rollout.rejected", user=actor.name, why=why.strip())
                self._move(tx, row, State.REJECTED, actor, reason)
        return self.standing(rollout_id)

    def revoke(self, rollout_id: int, actor: Actor) -> Standing:
        """Take back the actor's own approval of a rollout that has not started; without enough it waits for others.

        Raises `NotAllowed` when it has started, `storage.errors.NotFound` when the actor's approval does not count.
        """
        row = self._get(rollout_id)
        approvers = self.authority.holders(approving_role(row), row.pool_alias)
        with self.database.transaction() as tx:
            row = rollouts.get(tx, rollout_id)
            if row.state not in (State.AWAITING_APPROVAL, State.APPROVED):
                raise NotAllowed(
                    f"Rollout {row.id} is {row.state.value.replace('_', ' ')}: approvals can no longer be taken back.",
                    f"`/xs pause {row.id}` and `/xs abort {row.id}` stop one that runs.",
                )
            approvals.revoke(tx, row.id, row.digest, actor.id, self.time.now())
            have = standing_of(tx, row, self.settings, approvers).quorum
            reason = because("rollout.approval_revoked", user=actor.name, have=len(have.counted), need=have.required)
            self._audit(tx, actor, "approval.revoked", reason, row)
            if row.state is State.APPROVED and not have.met:
                self._move(tx, row, State.AWAITING_APPROVAL, actor, reason)
        return self.standing(rollout_id)

    def cancel(self, rollout_id: int, actor: Actor) -> Standing:
        """Withdraw a rollout that has not started; its requester or an approver may. Raises `NotAllowed`."""
        row = self._get(rollout_id)
        if (actor.kind, actor.id) != (row.requester_kind, row.requester_id):
            require(self.authority, actor, Role.APPROVER, row.pool_alias)
        with self.database.transaction() as tx:
            row = rollouts.get(tx, rollout_id)
            self._not_started(row)
            reason = because("rollout.cancelled", user=actor.name)
            self._move(tx, row, State.CANCELLED, actor, reason)
        return self.standing(rollout_id)
