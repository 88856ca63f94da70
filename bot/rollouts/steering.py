"""Steering a rollout that runs: retry, skip, abort, pause, resume."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.rollout.errors import NotAllowed, StaleDigest
from bot.rollout.gate import accepted
from bot.rollout.lifecycle import State
from bot.rollout.memory import TurnPhase
from bot.rollout.reason import Reason, because
from bot.rollout.spec import HostCeiling, Spec
from bot.rollouts.consequences import abort_consequences
from bot.rollouts.deciding import Deciding
from bot.rollouts.looking import Looking
from bot.rollouts.roles import Role, require
from bot.rollouts.standing import Standing
from storage import intents, rollouts, specs, threads, turns
from storage.actors import Actor
from storage.database import Session
from storage.tables import RolloutRow, TurnRow

#: The gate's looks at a host, by the key of their intent.
_GATE = "AskHealth:"


class Steering(Looking, Deciding):
    """What approvers do while a rollout runs or asks them."""

    def retry(self, rollout_id: int, actor: Actor) -> Standing:
        """Let a rollout that asked people (or was paused) go on; what failed is asked for anew."""
        row = self._get(rollout_id)
        require(self.authority, actor, Role.APPROVER, row.pool_alias)
        with self.database.transaction() as tx:
            row = rollouts.get(tx, rollout_id)
            _only(row, State.NEEDS_ATTENTION, State.PAUSED)
            self._check_window(row)
            intents.forgive(tx, rollout_id, self.time.now(), rollouts.problem_keys(row))
            self._move(tx, row, _onward(row), actor, because("rollout.retried", user=actor.name))
            rollouts.set_problem(tx, rollout_id, None)
            threads.redraw_progress(tx, rollout_id, self.time.now())
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
            threads.redraw_progress(tx, rollout_id, self.time.now())
        self._wake()
        return self.standing(rollout_id)

    def skip(self, rollout_id: int, host: str, actor: Actor) -> tuple[Standing, str]:
        """Leave a host (its name or uuid) out from now on; the rollout and the host's name.

        What is in hand on it is finished and given back as at an abort, then the others go on. Raises `NotAllowed`
        for the coordinator, for a host that is done, and when nothing can be skipped any more.
        """
        row = self._get(rollout_id)
        require(self.authority, actor, Role.APPROVER, row.pool_alias)
        with self.database.transaction() as tx:
            row = rollouts.get(tx, rollout_id)
            _may_skip(row)
            ceiling = _named(specs.of(tx, rollout_id)[0], host)
            _check_host(row, ceiling, turns.of(tx, rollout_id))
            rollouts.skip_host(tx, rollout_id, ceiling.uuid)
            reason = because("host.skip_asked", user=actor.name, host=ceiling.name)
            if row.state is State.NEEDS_ATTENTION:
                # What failed on the host itself is not tried again; it is what people leave behind.
                keys = () if row.problem_host == ceiling.uuid else rollouts.problem_keys(row)
                if keys:
                    intents.forgive(tx, rollout_id, self.time.now(), keys)
                self._move(tx, row, State.RUNNING, actor, reason)
                rollouts.set_problem(tx, rollout_id, None)
            else:
                self._audit(tx, actor, "rollout.skip", reason, row)
            self._tell(tx, row, reason)
        self._wake()
        return self.standing(rollout_id), ceiling.name

    def proceed(self, rollout_id: int, actor: Actor, host: str = "") -> Standing:
        """Let a rollout go on although a host did not come through its turn as well as it was before.

        Only the host is accepted that people were asked about; another one in the same state is asked about next.
        `host` is its uuid where a button named it. Raises `NotAllowed` when that is not what the rollout asks about,
        `StaleDigest` when it asks about another host by now.
        """
        row = self._get(rollout_id)
        require(self.authority, actor, Role.APPROVER, row.pool_alias)
        with self.database.transaction() as tx:
            row = rollouts.get(tx, rollout_id)
            _only(row, State.NEEDS_ATTENTION)
            asked = row.problem_reason
            keys = [key for key in rollouts.problem_keys(row) if key.startswith(_GATE)]
            if not keys or asked is None or not asked.code.startswith("gate."):
                raise NotAllowed(
                    f"Rollout {row.id} does not ask whether to go on with a host as it is.",
                    "The thread says what it asks; `/xs retry` tries again.",
                )
            # The problem that was told comes first, and so do its keys.
            key, uuid = keys[0], keys[0].removeprefix(_GATE)
            if host not in ("", uuid):
                raise StaleDigest(
                    f"Rollout {row.id} asks about another host by now.", "Answer its newest question in the thread."
                )
            known, now = intents.all_intents(tx, rollout_id), self.time.now()
            intents.finish(tx, rollout_id, key, now, accepted(known[key].result, actor.name))
            hosts = specs.of(tx, rollout_id)[0].hosts
            name = next((entry.name for entry in hosts if entry.uuid == uuid), uuid)
            self._move(tx, row, State.RUNNING, actor, because("gate.accepted", user=actor.name, host=name))
            rollouts.set_problem(tx, rollout_id, None)
            threads.redraw_progress(tx, rollout_id, now)
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

    def _tell(self, tx: Session, row: RolloutRow, reason: Reason) -> None:
        """One line in the thread, and the progress drawn anew."""
        now = self.time.now()
        threads.enqueue_line(tx, row.id, reason, now)
        threads.redraw_progress(tx, row.id, now)

    def _steer(self, rollout_id: int, actor: Actor, wanted: Callable[[RolloutRow], State], code: str) -> Standing:
        row = self._get(rollout_id)
        require(self.authority, actor, Role.APPROVER, row.pool_alias)
        with self.database.transaction() as tx:
            row = rollouts.get(tx, rollout_id)
            to = wanted(row)
            self._check_window(row)
            self._move(tx, row, to, actor, because(code, user=actor.name))
            threads.redraw_progress(tx, rollout_id, self.time.now())
        self._wake()
        return self.standing(rollout_id)


def _onward(row: RolloutRow) -> State:
    """Where a rollout goes on that stood still: an end that people asked for is never forgotten."""
    return State.ABORTING if row.abort_requested_by else State.RUNNING


def _may_skip(row: RolloutRow) -> None:
    where = row.state.value.replace("_", " ")
    if row.state not in (State.RUNNING, State.PAUSED, State.NEEDS_ATTENTION):
        raise NotAllowed(
            f"Rollout {row.id} is {where}: there is no host to skip.", "`/xs status` shows where it stands."
        )
    if row.abort_requested_by:
        raise NotAllowed(
            f"Rollout {row.id} is being ended, so no further host is begun anyway.",
            "`/xs status` shows where it stands.",
        )
    if not row.coordinator:
        raise NotAllowed(
            f"Rollout {row.id} has not looked at its pool yet.", "Try again when its thread shows the hosts."
        )


def _named(spec: Spec, host: str) -> HostCeiling:
    """The rollout's host of that name or uuid. Raises `NotAllowed`."""
    wanted = host.strip().casefold()
    found = [entry for entry in spec.hosts if wanted in (entry.uuid.casefold(), entry.name.casefold())]
    if len(found) == 1:
        return found[0]
    if found:
        raise NotAllowed(
            f"{len(found)} hosts are called {host!r}.",
            "Give the uuid instead: " + ", ".join(entry.uuid for entry in found) + ".",
        )
    known = ", ".join(entry.name for entry in spec.hosts)
    raise NotAllowed(f"The rollout has no host called {host!r}.", f"Its hosts are: {known}.")


def _check_host(row: RolloutRow, host: HostCeiling, turns_: Sequence[TurnRow]) -> None:
    if host.uuid == row.coordinator:
        raise NotAllowed(
            f"{host.name} is the pool's coordinator and cannot be skipped: no member may restart with a newer version "
            "than its coordinator runs, it would stay out of the pool.",
            f"Mend it and `/xs retry {row.id}`, or end the rollout with `/xs abort {row.id}`.",
        )
    if host.uuid in row.skipped:
        raise NotAllowed(f"{host.name} is skipped already.", "The thread shows how far the others are.")
    if any(turn.host == host.uuid and turn.phase is TurnPhase.DONE for turn in turns_):
        raise NotAllowed(f"{host.name} is done already.", "There is nothing left to skip on it.")


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
