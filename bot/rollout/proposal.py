"""From a request to a spec: which hosts, and the most that may be done to each host and VM.

`propose` writes down bounds, not a script. Everything it uses was observed before anything is touched; what the
rollout finds beyond these bounds later needs a new approval.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.rollout.allowing import treatments_of
from bot.rollout.blocker import Blockers
from bot.rollout.errors import InvalidSpec
from bot.rollout.fixes import chosen_fixes, fixes_for, single_fixes
from bot.rollout.guidance import LIVEPATCH_FAILURE_TASKS, Level, Task
from bot.rollout.kind import Kind, kind_of
from bot.rollout.model import AvailableUpdates, Host, HostUpdates, Pool, PoolSnapshot
from bot.rollout.spec import (
    HostCeiling,
    Livepatch,
    OnLivepatchFailure,
    Placement,
    Preset,
    Spec,
    StoppedVms,
    VmAllowance,
    VmRestarts,
    VmRule,
    with_schema,
)
from bot.rollout.vm_policy import VmWish, kept_on, require_vms, rules_for


@dataclass(frozen=True, slots=True)
class Choices:
    """What the person who asks may choose."""

    level: Level = Level.RECOMMENDED
    stopped_vms: StoppedVms = StoppedVms.REFUSE
    livepatch: Livepatch = Livepatch.ACCEPT
    on_livepatch_failure: OnLivepatchFailure = OnLivepatchFailure.ASK
    #: The words of a `bot.rollout.backups.BackupPlan`; None: as the pool's configuration says.
    backups: tuple[str, ...] | None = None
    #: What for, and with `Kind.REBOOT` which hosts (uuids; none: all of them).
    kind: Kind = Kind.CDN
    hosts: tuple[str, ...] = ()
    preset: Preset = Preset.SERIAL
    placement: Placement = Placement.HOME
    max_out: int = 0
    order: tuple[str, ...] = ()
    """Names or uuids of hosts wanted first, in this order."""
    left_out: tuple[str, ...] = ()
    """Names or uuids of hosts that are not touched."""
    pause_points: tuple[str, ...] = ()
    deadline: datetime | None = None
    fixes: frozenset[str] = frozenset()
    """What is put right: a `bot.rollout.fixes.Remedy` for all, or the fix of one host or VM by name or uuid."""
    vms: tuple[VmWish, ...] = ()
    """What is wanted for single VMs, by name or uuid."""
    tags: tuple[VmWish, ...] | None = None
    """What is wanted for VMs by their tags; None: as the pool's configuration says."""
    vm_restarts: VmRestarts = VmRestarts.HOME
    vms_at_once: int = 0
    evacuate_at_once: int = 0
    network: str = ""
    """Name or uuid of the network over which VMs move."""
    hold_snapshots: bool = True
    """Whether snapshot schedules are switched off meanwhile: not where the account may not."""
    start_at: datetime | None = None
    """Not before then; None: as soon as it is approved."""
    emergency: bool = False


def preset_of(spec: Spec) -> Preset:
    """The preset behind a spec; the most cautious one for a name that this release does not know."""
    known = {preset.value: preset for preset in Preset}
    return known.get(spec.preset, Preset.SERIAL)


def choices_of(spec: Spec) -> Choices:
    """The choices behind a spec."""
    kind = kind_of(spec.kind) or Kind.CDN
    hosts = tuple(host.uuid for host in spec.hosts) if kind is Kind.REBOOT else ()
    return Choices(
        level=spec.level,
        stopped_vms=spec.stopped_vms,
        livepatch=spec.livepatch,
        on_livepatch_failure=spec.on_livepatch_failure,
        backups=spec.backups,
        kind=kind,
        hosts=hosts,
        preset=preset_of(spec),
        placement=spec.placement,
        max_out=spec.max_out,
        order=spec.order,
        left_out=tuple(uuid for uuid, _ in spec.left_out),
        pause_points=spec.pause_points,
        deadline=spec.deadline,
        fixes=single_fixes(spec.fixes),
        vms=tuple(VmWish(rule.uuid, rule.way, rule.order, resolved=True, called=rule.name) for rule in spec.rules),
        tags=(),
        vm_restarts=spec.vm_restarts,
        vms_at_once=spec.vms_at_once,
        evacuate_at_once=spec.evacuate_at_once,
        network=spec.network[0] or spec.network[1],
        start_at=spec.start_at,
        emergency=spec.emergency,
    )


class PoolFix(StrEnum):
    """What a rollout switches off on the pool for its duration and gives back at its end."""

    HA_OFF = "ha_off"
    WLB_OFF = "wlb_off"
    AUTO_POWERON_OFF = "auto_poweron_off"
    SYNC_SCHEDULE_OFF = "sync_schedule_off"
    SNAPSHOTS_OFF = "snapshots_off"
    """Snapshot schedules; they are in the way only of the moves that they happen to meet, so that a rollout does
    without where the account may not switch them."""


def pool_fixes(pool: Pool) -> tuple[PoolFix, ...]:
    """The settings of this pool that are in a rollout's way, whatever else."""
    wanted = {
        PoolFix.HA_OFF: pool.ha.enabled,
        PoolFix.WLB_OFF: pool.wlb_enabled,
        PoolFix.AUTO_POWERON_OFF: pool.auto_poweron == "true",
        PoolFix.SYNC_SCHEDULE_OFF: pool.update_sync_enabled,
    }
    return tuple(fix for fix, needed in wanted.items() if needed)


def propose(snapshot: PoolSnapshot, updates: AvailableUpdates, blockers: Blockers, choices: Choices) -> Spec:
    """The spec that carries out `choices` on the pool as it is.

    `blockers` is XAPI's answer per host that may have to be emptied. Hosts whose updates are unknown are part of the
    spec, so that the check that refuses them has a place to stand. Raises `InvalidSpec` for a coordinator
    that is left out although its members would get newer versions than it has.
    """
    rules = rules_for(snapshot, choices.vms, choices.tags or ())
    left_out = _named(snapshot, choices.left_out)
    left_out += tuple(
        host
        for host in _in_order(snapshot)
        if host not in left_out and _must_be_left(snapshot, updates, host, choices, rules)
    )
    hosts = tuple(
        HostCeiling(host.uuid, host.name, ceiling(snapshot, updates, host, choices))
        for host in _in_order(snapshot)
        if host not in left_out and _takes_part(snapshot, updates, host, choices)
    )
    if hosts and any(host.is_coordinator for host in left_out) and versions_change(snapshot, updates):
        raise InvalidSpec(
            "The coordinator cannot be left out: its members would get newer versions than it has.",
            "Leave other hosts out, or update the coordinator too.",
        )
    spec = Spec(
        pool_uuid=snapshot.pool.uuid,
        pool_name=snapshot.pool.name,
        checksum=updates.checksum,
        level=choices.level,
        hosts=hosts,
        vms=_allowances(snapshot, blockers, hosts, choices, rules),
        stopped_vms=choices.stopped_vms,
        livepatch=choices.livepatch,
        on_livepatch_failure=choices.on_livepatch_failure,
        fixes=_fixes(snapshot, hosts, choices),
        preset=choices.preset.value,
        placement=choices.placement,
        max_out=choices.max_out,
        order=tuple(host.uuid for host in _named(snapshot, choices.order)),
        left_out=tuple((host.uuid, host.name) for host in left_out),
        pause_points=choices.pause_points,
        deadline=choices.deadline,
        backups=choices.backups or () if hosts else (),
        kind=choices.kind.value,
        rules=rules if hosts else (),
        vm_restarts=choices.vm_restarts,
        vms_at_once=choices.vms_at_once,
        evacuate_at_once=choices.evacuate_at_once,
        network=_network(snapshot, choices.network),
        start_at=choices.start_at,
        emergency=choices.emergency,
    )
    return with_schema(spec)


def _network(snapshot: PoolSnapshot, name: str) -> tuple[str, str]:
    """The network's uuid and name; one that there is not keeps its name, for the check that refuses it."""
    network = snapshot.network(name) if name else None
    return (network.uuid, network.name) if network is not None else ("", name)


def _must_be_left(
    snapshot: PoolSnapshot, updates: AvailableUpdates, host: Host, choices: Choices, rules: tuple[VmRule, ...]
) -> bool:
    """Whether the host would be emptied and has a VM that is to be left as it is.

    The coordinator stays part of a rollout that changes versions, so that a check can say that it cannot be so.
    """
    if not kept_on(snapshot, rules, host.uuid) or not _takes_part(snapshot, updates, host, choices):
        return False
    if host.is_coordinator and versions_change(snapshot, updates):
        return False
    return Task.EVACUATE_HOST in expected_tasks(snapshot, updates, host, choices)


def require_hosts(snapshot: PoolSnapshot, choices: Choices) -> None:
    """Raise `InvalidSpec` when people named a host or VM that the pool does not have."""
    require_vms(snapshot, choices.vms)
    chosen_fixes(choices.fixes, snapshot)
    known = {name for host in snapshot.hosts for name in (host.uuid, host.name)}
    for name in (*choices.order, *choices.left_out):
        if name not in known:
            names = ", ".join(sorted((host.name for host in snapshot.hosts), key=natural_key))
            raise InvalidSpec(f"The pool has no host called {name}.", f"Its hosts are {names}.")


def _named(snapshot: PoolSnapshot, names: tuple[str, ...]) -> tuple[Host, ...]:
    """The hosts people named, by name or uuid, in their order; those that left the pool are missing."""
    by_name = {host.name: host for host in snapshot.hosts} | {host.uuid: host for host in snapshot.hosts}
    return tuple(dict.fromkeys(by_name[name] for name in names if name in by_name))


def _fixes(snapshot: PoolSnapshot, hosts: tuple[HostCeiling, ...], choices: Choices) -> tuple[str, ...]:
    if not hosts:
        return ()
    emptied = {host.uuid for host in hosts if Task.EVACUATE_HOST in host.tasks}
    chosen = fixes_for(snapshot, emptied, choices.fixes)
    held = (PoolFix.SNAPSHOTS_OFF.value,) if choices.hold_snapshots and snapshot.schedules_at_work else ()
    return (*(fix.value for fix in pool_fixes(snapshot.pool)), *held, *chosen)


def installs(host: Host, updates: HostUpdates | None, checksum: str) -> bool:
    """Whether the host has something to install, or may have because XAPI did not say.

    A host that took exactly this checksum is done, whatever the answer of ``GET /updates`` (taken earlier, or
    partial) says about it.
    """
    if checksum and host.last_update_hash == checksum:
        return False
    return updates is None or updates.anything


def host_needs_turn(host: Host, updates_for_host: HostUpdates | None, checksum: str, level: Level) -> bool:
    """Whether anything is left to do for the host: updates to install or pending tasks at the level.

    A reboot that XAPI would like because a live patch failed is not counted: it is a person's choice.
    """
    return installs(host, updates_for_host, checksum) or bool(host.pending.at(level) - LIVEPATCH_FAILURE_TASKS)


def expected_tasks(snapshot: PoolSnapshot, updates: AvailableUpdates, host: Host, choices: Choices) -> frozenset[Task]:
    """What will be done to the host if every live patch succeeds."""
    entry = updates.for_host(host.uuid)
    pending = host.pending.at(choices.level)
    tasks = pending - LIVEPATCH_FAILURE_TASKS
    if installs(host, entry, updates.checksum) and entry is not None:
        tasks |= entry.guidance.at(choices.level)
        if entry.livepatches and choices.livepatch is Livepatch.REBOOT_ANYWAY:
            tasks |= {Task.REBOOT_HOST}
    if pending & LIVEPATCH_FAILURE_TASKS and choices.on_livepatch_failure is OnLivepatchFailure.REBOOT:
        tasks |= {Task.REBOOT_HOST}
    if versions_change(snapshot, updates) and _takes_part(snapshot, updates, host, choices):
        # A member that restarts with a newer XAPI than its coordinator stays out of the pool, and HA cannot return
        # while versions differ: so every updated host restarts its toolstack, at every level.
        tasks |= {Task.RESTART_TOOLSTACK}
    if any(Task.RESTART_DEVICE_MODEL in vm.pending.at(choices.level) for vm in snapshot.residents(host.uuid)):
        tasks |= {Task.RESTART_DEVICE_MODEL}
    if choices.kind is Kind.REBOOT:
        tasks |= {Task.REBOOT_HOST}
    if choices.vm_restarts is VmRestarts.PENDING:
        tasks -= {Task.RESTART_VM}
    return tasks | {Task.EVACUATE_HOST} if Task.REBOOT_HOST in tasks else tasks


def ceiling(snapshot: PoolSnapshot, updates: AvailableUpdates, host: Host, choices: Choices) -> frozenset[Task]:
    """The most that may be done to the host: what is expected, and the reboot agreed to if a live patch fails."""
    tasks = expected_tasks(snapshot, updates, host, choices)
    entry = updates.for_host(host.uuid)
    may_fail = entry is not None and bool(entry.livepatches) and installs(host, entry, updates.checksum)
    if may_fail and choices.on_livepatch_failure is OnLivepatchFailure.REBOOT:
        tasks |= {Task.REBOOT_HOST, Task.EVACUATE_HOST}
    return tasks


def versions_change(snapshot: PoolSnapshot, updates: AvailableUpdates) -> bool:
    """Whether this rollout changes the XAPI, Xen or platform version, or finds the pool between two of them."""
    if snapshot.pool.versions_mixed:
        return True
    return updates.changes_versions


def host_order(snapshot: PoolSnapshot, spec: Spec) -> tuple[Host, ...]:
    """The spec's hosts that are still in the pool: the coordinator, then those that people want first, then the other
    members by name as people count."""
    wanted = {uuid: place for place, uuid in enumerate(spec.order)}
    hosts = (host for host in _in_order(snapshot) if spec.host(host.uuid) is not None)
    first = snapshot.pool.coordinator
    return tuple(sorted(hosts, key=lambda host: (host.uuid != first, wanted.get(host.uuid, len(wanted)))))


def natural_key(name: str) -> tuple[tuple[int, str], ...]:
    """A sort key under which xs-2 comes before xs-10."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name.casefold())
    return tuple((int(part), "") if part[0] in "0123456789" else (-1, part) for part in parts)


def _in_order(snapshot: PoolSnapshot) -> tuple[Host, ...]:
    coordinator = snapshot.pool.coordinator
    return tuple(sorted(snapshot.hosts, key=lambda host: (host.uuid != coordinator, natural_key(host.name), host.uuid)))


def _takes_part(snapshot: PoolSnapshot, updates: AvailableUpdates, host: Host, choices: Choices) -> bool:
    if choices.kind is Kind.REBOOT:
        return not choices.hosts or host.uuid in choices.hosts
    entry = updates.for_host(host.uuid)
    if host_needs_turn(host, entry, updates.checksum, choices.level):
        return True
    everything = host.pending.at(Level.FULL)
    if everything & {Task.RESTART_TOOLSTACK, Task.REBOOT_HOST} and versions_change(snapshot, updates):
        return True  # updated earlier, and still running the old version
    wants_reboot = host.pending.at(choices.level) & LIVEPATCH_FAILURE_TASKS
    return bool(wants_reboot) and choices.on_livepatch_failure is OnLivepatchFailure.REBOOT


def _allowances(
    snapshot: PoolSnapshot,
    blockers: Blockers,
    hosts: tuple[HostCeiling, ...],
    choices: Choices,
    rules: tuple[VmRule, ...],
) -> tuple[VmAllowance, ...]:
    """One allowance per VM at most, in the order people read."""
    treatments = treatments_of(snapshot, blockers, hosts, choices, rules) if hosts else {}
    names: Mapping[str, str] = {vm.uuid: vm.name for vm in snapshot.vms}
    chosen = sorted(treatments.items(), key=lambda item: (natural_key(names[item[0]]), item[0]))
    return tuple(VmAllowance(uuid, names[uuid], treatment) for uuid, treatment in chosen)
