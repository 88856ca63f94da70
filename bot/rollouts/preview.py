"""What an update would do to a pool, before anybody asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from bot.rollout.checks import Facts, Report, run_checks
from bot.rollout.decision import Estimates
from bot.rollout.equipment import Probe
from bot.rollout.forecast import Forecast, costs_by_level, costs_by_preset, forecast
from bot.rollout.guidance import Level
from bot.rollout.kind import Kind, nothing_to_install
from bot.rollout.model import AvailableUpdates, PoolSnapshot, VmBlocker
from bot.rollout.proposal import Choices, propose, require_hosts
from bot.rollout.spec import Preset, Spec, canonical_bytes, digest_of
from bot.time import Time
from bot.xen.errors import XenError
from bot.xen.gateway import Gateway
from bot.xen.permissions import HOLDING_SNAPSHOTS


@dataclass(frozen=True)
class Preview:
    """The spec that would be asked for, whether the checks let it, and what it would cost at each level and with each
    preset."""

    pool_alias: str
    snapshot: PoolSnapshot
    updates: AvailableUpdates
    blockers: Mapping[str, tuple[VmBlocker, ...]]
    choices: Choices
    spec: Spec
    report: Report
    forecast: Forecast
    costs: Mapping[Level, Forecast]
    presets: Mapping[Preset, Forecast]

    @property
    def blocked(self) -> bool:
        """Whether a check forbids it."""
        return self.report.blocked

    @property
    def stored(self) -> bytes:
        """The spec's canonical bytes."""
        return canonical_bytes(self.spec)

    @property
    def digest(self) -> str:
        """The digest that approvals would belong to."""
        return digest_of(self.stored)


def look(
    alias: str,
    gateway: Gateway,
    choices: Choices,
    estimates: Estimates,
    time: Time,
    owner: str = "",
    *,
    starting: bool = False,
) -> Preview:
    """Ask XAPI how the pool is and work out what an update with these choices would do.

    Takes seconds on a large pool: a few answers per host. `starting` when the rollout begins if nothing is in its
    way. Raises `bot.xen.errors.XenError`.
    """
    snapshot = gateway.snapshot()
    if choices.kind is not Kind.CDN:
        updates = nothing_to_install(snapshot)
    else:
        known = snapshot.repository is not None and snapshot.checksum
        updates = _updates(gateway) if known else AvailableUpdates("")
    if snapshot.schedules_at_work and gateway.missing_permissions([HOLDING_SNAPSHOTS]):
        choices = replace(choices, hold_snapshots=False)
    blockers = {host.uuid: gateway.evacuation_blockers(host.uuid) for host in snapshot.hosts if host.live}
    probes = gateway.probe(snapshot.hosts)
    return preview_of(alias, snapshot, updates, blockers, choices, estimates, time, owner, probes, starting=starting)


def _updates(gateway: Gateway) -> AvailableUpdates:
    """Which updates there are; none are known where the licence forbids to ask, which a check says better."""
    try:
        return gateway.updates()
    except XenError as error:
        if error.code != "LICENCE_RESTRICTION":
            raise
        return AvailableUpdates("")


def preview_of(
    alias: str,
    snapshot: PoolSnapshot,
    updates: AvailableUpdates,
    blockers: Mapping[str, tuple[VmBlocker, ...]],
    choices: Choices,
    estimates: Estimates,
    time: Time,
    owner: str = "",
    probes: Mapping[str, Probe] = MappingProxyType({}),
    *,
    starting: bool = False,
) -> Preview:
    """The preview of what was already observed; changing a choice needs no new question to XAPI."""
    require_hosts(snapshot, choices)
    spec = propose(snapshot, updates, blockers, choices)
    facts = Facts(
        snapshot=snapshot,
        updates=updates,
        choices=choices,
        blockers=blockers,
        now=snapshot.taken_at,
        owner=owner,
        probes=probes,
        starting=starting,
    )
    return Preview(
        pool_alias=alias,
        snapshot=snapshot,
        updates=updates,
        blockers=blockers,
        choices=choices,
        spec=spec,
        report=run_checks(facts),
        forecast=forecast(spec, snapshot, updates, estimates),
        costs=costs_by_level(snapshot, updates, blockers, choices, estimates),
        presets=costs_by_preset(snapshot, updates, blockers, choices, estimates),
    )
