"""Drives, guest tools, network links and VM groups, read from XAPI's records.

None of these is needed while a rollout is under way, so a quick look leaves their classes out; everything here then
says that it does not know.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from bot.rollout.equipment import Drive, GuestTools, Network, SnapshotSchedule, VmGroup
from bot.xen import wire
from bot.xen.wire import NULL, Record, Records

#: The classes that only a full look reads.
FULL = ("VBD", "VDI", "VIF", "PIF", "PIF_metrics", "Bond", "VM_guest_metrics", "VM_group")
#: Those that older XAPI does not have.
RECENT = frozenset({"VM_group"})


def schedules_of(classes: Mapping[str, Records]) -> tuple[SnapshotSchedule, ...]:
    """The pool's snapshot schedules, by name."""
    vms = classes.get("VM", {})
    found = [
        SnapshotSchedule(
            ref=ref,
            uuid=wire.text(record, "uuid"),
            name=wire.text(record, "name_label"),
            enabled=wire.flag(record, "enabled"),
            vms=frozenset(wire.text(vms[vm], "uuid") for vm in wire.texts(record, "VMs") if vm in vms),
        )
        for ref, record in classes.get("VMSS", {}).items()
    ]
    return tuple(sorted(found, key=lambda schedule: (schedule.name, schedule.uuid)))


def networks_of(classes: Mapping[str, Records]) -> tuple[Network, ...]:
    """The pool's networks, by name, with the hosts that have an address on each (an attached interface with one)."""
    pifs, hosts = classes.get("PIF"), classes.get("host", {})
    addressed: dict[str, set[str]] = defaultdict(set)
    for pif in (pifs or {}).values():
        has_one = bool(wire.text(pif, "IP")) or any(wire.texts(pif, "IPv6"))
        if has_one and wire.flag(pif, "currently_attached") and wire.text(pif, "host") in hosts:
            addressed[wire.text(pif, "network")].add(wire.text(hosts[wire.text(pif, "host")], "uuid"))
    found = [
        Network(
            ref=ref,
            uuid=wire.text(record, "uuid"),
            name=wire.text(record, "name_label"),
            addressed=None if pifs is None else frozenset(addressed[ref]),
        )
        for ref, record in classes.get("network", {}).items()
    ]
    return tuple(sorted(found, key=lambda network: (network.name, network.uuid)))


def drives_of(classes: Mapping[str, Records]) -> Mapping[str, tuple[Drive, ...]]:
    """The drives with a disc in them, by the VM's reference."""
    found: dict[str, list[Drive]] = defaultdict(list)
    for ref, vbd in classes.get("VBD", {}).items():
        disc_ref = wire.text(vbd, "VDI")
        disc = classes.get("VDI", {}).get(disc_ref)
        if wire.text(vbd, "type") != "CD" or wire.flag(vbd, "empty") or disc is None:
            continue
        sr = classes["SR"].get(wire.text(disc, "SR"), {})
        found[wire.text(vbd, "VM")].append(
            Drive(
                vbd=wire.text(vbd, "uuid"),
                vbd_ref=ref,
                disc=wire.text(disc, "uuid"),
                disc_ref=disc_ref,
                name=wire.text(disc, "name_label"),
                sr=wire.text(sr, "uuid"),
                shared=wire.flag(sr, "shared"),
                tools=wire.flag(sr, "is_tools_sr"),
                physical=wire.text(sr, "type") == "udev",
            )
        )
    return {vm: tuple(sorted(drives, key=lambda drive: drive.vbd)) for vm, drives in found.items()}


def storage_of(classes: Mapping[str, Records]) -> Mapping[str, tuple[str, ...]]:
    """The uuids of the storage that each VM uses, by the VM's reference; the disc of the VM Tools counts as none."""
    found: dict[str, set[str]] = defaultdict(set)
    for vbd in classes.get("VBD", {}).values():
        disk = classes.get("VDI", {}).get(wire.text(vbd, "VDI"))
        sr = classes["SR"].get(wire.text(disk, "SR")) if disk is not None else None
        if sr is not None and not wire.flag(vbd, "empty") and not wire.flag(sr, "is_tools_sr"):
            found[wire.text(vbd, "VM")].add(wire.text(sr, "uuid"))
    return {vm: tuple(sorted(srs)) for vm, srs in found.items()}


def tools_of(classes: Mapping[str, Records], vm: Record) -> tuple[GuestTools, bool | None]:
    """The VM Tools of a running VM, and whether its guest agent reports."""
    metrics = classes.get("VM_guest_metrics")
    if metrics is None or wire.text(vm, "power_state") != "Running":
        return GuestTools.UNKNOWN, None
    guest = metrics.get(wire.text(vm, "guest_metrics"))
    if guest is None or not wire.flag(guest, "PV_drivers_detected"):
        return GuestTools.MISSING, guest is not None and wire.flag(guest, "live")
    current = wire.flag(guest, "PV_drivers_up_to_date", default=True)
    return GuestTools.CURRENT if current else GuestTools.OLD, wire.flag(guest, "live")


def sriov_vms(classes: Mapping[str, Records]) -> frozenset[str]:
    """References of the VMs with an interface on an SR-IOV network."""
    networks = {
        wire.text(pif, "network") for pif in classes.get("PIF", {}).values() if wire.texts(pif, "sriov_logical_PIF_of")
    }
    return frozenset(
        wire.text(vif, "VM") for vif in classes.get("VIF", {}).values() if wire.text(vif, "network") in networks
    )


def links_down(classes: Mapping[str, Records]) -> Mapping[str, tuple[str, ...]]:
    """By the host's reference: interfaces without a link, and those unplugged whose network other hosts have."""
    pifs = classes.get("PIF", {})
    used = {wire.text(pif, "network") for pif in pifs.values() if wire.flag(pif, "currently_attached")}
    found: dict[str, set[str]] = defaultdict(set)
    for pif in pifs.values():
        if wire.text(pif, "bond_slave_of") not in ("", NULL) or not wire.flag(pif, "managed", default=True):
            continue  # the interfaces inside a bond are the bond's matter
        if not wire.flag(pif, "currently_attached"):
            down = wire.text(pif, "network") in used
        else:
            metrics = classes.get("PIF_metrics", {}).get(wire.text(pif, "metrics"))
            down = wire.flag(pif, "physical") and metrics is not None and not wire.flag(metrics, "carrier")
        if down:
            found[wire.text(pif, "host")].add(wire.text(pif, "device"))
    return {host: tuple(sorted(devices)) for host, devices in found.items()}


def bonds_degraded(classes: Mapping[str, Records]) -> Mapping[str, tuple[str, ...]]:
    """By the host's reference: bonds of which not every interface has a link."""
    found: dict[str, set[str]] = defaultdict(set)
    for bond in classes.get("Bond", {}).values():
        master = classes.get("PIF", {}).get(wire.text(bond, "master"))
        if master is not None and wire.integer(bond, "links_up") < len(wire.texts(bond, "slaves")):
            found[wire.text(master, "host")].add(wire.text(master, "device"))
    return {host: tuple(sorted(devices)) for host, devices in found.items()}


def groups_of(classes: Mapping[str, Records]) -> tuple[VmGroup, ...]:
    """The groups whose VMs should run on different hosts."""
    vms = classes["VM"]
    return tuple(
        VmGroup(
            uuid=wire.text(group, "uuid"),
            name=wire.text(group, "name_label"),
            vms=frozenset(wire.text(vms[ref], "uuid") for ref in wire.texts(group, "VMs") if ref in vms),
        )
        for group in classes.get("VM_group", {}).values()
        if wire.text(group, "placement") == "anti_affinity"
    )
