"""XAPI's records made into one `PoolSnapshot`.

The records come from several calls, so one may name an object that another no longer (or not yet) has; such a
reference counts as none. Everything derived here is derived from the records alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from bot.rollout.guidance import Guidance, guidance_of
from bot.rollout.model import (
    SR,
    VM,
    HaSettings,
    Host,
    Pool,
    PoolSnapshot,
    PowerState,
    Repository,
    Version,
    XapiTask,
)
from bot.xen import wire
from bot.xen.equipment import (
    bonds_degraded,
    drives_of,
    groups_of,
    links_down,
    networks_of,
    schedules_of,
    sriov_vms,
    storage_of,
    tools_of,
)
from bot.xen.wire import NULL, Record, Records

#: The key with which we mark tasks that are ours.
TASK_MARK = "xsbot"
#: The classes a snapshot is made of (networks for their names alone, which XAPI's errors refer to).
CLASSES = (
    "pool", "host", "host_metrics", "VM", "SR", "PBD", "network", "Repository", "task", "VMSS",
    "VBD", "VDI", "VIF", "PIF", "PIF_metrics", "Bond", "VM_guest_metrics", "VM_group",
)  # fmt: skip


@dataclass(frozen=True)
class PoolRecords:
    """What XAPI gave: the records of each class of `CLASSES` by reference, and its own time."""

    classes: Mapping[str, Records]
    servertime: datetime
    our_tasks: frozenset[str] = frozenset()

    def of(self, name: str) -> Records:
        """All records of a class; none of one that was left out."""
        return self.classes.get(name, {})

    def uuid(self, name: str, ref: str) -> str | None:
        """The uuid behind a reference, None when there is no such object."""
        record = self.of(name).get(ref)
        return wire.text(record, "uuid") if record is not None else None


class MadeVms:
    """The VMs that were made of earlier records, to be used again while their records are the same objects.

    Only for looks without disks: what ties a VM to its host is in other records than its own.
    """

    def __init__(self) -> None:
        self._made: dict[str, tuple[Record, VM]] = {}
        self._hosts: dict[str, str] = {}

    def clear(self) -> None:
        """Let them go."""
        self._made = {}

    def of(self, records: PoolRecords) -> list[VM]:
        """The VMs behind the records."""
        hosts = {ref: wire.text(record, "uuid") for ref, record in records.of("host").items()}
        earlier = self._made if hosts == self._hosts else {}
        made: dict[str, tuple[Record, VM]] = {}
        for ref, record in records.of("VM").items():
            if _is_guest(record):
                known = earlier.get(ref)
                made[ref] = known if known is not None and known[0] is record else (record, _vm(records, ref, record))
        self._made, self._hosts = made, hosts
        return [vm for _, vm in made.values()]


def snapshot_of(records: PoolRecords, made: MadeVms | None = None) -> PoolSnapshot:
    """The observation behind the records; with `made`, without disks and with VMs of the last look where they fit."""
    pool_ref, pool = next(iter(records.of("pool").items()))
    return PoolSnapshot(
        taken_at=records.servertime,
        pool=_pool(records, pool_ref, pool),
        hosts=tuple(sorted(_hosts(records, pool), key=lambda host: host.name)),
        vms=tuple(sorted(_vms(records) if made is None else made.of(records), key=lambda vm: vm.name)),
        srs=tuple(sorted(_srs(records), key=lambda sr: sr.name)),
        repository=enabled_repository(pool, records.of("Repository")),
        tasks=_tasks(records),
        groups=groups_of(records.classes),
        schedules=schedules_of(records.classes),
        networks=networks_of(records.classes),
    )


def names_of(records: PoolRecords) -> dict[str, str]:
    """A name for every reference that may turn up in XAPI's error parameters."""
    return {
        ref: wire.text(record, "name_label") or wire.text(record, "uuid")
        for name in ("pool", "host", "VM", "SR", "VDI", "network", "Repository", "task")
        for ref, record in records.of(name).items()
    }


def enabled_repository(pool: Record, repositories: Records) -> Repository | None:
    """The one enabled repository that carries updates; None when there is none, or more than one.

    XAPI has no flag for "enabled": it is membership in ``pool.repositories``. All its update calls refuse unless
    exactly one such repository has ``update = true``.
    """
    found = [
        (ref, repositories[ref])
        for ref in wire.texts(pool, "repositories")
        if ref in repositories and wire.flag(repositories[ref], "update")
    ]
    if len(found) != 1:
        return None
    ref, record = found[0]
    return Repository(
        ref=ref,
        uuid=wire.text(record, "uuid"),
        name=wire.text(record, "name_label"),
        hash=wire.text(record, "hash"),
        binary_url=wire.text(record, "binary_url"),
        origin=wire.text(record, "origin") or "remote",
    )


def _pool(records: PoolRecords, ref: str, record: Record) -> Pool:
    other_config = wire.mapping(record, "other_config")
    return Pool(
        ref=ref,
        uuid=wire.text(record, "uuid"),
        name=wire.text(record, "name_label"),
        coordinator=records.uuid("host", wire.text(record, "master")) or "",
        ha=HaSettings(
            enabled=wire.flag(record, "ha_enabled"),
            heartbeat_srs=_heartbeat_srs(records, record),
            configuration=tuple(sorted(wire.mapping(record, "ha_configuration").items())),
            failures_to_tolerate=wire.integer(record, "ha_host_failures_to_tolerate"),
            allow_overcommit=wire.flag(record, "ha_allow_overcommit"),
        ),
        wlb_enabled=wire.flag(record, "wlb_enabled"),
        update_sync_enabled=wire.flag(record, "update_sync_enabled"),
        auto_poweron=other_config.get("auto_poweron"),
        last_update_sync=wire.moment(record.get("last_update_sync")),
        current_operations=wire.operations(record),
        other_config=other_config,
        restrictions=frozenset(
            name.removeprefix("restrict_")
            for name, restricted in wire.mapping(record, "restrictions").items()
            if restricted == "true"
        ),
        ha_plan_exists_for=wire.integer(record, "ha_plan_exists_for"),
        ha_overcommitted=wire.flag(record, "ha_overcommitted"),
        secret_rotation_pending=wire.flag(record, "is_psr_pending"),
        live_patching_disabled=wire.flag(record, "live_patching_disabled"),
        vswitch_controller=wire.text(record, "vswitch_controller"),
        suspend_sr=records.uuid("SR", wire.text(record, "suspend_image_SR")),
    )


def _heartbeat_srs(records: PoolRecords, pool: Record) -> tuple[str, ...]:
    # ha_statefiles are references of VDIs; XAPI leaves them there when HA is switched off.
    srs: list[str] = []
    for ref in wire.texts(pool, "ha_statefiles"):
        vdi = records.of("VDI").get(ref)
        uuid = records.uuid("SR", wire.text(vdi, "SR")) if vdi is not None else None
        if uuid and uuid not in srs:
            srs.append(uuid)
    return tuple(srs)


def _hosts(records: PoolRecords, pool: Record) -> list[Host]:
    unplugged: dict[str, list[str]] = defaultdict(list)
    for pbd in records.of("PBD").values():
        sr = records.uuid("SR", wire.text(pbd, "SR"))
        if sr and not wire.flag(pbd, "currently_attached"):
            unplugged[wire.text(pbd, "host")].append(sr)
    control: dict[str, int] = defaultdict(int)
    for vm in records.of("VM").values():
        if wire.flag(vm, "is_control_domain"):
            control[wire.text(vm, "resident_on")] += wire.integer(vm, "memory_dynamic_max") + wire.integer(
                vm, "memory_overhead"
            )
    down, degraded = links_down(records.classes), bonds_degraded(records.classes)
    return [
        replace(
            _host(records, ref, record),
            is_coordinator=ref == wire.text(pool, "master"),
            unplugged_srs=tuple(sorted(unplugged[ref])),
            control_domain_memory=control[ref],
            links_down=down.get(ref, ()),
            bonds_degraded=degraded.get(ref, ()),
        )
        for ref, record in records.of("host").items()
    ]


def _host(records: PoolRecords, ref: str, record: Record) -> Host:
    metrics = records.of("host_metrics").get(wire.text(record, "metrics"), {})
    other_config = wire.mapping(record, "other_config")
    cpu = wire.mapping(record, "cpu_info")
    domain = records.of("VM").get(wire.text(record, "control_domain"), {})
    return Host(
        ref=ref,
        uuid=wire.text(record, "uuid"),
        name=wire.text(record, "name_label"),
        address=wire.text(record, "address"),
        enabled=wire.flag(record, "enabled"),
        live=wire.flag(metrics, "live"),
        memory_total=wire.integer(metrics, "memory_total"),
        memory_overhead=wire.integer(record, "memory_overhead"),
        boot_time=wire.number(other_config, "boot_time"),
        agent_start_time=wire.number(other_config, "agent_start_time"),
        version=_version(wire.mapping(record, "software_version")),
        pending=_pending(record),
        last_update_hash=wire.text(record, "last_update_hash"),
        latest_synced_updates_applied=wire.text(record, "latest_synced_updates_applied") or "unknown",
        last_software_update=wire.moment(record.get("last_software_update")),
        current_operations=wire.operations(record),
        control_domain=wire.text(domain, "uuid"),
        cpu_vendor=cpu.get("vendor", ""),
        cpu_features=cpu.get("features_hvm") or cpu.get("features", ""),
        licence_until=wire.moment(wire.mapping(record, "license_params").get("expiry", "")),
        legacy_tls=wire.flag(record, "ssl_legacy"),
        power_on_mode=wire.text(record, "power_on_mode"),
    )


def _version(software: Mapping[str, str]) -> Version:
    return Version(
        product=software.get("product_version", ""),
        xapi=software.get("xapi_build") or software.get("xapi", ""),
        platform=software.get("platform_version", ""),
        xen=software.get("xen", ""),
    )


def _pending(record: Record) -> Guidance:
    return guidance_of(
        wire.texts(record, "pending_guidances"),
        wire.texts(record, "pending_guidances_recommended"),
        wire.texts(record, "pending_guidances_full"),
    )


def _vms(records: PoolRecords) -> list[VM]:
    local, used = _local_srs(records), storage_of(records.classes)
    drives, sriov = drives_of(records.classes), sriov_vms(records.classes)
    return [
        replace(
            _vm(records, ref, record, tuple(sorted(local[ref]))),
            srs=used.get(ref, ()),
            drives=drives.get(ref, ()),
            has_sriov=ref in sriov,
        )
        for ref, record in records.of("VM").items()
        if _is_guest(record)
    ]


def _is_guest(record: Record) -> bool:
    return not any(wire.flag(record, kind) for kind in ("is_a_template", "is_a_snapshot", "is_control_domain"))


def _vm(records: PoolRecords, ref: str, record: Record, local_srs: tuple[str, ...] = ()) -> VM:
    other_config = wire.mapping(record, "other_config")
    tools, agent_live = tools_of(records.classes, record)
    return VM(
        ref=ref,
        uuid=wire.text(record, "uuid"),
        name=wire.text(record, "name_label"),
        power_state=PowerState(wire.text(record, "power_state")),
        resident_on=records.uuid("host", wire.text(record, "resident_on")),
        moving_to=records.uuid("host", wire.text(record, "scheduled_to_be_resident_on")),
        affinity=records.uuid("host", wire.text(record, "affinity")),
        memory=wire.integer(record, "memory_dynamic_max") + wire.integer(record, "memory_overhead"),
        group=next(iter(wire.texts(record, "groups")), ""),
        pending=_pending(record),
        ha_restart_priority=wire.text(record, "ha_restart_priority"),
        auto_poweron=other_config.get("auto_poweron") == "true",
        allowed_operations=frozenset(wire.texts(record, "allowed_operations")),
        current_operations=wire.operations(record),
        at_work=wire.working(record),
        local_srs=local_srs,
        has_pci=bool(wire.texts(record, "attached_PCIs") or other_config.get("pci")),
        has_vgpu=bool(wire.texts(record, "VGPUs")),
        tags=frozenset(wire.texts(record, "tags")),
        memory_least=wire.integer(record, "memory_dynamic_min") + wire.integer(record, "memory_overhead"),
        has_usb=bool(wire.texts(record, "VUSBs")),
        paravirtual=wire.text(record, "domain_type") in ("pv", "pv_in_pvh"),
        container_managed=other_config.get("xscontainer-monitor") == "true",
        tools=tools,
        agent_live=agent_live,
    )


def _local_srs(records: PoolRecords) -> dict[str, set[str]]:
    # What ties a VM to its host: a disk or CD on storage that only this host has. The SR of the tools ISO is not
    # tying, every host has its own copy.
    tying = {
        ref: wire.text(sr, "uuid")
        for ref, sr in records.of("SR").items()
        if not wire.flag(sr, "shared") and not wire.flag(sr, "is_tools_sr")
    }
    found: dict[str, set[str]] = defaultdict(set)
    for vbd in records.of("VBD").values():
        vdi = records.of("VDI").get(wire.text(vbd, "VDI"))
        if vdi is None or wire.flag(vbd, "empty"):
            continue
        sr = tying.get(wire.text(vdi, "SR"))
        if sr is not None:
            found[wire.text(vbd, "VM")].add(sr)
    return found


def _srs(records: PoolRecords) -> list[SR]:
    plugged: dict[str, set[str]] = defaultdict(set)
    connections: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for ref, pbd in records.of("PBD").items():
        host = records.uuid("host", wire.text(pbd, "host"))
        if host:
            connections[wire.text(pbd, "SR")].append((host, ref))
        if host and wire.flag(pbd, "currently_attached"):
            plugged[wire.text(pbd, "SR")].add(host)
    return [
        SR(
            ref=ref,
            uuid=wire.text(record, "uuid"),
            name=wire.text(record, "name_label"),
            type=wire.text(record, "type"),
            shared=wire.flag(record, "shared"),
            plugged_on=frozenset(plugged[ref]),
            connections=tuple(sorted(connections[ref])),
            clustered=wire.flag(record, "clustered"),
            free=_free(record),
        )
        for ref, record in records.of("SR").items()
    ]


def _free(sr: Record) -> int | None:
    size = wire.integer(sr, "physical_size")
    return size - wire.integer(sr, "physical_utilisation") if size > 0 else None


def _tasks(records: PoolRecords) -> tuple[XapiTask, ...]:
    return tuple(
        XapiTask(
            ref=ref,
            uuid=wire.text(record, "uuid"),
            name=wire.text(record, "name_label"),
            status=wire.text(record, "status"),
            progress=wire.number(record, "progress"),
            resident_on=records.uuid("host", wire.text(record, "resident_on")),
            ours=ref in records.our_tasks or TASK_MARK in wire.mapping(record, "other_config"),
        )
        for ref, record in records.of("task").items()
        if wire.text(record, "status") in ("pending", "cancelling") and ref != NULL
    )
