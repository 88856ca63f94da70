"""Steering a rollout that runs: retry, abort, pause, resume."""

from __future__ import annotations

from collections.abc import Callable

from bot.rollout.errors import NotAllowed
from bot.rollout.lifecycle import State
from bot.rollout.reason import Reason, because
from bot.rollouts.consequences import abort_consequences
from bot.rollouts.deciding import Deciding
from bot.rollouts.looking import Looking
from bot.rollouts.roles import Role, require
from bot.rollouts.standing import Standing
from storage import intents, rollouts
from storage.actors import Actor
from storage.tables import RolloutRow


class Steering(Looking, Deciding):
    """What approvers do while a rollout runs or asks them."""

    def retry(self, rollout_id: int, actor: Actor) -> Standing:
        """Let a rollout that asked people (or was paused) go on; what failed is asked for anew."""
        row = self._get(rollout_id)
        require(self.authority, actor, Role.APPROVER, row.pool_alias)
        with self.database.transaction() as tx:
            row = rollouts.get(tx, rollout_id)
            _only(row, State.NEEDS_ATTENTION, State.PAUSED)
            intents.forgive(tx, rollout_id, self.time.now(), rollouts.problem_keys(row))
            self._move(tx, row, _onward(row), actor, because("rollout.retried", user=actor.name))
            rollouts.set_problem(tx, rollout_id, None)
        self._wake()
        return self.standing(rollout_id)

    def abort(self, rollout_id: int, actor: Actor, why: str = "") -> Standing:
        """End a rollout: before it started it is cancelled; afterwards what is in hand is finished and given back.

        Asked for a second time it gives up on what is left, which stays listed as owed.
        """
        row = self._get(rollout_id)
        if row.state in (State.AWAITING_APPROVAL, State.APPROVED):
            return self.cancel(rollout_id, actor)
        require(self.authority, actor, Role.APPROVER, row.pool_alias)
        with self.database.transaction() as tx:
            row = rollouts.get(tx, rollout_id)
            again = bool(row.abort_requested_by)
            reason = because("rollout.abort_asked", user=actor.name, why=why or "no reason given")
            if row.state is State.ABORTING:
                self._audit(tx, actor, "rollout.give_up", reason, row)
            else:
                self._move(tx, row, State.ABORTING, actor, reason)
            intents.forgive(tx, rollout_id, self.time.now(), ())
            rollouts.note_abort(tx, rollout_id, actor, give_up=again)
            rollouts.set_problem(tx, rollout_id, None)
        self._wake()
        return self.standing(rollout_id)

    def abort_consequences(self, rollout_id: int) -> tuple[Reason, ...]:
        """What an abort would do now, and what would stay off, for the dialog that asks first."""
        return abort_consequences(self.standing(rollout_id))

    def pause(self, rollout_id: int, actor: Actor) -> Standing:
        """Stop at the next safe point; what XAPI is doing now goes on."""
        return self._steer(rollout_id, actor, lambda row: State.PAUSED, "rollout.paused")

    def resume(self, rollout_id: int, actor: Actor) -> Standing:
        """Let a paused rollout go on: with the update, or with ending it if that was asked for."""
        return self._steer(rollout_id, actor, _resumed, "rollout.resumed")

    def _steer(self, rollout_id: int, actor: Actor, wanted: Callable[[RolloutRow], State], code: str) -> Standing:
        row = self._get(rollout_id)
        require(self.authority, actor, Role.APPROVER, row.pool_alias)
        with self.database.transaction() as tx:
            row = rollouts.get(tx, rollout_id)
            self._move(tx, row, wanted(row), actor, because(code, user=actor.name))
        self._wake()
        return self.standing(rollout_id)


def _onward(row: RolloutRow) -> State:
    """Where a rollout goes on that stood still: an end that people asked for is never forgotten."""
    return State.ABORTING if row.abort_requested_by else State.RUNNING


def _resumed(row: RolloutRow) -> State:
    _only(row, State.PAUSED)
    return _onward(row)


def _only(row: RolloutRow, *states: State) -> None:
    """An approved rollout in particular must not get past the checks of its start this way."""
    if row.state not in states:
        raise NotAllowed(
            f"Rollout {row.id} is {row.state.value.replace('_', ' ')}: there is nothing to take up again.",
            "`/xs status` shows where it stands.",
        )
