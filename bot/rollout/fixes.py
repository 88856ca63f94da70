"""Fixes that people choose: what is put right at the start of a rollout, on which hosts and VMs.

A spec names every host and VM that a fix may touch (``eject_cd:<vm>``), so that people approve exactly these. The
settings that a rollout always switches off for its duration (`bot.rollout.proposal.PoolFix`) are another matter.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import StrEnum

from bot.rollout.blocker import Blockers, real_blockers
from bot.rollout.model import VM, Host, PoolSnapshot, VmBlocker


class Remedy(StrEnum):
    """What somebody who asks for a rollout may choose to have put right."""

    EJECT_CDS = "eject_cds"
    """Take discs out of drives that tie VMs to their hosts; put in again after the host's turn."""
    PLUG_STORAGE = "plug_storage"
    """Connect hosts to storage that they should have; stays so."""
    ENABLE_HOSTS = "enable_hosts"
    """Put hosts into service that people took out of it; taken out again at the end."""


_SINGLE = {Remedy.EJECT_CDS: "eject_cd", Remedy.PLUG_STORAGE: "plug_storage", Remedy.ENABLE_HOSTS: "enable_host"}


def fix_for(remedy: Remedy, subject: str) -> str:
    """How a spec writes the fix of one host or VM."""
    return f"{_SINGLE[remedy]}:{subject}"


def subjects_of(fixes: Iterable[str], remedy: Remedy) -> tuple[str, ...]:
    """The uuids of the hosts or VMs that the spec's fixes of that kind cover."""
    prefix = f"{_SINGLE[remedy]}:"
    return tuple(fix.removeprefix(prefix) for fix in fixes if fix.startswith(prefix))


def remedies_in(fixes: Iterable[str]) -> frozenset[Remedy]:
    """Which remedies were chosen, from the fixes of a spec."""
    written = tuple(fixes)
    return frozenset(remedy for remedy in Remedy if subjects_of(written, remedy))


def fixes_for(snapshot: PoolSnapshot, emptied: Collection[str], chosen: Collection[Remedy]) -> tuple[str, ...]:
    """The fixes that the chosen remedies mean on this pool; `emptied` are the hosts that must be emptied."""
    found: list[str] = []
    if Remedy.EJECT_CDS in chosen:
        found += [fix_for(Remedy.EJECT_CDS, vm.uuid) for vm in snapshot.vms if vm.resident_on in emptied and ties(vm)]
    for host in snapshot.hosts:
        if Remedy.PLUG_STORAGE in chosen and host.live and host.unplugged_srs:
            found.append(fix_for(Remedy.PLUG_STORAGE, host.uuid))
        if Remedy.ENABLE_HOSTS in chosen and can_enable(host):
            found.append(fix_for(Remedy.ENABLE_HOSTS, host.uuid))
    return tuple(found)


def ties(vm: VM) -> bool:
    """Whether a disc in a drive keeps the VM on its host."""
    return any(drive.keeps for drive in vm.drives)


def can_enable(host: Host) -> bool:
    """Whether the host is out of service and XAPI would put it back."""
    return host.live and not host.enabled and not host.pending.mandatory


def remaining_blockers(snapshot: PoolSnapshot, blockers: Blockers, chosen: Collection[Remedy]) -> Blockers:
    """The VMs that still cannot leave once HA is off and the chosen fixes are made, as far as can be told.

    XAPI is asked again when that is so, before any host is touched.
    """
    real = real_blockers(snapshot, blockers)
    return {
        host: tuple(entry for entry in entries if not _solved(snapshot, entry, chosen))
        for host, entries in real.items()
    }


def _solved(snapshot: PoolSnapshot, entry: VmBlocker, chosen: Collection[Remedy]) -> bool:
    vm = snapshot.vm(entry.vm)
    if vm is None:
        return False
    if entry.code in ("NO_HOSTS_AVAILABLE", "HOST_NOT_ENOUGH_FREE_MEMORY"):
        return Remedy.ENABLE_HOSTS in chosen and any(can_enable(host) for host in snapshot.hosts)
    if entry.code != "VM_REQUIRES_SR":
        return False
    left = set(vm.local_srs)
    if Remedy.EJECT_CDS in chosen:
        left -= {drive.sr for drive in vm.drives if drive.keeps and drive.sr not in _disks(vm)}
    if left:
        return False
    missing = any(set(vm.srs) & set(host.unplugged_srs) for host in snapshot.hosts)
    return Remedy.PLUG_STORAGE in chosen if missing else Remedy.EJECT_CDS in chosen and ties(vm)


def _disks(vm: VM) -> frozenset[str]:
    """Storage that the VM needs for more than a disc in a drive, as far as its records tell."""
    return frozenset(vm.srs) - {drive.sr for drive in vm.drives}
