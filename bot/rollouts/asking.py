"""Asking for a rollout: what it would do, and the request itself."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.rollout.backups import BackupKind, BackupPlan, plan_of
from bot.rollout.bounds import beyond
from bot.rollout.checks import Report
from bot.rollout.errors import InvalidSpec, NotAllowed, RolloutError
from bot.rollout.lifecycle import OPEN, State
from bot.rollout.policy import check_ticket
from bot.rollout.proposal import Choices, choices_of
from bot.rollout.reason import because
from bot.rollouts.preview import Preview
from bot.rollouts.roles import Role, require
from bot.rollouts.standing import Standing, policy_of
from bot.rollouts.timing import Timing
from bot.settings import PoolSettings
from bot.xen.permissions import BACKING_UP
from storage import pools, rollouts, specs
from storage.actors import BOT, Actor
from storage.database import Session


@dataclass(frozen=True, slots=True)
class Replaced:
    """The request that another one takes the place of, and the digest that the person saw of it."""

    rollout: int
    digest: str


#: Characters of the least that can be said about an emergency.
_SHORTEST_EMERGENCY = 10


class Blocked(RolloutError):
    """The checks forbid the rollout; `report` says which and what to do."""

    def __init__(self, report: Report) -> None:
        super().__init__("This update cannot be carried out as things are.", "See what blocks it below.")
        self.report = report


def _check_emergency(alias: str, typed: str, reason_text: str) -> None:
    if typed.strip() != alias:
        raise NotAllowed(
            f"An emergency rollout asks for the pool's name, typed: {alias}. Nothing was asked for.",
            "Read once more which pool it is for.",
        )
    if len(reason_text.strip()) < _SHORTEST_EMERGENCY:
        raise RolloutError(
            "An emergency needs a reason.", f"Write at least {_SHORTEST_EMERGENCY} characters; everybody reads them."
        )


class Asking(Timing):
    """What a requester does."""

    def preview(self, alias: str, choices: Choices, actor: Actor, *, starting: bool = False) -> Preview:
        """What an update with these choices would do. Asks XAPI, so it takes seconds.

        `starting` when the rollout begins if nothing is in its way: what only holds up its start then blocks.
        """
        require(self.authority, actor, Role.VIEWER, self._known(alias))
        return self._look(alias, self._as_configured(alias, choices), starting=starting)

    def check_again(self, rollout_id: int, actor: Actor) -> Standing:
        """Run the checks of a rollout that has not started once more, and keep what they say with it.

        Changes neither spec nor approvals, unless what would happen now goes beyond what is asked for: then the request
        is void now rather than at its start. Asks XAPI, so it takes seconds. Raises `NotAllowed` when it has started.
        """
        row = self._get(rollout_id)
        require(self.authority, actor, Role.VIEWER, row.pool_alias)
        self._not_started(row)
        preview = self._look(self._known(row.pool_alias), choices_of(self.standing(rollout_id).spec))
        with self.database.transaction() as tx:
            row = rollouts.get(tx, rollout_id)
            self._not_started(row)
            now = self.time.now()
            differences = beyond(specs.of(tx, rollout_id)[0], preview.spec)
            if differences:
                why = " ".join(self.say(difference) for difference in differences)
                self._move(tx, row, State.SUPERSEDED, BOT, because("rollout.superseded", why=why))
            rollouts.set_checks(tx, rollout_id, {**preview.report.as_dict(), "at": now.isoformat()}, now)
        return self.standing(rollout_id)

    def propose(
        self,
        alias: str,
        choices: Choices,
        actor: Actor,
        reason_text: str,
        channel: str,
        *,
        instead_of: Replaced | None = None,
        typed: str = "",
    ) -> Standing:
        """Ask for a rollout; with `instead_of`, in the place of an earlier request, whose approvals are then void.

        For an emergency `typed` is the pool's name, typed by the person, and a reason must be given. An earlier request
        that still waits or was approved ends as superseded in the same transaction.

        Raises `NotAllowed`, `InvalidSpec` for a deadline that is past, `Blocked` when a check forbids it,
        `storage.errors.PoolBusy` when another rollout holds the pool.
        """
        require(self.authority, actor, Role.EMERGENCY if choices.emergency else Role.REQUESTER, self._known(alias))
        if choices.emergency:
            _check_emergency(alias, typed, reason_text)
        if instead_of is not None:
            self.may_replace(instead_of.rollout, instead_of.digest, actor)
        if self.settings.pool(alias).mode != "act":
            raise NotAllowed(
                f"Pool {alias} is in notify mode: xsbot only tells about its updates.",
                'Set `mode = "act"` for this pool in the configuration once you trust it, and restart xsbot.',
            )
        if choices.deadline is not None and choices.deadline <= self.time.now():
            raise InvalidSpec("The deadline is past.", "Choose a later one, or none.")
        policy = policy_of(self.settings, alias, choices.level, choices.kind.value, emergency=choices.emergency)
        check_ticket(policy, reason_text)
        with self.database.reading() as tx:
            self._check_start(tx, alias, choices.start_at, emergency=choices.emergency)
        preview = self._look(alias, self._as_configured(alias, choices))
        if preview.blocked:
            raise Blocked(preview.report)
        now = self.time.now()
        expires_at = now + policy.expires_after
        if choices.start_at is not None:
            expires_at = min(expires_at, choices.start_at + policy.start_within)
        asked = because(
            "rollout.emergency" if choices.emergency else "rollout.requested",
            requester=actor.name,
            pool=alias,
            checksum=preview.spec.checksum[:12],
            level=choices.level.value,
            kind=choices.kind.value,
            text=reason_text or "no reason given",
        )
        with self.database.transaction() as tx:
            if instead_of is not None:
                self._end_for_another(tx, instead_of, preview, actor)
            pools.remember_pool(tx, preview.snapshot.pool.uuid, alias, preview.snapshot.pool.name, now)
            row = rollouts.create(
                tx,
                pool_uuid=preview.snapshot.pool.uuid,
                pool_alias=alias,
                spec_bytes=preview.stored,
                requester=actor,
                reason_text=reason_text,
                updates=preview.updates,
                forecast=preview.forecast.as_dict(),
                checks=preview.report.as_dict(),
                channel=channel or self.settings.pool(alias).channel,
                at=now,
                expires_at=expires_at,
                reason=asked,
                sentence=self.say(asked),
                state=State.APPROVED if policy.allow_unreviewed else State.AWAITING_APPROVAL,
                replaces=instead_of.rollout if instead_of is not None else None,
            )
            if policy.allow_unreviewed:
                self._plan_start(tx, row, preview.spec)
        if policy.allow_unreviewed:
            self._wake()
        return self.standing(row.id)

    def may_replace(self, rollout_id: int, digest: str, actor: Actor) -> Standing:
        """The request that somebody wants to change, or to ask for again; for the form that does.

        Raises `NotAllowed` when it has started, `StaleDigest` for a card that was replaced, `LacksRole`.
        """
        row = self._get(rollout_id)
        self._current(row, digest)
        require(self.authority, actor, Role.REQUESTER, row.pool_alias)
        if row.state not in OPEN:
            return self.standing(rollout_id)
        self._not_started(row)
        if (actor.kind, actor.id) != (row.requester_kind, row.requester_id):
            require(self.authority, actor, Role.APPROVER, row.pool_alias)
        return self.standing(rollout_id)

    def _end_for_another(self, tx: Session, earlier: Replaced, preview: Preview, actor: Actor) -> None:
        row = rollouts.get(tx, earlier.rollout)
        self._current(row, earlier.digest)
        if row.pool_alias != preview.pool_alias:
            raise NotAllowed(f"Rollout {row.id} is about pool {row.pool_alias}.", "Ask for the update of that pool.")
        if row.state not in OPEN:
            return
        self._not_started(row)
        if row.digest == preview.digest:
            raise NotAllowed(
                f"Nothing is different from what rollout {row.id} asks for already.",
                "Its approvals stand. Change a choice, or leave it as it is.",
            )
        self._move(tx, row, State.SUPERSEDED, actor, because("rollout.changed", user=actor.name))

    def _as_configured(self, alias: str, choices: Choices) -> Choices:
        """The choices with the pool's configured backups and rules by tag, unless they name some (as those of a stored
        spec do).

        Raises `RolloutError` when the account may not take them: better now than when everybody has approved.
        """
        if choices.tags is None:
            choices = replace(choices, tags=self.usual(alias).tags)
        if choices.backups is None:
            choices = replace(choices, backups=configured_backups(self.settings.pool(alias)).words())
        kinds = plan_of(choices.backups or ()).kinds
        wanted = [BACKING_UP[kind.value] for kind in BackupKind if kind in kinds]
        missing = self.gateways[alias].missing_permissions(wanted) if wanted else ()
        if missing:
            raise RolloutError(
                f"The account on pool {alias} may not take the backups that are configured: {', '.join(missing)}.",
                "Give it the role pool-admin, or have an operator change pools.<alias>.backups.",
            )
        return choices


def configured_backups(pool: PoolSettings) -> BackupPlan:
    """The backups that a pool's configuration asks for."""
    kinds = frozenset(map(BackupKind, pool.backups))
    tag = pool.snapshot_tag if BackupKind.SNAPSHOTS in kinds else ""
    return BackupPlan(kinds, tag, pool.on_backup_failure == "go_on")
