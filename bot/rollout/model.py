"""What a pool looks like at one moment, and which updates it has.

Everything here is frozen and comes from one observation (`bot.xen` fills it in). Sizes are bytes, moments are aware
UTC datetimes of the *server's* clock, `boot_time` and `agent_start_time` are the float seconds that XAPI keeps in
``host.other_config``. Objects name each other by uuid; `ref` is the OpaqueRef that calls need and that lives only as
long as the object.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from bot.rollout.equipment import Drive, GuestTools, Network, SnapshotSchedule, VmGroup
from bot.rollout.guidance import NO_GUIDANCE, Guidance, Task

#: Set on the pool by the installation that carries out a rollout; others stay away while it is there.
CLAIM_KEY = "xsbot:rollout"
#: Present while hosts run different versions; XAPI then refuses HA, snapshots and moves to older hosts.
ROLLING_KEY = "rolling_upgrade_in_progress"


class PowerState(StrEnum):
    """A VM's power state in XAPI's spelling."""

    RUNNING = "Running"
    PAUSED = "Paused"
    HALTED = "Halted"
    SUSPENDED = "Suspended"


@dataclass(frozen=True, slots=True)
class Version:
    """The versions that decide in which direction VMs may move (``host.software_version``).

    They change only when the host's toolstack starts, not when packages are installed.
    """

    product: str = ""
    xapi: str = ""
    platform: str = ""
    xen: str = ""

    def key(self) -> tuple[tuple[int, ...], ...]:
        """A comparable form: numbers compared as numbers, in the order platform, XAPI build, Xen."""
        return tuple(_numbers(text) for text in (self.platform, self.xapi, self.xen))

    def at_least(self, other: Version) -> bool:
        """Whether no component is older than `other`'s, which is what XAPI asks of a migration's target."""
        return all(mine >= theirs for mine, theirs in zip(self.key(), other.key(), strict=True))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in "".join(c if c.isdigit() else " " for c in text).split())


@dataclass(frozen=True, slots=True)
class Host:
    """One host as its records (host, host_metrics, PBDs and network interfaces) show it.

    `unplugged_srs` are uuids of storage that the host should have attached and has not; `links_down` and
    `bonds_degraded` name network interfaces. `licence_until` is when the licence ends, None when it does not.
    """

    ref: str
    uuid: str
    name: str
    address: str
    is_coordinator: bool = False
    enabled: bool = True
    live: bool = True
    memory_total: int = 0
    memory_overhead: int = 0
    """What the host's own control domain takes."""
    boot_time: float = 0.0
    agent_start_time: float = 0.0
    version: Version = Version()
    pending: Guidance = NO_GUIDANCE
    last_update_hash: str = ""
    latest_synced_updates_applied: str = "unknown"
    last_software_update: datetime | None = None
    current_operations: frozenset[str] = frozenset()
    unplugged_srs: tuple[str, ...] = ()
    links_down: tuple[str, ...] = ()
    bonds_degraded: tuple[str, ...] = ()
    control_domain: str = ""
    control_domain_memory: int = 0
    cpu_vendor: str = ""
    cpu_features: str = ""
    licence_until: datetime | None = None
    legacy_tls: bool = False
    power_on_mode: str = ""


@dataclass(frozen=True, slots=True)
class VM:
    """One VM that is neither a template, a snapshot nor a control domain.

    `memory` is dynamic_max plus overhead: what the VM may claim without being squeezed; `memory_least` is dynamic_min
    plus overhead, with which XAPI plans. `resident_on` is the uuid of the host it runs on, None while halted or
    suspended. `srs` are the uuids of all storage it uses, `local_srs` those that only its host has. `agent_live` says
    whether its guest agent reports, None when it was not looked.
    """

    ref: str
    uuid: str
    name: str
    power_state: PowerState = PowerState.RUNNING
    resident_on: str | None = None
    moving_to: str | None = None
    """The uuid of the host that holds memory for it because it is on its way there."""
    affinity: str | None = None
    memory: int = 0
    group: str = ""
    """The VM group it belongs to; its members are better kept apart."""
    pending: Guidance = NO_GUIDANCE
    ha_restart_priority: str = ""
    auto_poweron: bool = False
    allowed_operations: frozenset[str] = frozenset()
    current_operations: frozenset[str] = frozenset()
    at_work: frozenset[str] = frozenset()
    """The references of the tasks behind those operations."""
    local_srs: tuple[str, ...] = ()
    has_pci: bool = False
    has_vgpu: bool = False
    tags: frozenset[str] = frozenset()
    memory_least: int = 0
    has_sriov: bool = False
    has_usb: bool = False
    paravirtual: bool = False
    container_managed: bool = False
    srs: tuple[str, ...] = ()
    drives: tuple[Drive, ...] = ()
    tools: GuestTools = GuestTools.UNKNOWN
    agent_live: bool | None = None


@dataclass(frozen=True, slots=True)
class SR:
    """One storage repository; `plugged_on` are the uuids of hosts whose PBD is attached.

    `connections` has the reference of each host's PBD by the host's uuid. `free` is None where XAPI knows no size.
    """

    ref: str
    uuid: str
    name: str
    type: str = ""
    shared: bool = False
    plugged_on: frozenset[str] = frozenset()
    connections: tuple[tuple[str, str], ...] = ()
    clustered: bool = False
    free: int | None = None


@dataclass(frozen=True, slots=True)
class Repository:
    """The enabled update repository (``update = true``); `hash` is "" when it was never synced."""

    ref: str
    uuid: str
    name: str
    hash: str = ""
    binary_url: str = ""
    origin: str = "remote"


@dataclass(frozen=True, slots=True)
class XapiTask:
    """A task XAPI is working on, ours or somebody else's; `progress` from 0 to 1."""

    ref: str
    uuid: str
    name: str
    status: str = "pending"
    progress: float = 0.0
    resident_on: str | None = None
    ours: bool = False


@dataclass(frozen=True, slots=True)
class HaSettings:
    """What must be known to switch HA on again as it was.

    `heartbeat_srs` are SR uuids (found through the statefile VDIs); `configuration` is XAPI's map.
    """

    enabled: bool = False
    heartbeat_srs: tuple[str, ...] = ()
    configuration: tuple[tuple[str, str], ...] = ()
    failures_to_tolerate: int = 0
    allow_overcommit: bool = False


@dataclass(frozen=True, slots=True)
class Pool:
    """The pool record.

    `restrictions` are the features that the licence forbids, by XAPI's names without ``restrict_``.
    `ha_plan_exists_for` is how many host failures HA could survive now (only meaningful while HA is on).
    """

    ref: str
    uuid: str
    name: str
    coordinator: str
    ha: HaSettings = HaSettings()
    wlb_enabled: bool = False
    update_sync_enabled: bool = False
    auto_poweron: str | None = None
    last_update_sync: datetime | None = None
    current_operations: frozenset[str] = frozenset()
    other_config: Mapping[str, str] = field(default_factory=dict)
    restrictions: frozenset[str] = frozenset()
    ha_plan_exists_for: int = 0
    ha_overcommitted: bool = False
    secret_rotation_pending: bool = False
    live_patching_disabled: bool = False
    vswitch_controller: str = ""
    suspend_sr: str | None = None

    @property
    def claim(self) -> str | None:
        """Whose rollout holds the pool, or None."""
        return self.other_config.get(CLAIM_KEY)

    @property
    def versions_mixed(self) -> bool:
        """Whether XAPI says that hosts run different versions."""
        return self.other_config.get(ROLLING_KEY) == "true"


@dataclass(frozen=True)
class PoolSnapshot:
    """One observation of a whole pool; `taken_at` is the server's time."""

    taken_at: datetime
    pool: Pool
    hosts: tuple[Host, ...]
    vms: tuple[VM, ...] = ()
    srs: tuple[SR, ...] = ()
    repository: Repository | None = None
    tasks: tuple[XapiTask, ...] = ()
    groups: tuple[VmGroup, ...] = ()
    schedules: tuple[SnapshotSchedule, ...] = ()
    networks: tuple[Network, ...] = ()

    @cached_property
    def _hosts(self) -> Mapping[str, Host]:
        return {host.uuid: host for host in self.hosts}

    @cached_property
    def _vms(self) -> Mapping[str, VM]:
        return {vm.uuid: vm for vm in self.vms}

    @cached_property
    def _tasks(self) -> Mapping[str, XapiTask]:
        return {task.ref: task for task in self.tasks}

    @cached_property
    def _resident(self) -> Mapping[str, tuple[VM, ...]]:
        found: dict[str, list[VM]] = {}
        for vm in self.vms:
            if vm.resident_on is not None:
                found.setdefault(vm.resident_on, []).append(vm)
        return {host: tuple(vms) for host, vms in found.items()}

    def host(self, uuid: str) -> Host | None:
        """The host with that uuid, or None when it left the pool."""
        return self._hosts.get(uuid)

    def vm(self, uuid: str) -> VM | None:
        """The VM with that uuid, or None when it no longer exists."""
        return self._vms.get(uuid)

    @cached_property
    def host_uuids(self) -> frozenset[str]:
        """The uuids of all hosts."""
        return frozenset(self._hosts)

    def task(self, ref: str) -> XapiTask | None:
        """The task with that reference, None when it is over or was never seen."""
        return self._tasks.get(ref)

    def sr(self, uuid: str) -> SR | None:
        """The storage with that uuid, or None."""
        return next((sr for sr in self.srs if sr.uuid == uuid), None)

    def residents(self, host_uuid: str) -> tuple[VM, ...]:
        """The VMs that run (or are paused) on the host."""
        return self._resident.get(host_uuid, ())

    def network(self, name: str) -> Network | None:
        """The network with that uuid or name, or None; the first, where several are called so."""
        return next((network for network in self.networks if name in (network.uuid, network.name)), None)

    @property
    def schedules_at_work(self) -> tuple[SnapshotSchedule, ...]:
        """The snapshot schedules that are on and cover a VM."""
        return tuple(schedule for schedule in self.schedules if schedule.enabled and schedule.vms)

    @property
    def coordinator(self) -> Host | None:
        """The host that answers for the pool."""
        return self.host(self.pool.coordinator)

    @property
    def checksum(self) -> str:
        """The update checksum of the last sync; "" when never synced or no repository is enabled."""
        return self.repository.hash if self.repository else ""


@dataclass(frozen=True, slots=True)
class VmBlocker:
    """Why XAPI cannot move one VM off its host (``host.get_vms_which_prevent_evacuation``)."""

    vm: str
    code: str
    params: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Update:
    """One update as the vendor describes it; every text is untrusted and may be empty."""

    id: str
    title: str = ""
    summary: str = ""
    description: str = ""
    special_info: str = ""
    url: str = ""
    type: str = ""
    severity: str = ""
    issued: datetime | None = None
    guidance: Guidance = NO_GUIDANCE
    livepatch_guidance: frozenset[Task] = frozenset()
    cves: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HostUpdates:
    """What one host would get: package files, update ids, guidance, live patches as ``component base -> to``."""

    host: str
    guidance: Guidance = NO_GUIDANCE
    rpms: tuple[str, ...] = ()
    updates: tuple[str, ...] = ()
    livepatches: tuple[str, ...] = ()

    @property
    def anything(self) -> bool:
        """Whether there is something to install."""
        return bool(self.rpms or self.updates or self.livepatches)


@dataclass(frozen=True)
class AvailableUpdates:
    """The answer of ``GET /updates``: per host and per update.

    A host that is missing here is *unknown*, never up to date: XAPI's cache can be partial.
    """

    checksum: str
    hosts: tuple[HostUpdates, ...] = ()
    updates: tuple[Update, ...] = ()

    def for_host(self, uuid: str) -> HostUpdates | None:
        """What the host would get; None when XAPI did not say."""
        return self._by_host.get(uuid)

    @cached_property
    def _by_host(self) -> Mapping[str, HostUpdates]:
        return {entry.host: entry for entry in reversed(self.hosts)}

    @cached_property
    def changes_versions(self) -> bool:
        """Whether any host gets a package that changes its XAPI, Xen or platform version."""
        return any(changes_version(entry.rpms) for entry in self.hosts)


#: Packages whose update changes the version that XAPI compares between hosts.
_VERSION_PACKAGES = ("xapi-core-", "xen-hypervisor-", "xenserver-release-", "xcp-ng-release-")


def changes_version(rpms: tuple[str, ...]) -> bool:
    """Whether one of the package files changes the XAPI, Xen or platform version.

    A member that restarts with a newer XAPI than its coordinator stays out of the pool, so after such a package the
    toolstack of every updated host is restarted, coordinator first, whatever the level.
    """
    return any(rpm.startswith(_VERSION_PACKAGES) for rpm in rpms)
