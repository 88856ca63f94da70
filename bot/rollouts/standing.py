"""One rollout or pool as people see it: the rows of the database put together, nothing asked of XAPI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.rollout.amendment import changes
from bot.rollout.difference import compare_updates
from bot.rollout.forecast import Forecast
from bot.rollout.guidance import Level
from bot.rollout.kind import Kind
from bot.rollout.memory import Debt
from bot.rollout.model import AvailableUpdates
from bot.rollout.policy import Approval, ApprovalPolicy, Quorum, quorum
from bot.rollout.reason import Reason
from bot.rollout.spec import Spec
from bot.rollouts.roles import Role
from bot.settings import Settings
from storage import amendments, approvals, debts, pools, rollouts, specs, turns
from storage.database import Session
from storage.tables import AmendmentRow, PoolRow, RolloutRow, TurnRow
from storage.updates_codec import updates_from_json


@dataclass(frozen=True)
class AmendmentStanding:
    """One amendment: what it would change of the spec it was proposed against, and who approved it so far."""

    row: AmendmentRow
    spec: Spec
    changes: tuple[Reason, ...]
    approvals: tuple[tuple[str, str, datetime], ...]
    quorum: Quorum


@dataclass(frozen=True)
class Standing:
    """One rollout: its row, what was approved by whom, how far its hosts are, what is owed, what was proposed."""

    row: RolloutRow
    spec: Spec
    digest: str
    approvals: tuple[tuple[str, str, datetime], ...]
    quorum: Quorum
    policy: ApprovalPolicy
    report: Mapping[str, Any]
    forecast: Forecast
    turns: tuple[TurnRow, ...]
    debts: tuple[Debt, ...]
    updates: AvailableUpdates
    amendment: AmendmentStanding | None = None
    """The open amendment."""
    windows: tuple[str, ...] = ()
    """The pool's maintenance windows, as configured."""
    zone: str = "UTC"
    """The time zone that they, and typed times, are read in."""
    replaced: tuple[Reason, ...] = ()
    """How it differs from the request that it takes the place of."""


@dataclass(frozen=True)
class PoolStanding:
    """One configured pool: what the last poll saw, the rollout that holds it, what is owed."""

    alias: str
    row: PoolRow | None
    open_rollout: RolloutRow | None
    debts: tuple[Debt, ...]
    mode: str


def policy_of(
    settings: Settings,
    alias: str,
    level: Level = Level.RECOMMENDED,
    kind: str = Kind.CDN.value,
    *,
    emergency: bool = False,
) -> ApprovalPolicy:
    """The approval policy of a pool, from its configuration, for rollouts of that guidance level and kind. Nothing is
    unreviewed in an emergency, and no ticket is asked for."""
    # A rollout outlives the configuration of its pool; the general rules then stand in.
    approval = settings.approval_for(alias) if alias in settings.pools else settings.approval
    by_level = {Level.MANDATORY: approval.required_mandatory, Level.FULL: approval.required_full}
    if kind == Kind.REBOOT:
        by_level.pop(Level.MANDATORY)  # whoever names hosts to be rebooted asks for more than the least
    return ApprovalPolicy(
        required=approval.required_emergency if emergency else by_level.get(level) or approval.required,
        expires_after=timedelta(hours=approval.expires_after_hours),
        start_within=timedelta(hours=approval.start_within_hours),
        allow_unreviewed=approval.allow_unreviewed and not emergency,
        ticket="" if emergency else approval.ticket,
    )


def approvers_of(settings: Settings, row: RolloutRow) -> tuple[str, ...]:
    """Who may approve the rollout, as configured: ids of people, groups and channels."""
    roles = settings.roles_for(row.pool_alias)
    return roles.emergency if row.emergency else roles.approver


def approving_role(row: RolloutRow) -> Role:
    """The role of those who approve the rollout."""
    return Role.EMERGENCY if row.emergency else Role.APPROVER


def standing_of(tx: Session, row: RolloutRow, settings: Settings, approvers: frozenset[str] | None) -> Standing:
    """The standing of a rollout.

    With `approvers`, those who may approve *now*, only their approvals are counted; without (where only the record
    matters) every recorded one is.
    """
    return standings_of(tx, [(row, approvers)], settings)[0]


def standings_of(
    tx: Session, rows: Sequence[tuple[RolloutRow, frozenset[str] | None]], settings: Settings
) -> list[Standing]:
    """The standings of several rollouts, each with who may approve it now; as many queries as for one."""
    ids = [row.id for row, _ in rows]
    asked_for = specs.of_each(tx, [row for row, _ in rows])
    given, hosts, owed = approvals.with_names(tx, ids), turns.of_each(tx, ids), debts.all_open(tx)
    proposed = amendments.open_of_each(tx, ids)
    return [
        _standing(
            row,
            approvers,
            settings,
            asked_for[row.id],
            given[row.id],
            hosts[row.id],
            owed.get(row.pool_uuid, ()),
            amendment_standing(tx, row, proposed[row.id], settings, approvers) if row.id in proposed else None,
            _against_earlier(tx, row, asked_for[row.id][0]),
        )
        for row, approvers in rows
    ]


def _standing(
    row: RolloutRow,
    approvers: frozenset[str] | None,
    settings: Settings,
    spec: tuple[Spec, bytes, str],
    given: Sequence[tuple[Approval, str]],
    hosts: Sequence[TurnRow],
    owed: tuple[Debt, ...],
    amendment: AmendmentStanding | None,
    replaced: tuple[Reason, ...],
) -> Standing:
    digest = spec[2]
    policy = policy_of(settings, row.pool_alias, spec[0].level, spec[0].kind, emergency=row.emergency)
    authorised = approvers if approvers is not None else frozenset(entry.user for entry, _ in given)
    return Standing(
        row=row,
        spec=spec[0],
        digest=digest,
        approvals=tuple(
            (entry.user, user_name, entry.at)
            for entry, user_name in given
            if entry.digest == digest and not entry.revoked
        ),
        quorum=quorum(policy, digest, row.requester_id, [entry for entry, _ in given], authorised),
        policy=policy,
        report=row.checks,
        forecast=Forecast.from_dict(row.forecast),
        turns=tuple(hosts),
        debts=owed,
        updates=updates_from_json(row.updates),
        amendment=amendment,
        windows=settings.maintenance_for(row.pool_alias).windows,
        zone=settings.maintenance_for(row.pool_alias).time_zone,
        replaced=replaced,
    )


def _against_earlier(tx: Session, row: RolloutRow, spec: Spec) -> tuple[Reason, ...]:
    """What is asked for now and was not before; nothing where there was no request before."""
    if row.replaces is None:
        return ()
    earlier = rollouts.get(tx, row.replaces)
    lists = updates_from_json(earlier.updates), updates_from_json(row.updates)
    return (*changes(specs.of(tx, row.replaces)[0], spec), *compare_updates(*lists))


def amendment_standing(
    tx: Session, row: RolloutRow, amendment: AmendmentRow, settings: Settings, approvers: frozenset[str] | None
) -> AmendmentStanding:
    """The standing of one amendment of the rollout, open or not; `approvers` as for `standing_of`."""
    spec = specs.at(tx, row.id, amendment.digest)[0]
    given = approvals.of(tx, row.id)
    names = approvals.names(tx, row.id)
    authorised = approvers if approvers is not None else frozenset(entry.user for entry in given)
    policy = policy_of(settings, row.pool_alias, spec.level, spec.kind, emergency=row.emergency)
    return AmendmentStanding(
        row=amendment,
        spec=spec,
        changes=changes(specs.at(tx, row.id, amendment.replaces)[0], spec),
        approvals=tuple(
            (entry.user, names.get(entry.user, entry.user), entry.at)
            for entry in given
            if entry.digest == amendment.digest and not entry.revoked
        ),
        quorum=quorum(policy, amendment.digest, row.requester_id, given, authorised, proposer=amendment.proposer_id),
    )


def pool_standings(tx: Session, settings: Settings, aliases: Sequence[str] | None = None) -> list[PoolStanding]:
    """Every configured pool, in the order of the configuration; with `aliases`, those, in that order."""
    wanted = list(settings.pools) if aliases is None else aliases
    open_by_alias = {row.pool_alias: row for row in rollouts.open_rollouts(tx, aliases)}
    seen, owed = pools.pools_by_alias(tx, aliases), debts.all_open(tx)
    found = []
    for alias in wanted:
        pool = settings.pools[alias]
        row = seen.get(alias)
        due = owed.get(row.uuid, ()) if row is not None else ()
        found.append(PoolStanding(alias, row, open_by_alias.get(alias), due, pool.mode))
    return found
