"""Fixes that people choose: what is put right at the start of a rollout, on which hosts and VMs.

A spec names every host and VM that a fix may touch (``eject_cd:<vm>``), so that people approve exactly these. The
settings that a rollout always switches off for its duration (`bot.rollout.proposal.PoolFix`) are another matter.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from enum import StrEnum

from bot.rollout.blocker import Blockers, real_blockers
from bot.rollout.errors import InvalidSpec
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
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def fix_for(remedy: Remedy, subject: str) -> str:
    """How a spec writes the fix of one host or VM."""
    return f"{_SINGLE[remedy]}:{subject}"


def subjects_of(fixes: Iterable[str], remedy: Remedy) -> tuple[str, ...]:
    """The uuids of the hosts or VMs that the spec's fixes of that kind cover."""
    prefix = f"{_SINGLE[remedy]}:"
    return tuple(fix.removeprefix(prefix) for fix in fixes if fix.startswith(prefix))


def single_fixes(fixes: Iterable[str]) -> frozenset[str]:
    """Those of a spec's fixes that somebody chose for a host or VM."""
    return frozenset(fix for fix in fixes if fix.startswith(tuple(f"{word}:" for word in _SINGLE.values())))


def is_chosen(chosen: Collection[str], remedy: Remedy, thing: VM | Host) -> bool:
    """Whether the remedy was chosen for this host or VM: for all of them (``eject_cds``), or for it by name or uuid
    (``eject_cd:web-1``)."""
    return any(word in chosen for word in (remedy.value, fix_for(remedy, thing.uuid), fix_for(remedy, thing.name)))


def chosen_fixes(words: Iterable[str], snapshot: PoolSnapshot | None = None) -> frozenset[str]:
    """The fixes that people named. Raises `InvalidSpec` for one that there is not; with `snapshot` also for a host or
    VM that the pool does not have (a uuid is no such mistake: what had it may be gone)."""
    kinds = {remedy.value for remedy in Remedy}
    singles = set(_SINGLE.values())
    found = []
    for word in words:
        kind, colon, subject = word.partition(":")
        if not (kind in singles and subject if colon else kind in kinds):
            raise InvalidSpec(
                f"{word!r} is nothing that can be put right.",
                f"Say {', '.join(sorted(kinds))} for all, or {', '.join(sorted(singles))} with a colon and a name.",
            )
        if snapshot is not None and colon and not _is_there(snapshot, subject):
            raise InvalidSpec(f"The pool has no host or VM called {subject}.", "Write its name or its uuid.")
        found.append(word)
    return frozenset(found)


def _is_there(snapshot: PoolSnapshot, subject: str) -> bool:
    things: tuple[VM | Host, ...] = (*snapshot.vms, *snapshot.hosts)
    return bool(_UUID.fullmatch(subject)) or any(subject in (thing.uuid, thing.name) for thing in things)


def fixes_for(snapshot: PoolSnapshot, emptied: Collection[str], chosen: Collection[str]) -> tuple[str, ...]:
    """The fixes that the chosen remedies mean on this pool; `emptied` are the hosts that must be emptied."""
    found = [
        fix_for(Remedy.EJECT_CDS, vm.uuid)
        for vm in snapshot.vms
        if vm.resident_on in emptied and ties(vm) and is_chosen(chosen, Remedy.EJECT_CDS, vm)
    ]
    for host in snapshot.hosts:
        if host.live and host.unplugged_srs and is_chosen(chosen, Remedy.PLUG_STORAGE, host):
            found.append(fix_for(Remedy.PLUG_STORAGE, host.uuid))
        if can_enable(host) and is_chosen(chosen, Remedy.ENABLE_HOSTS, host):
            found.append(fix_for(Remedy.ENABLE_HOSTS, host.uuid))
    return tuple(found)


def ties(vm: VM) -> bool:
    """Whether a disc in a drive keeps the VM on its host."""
    return any(drive.keeps for drive in vm.drives)


def can_enable(host: Host) -> bool:
    """Whether the host is out of service and XAPI would put it back."""
    return host.live and not host.enabled and not host.pending.mandatory


def remaining_blockers(snapshot: PoolSnapshot, blockers: Blockers, chosen: Collection[str]) -> Blockers:
    """The VMs that still cannot leave once HA is off and the chosen fixes are made, as far as can be told.

    XAPI is asked again when that is so, before any host is touched.
    """
    real = real_blockers(snapshot, blockers)
    return {
        host: tuple(entry for entry in entries if not _solved(snapshot, entry, chosen))
        for host, entries in real.items()
    }


def _solved(snapshot: PoolSnapshot, entry: VmBlocker, chosen: Collection[str]) -> bool:
    vm = snapshot.vm(entry.vm)
    if vm is None:
        return False
    if entry.code in ("NO_HOSTS_AVAILABLE", "HOST_NOT_ENOUGH_FREE_MEMORY"):
        return any(can_enable(host) and is_chosen(chosen, Remedy.ENABLE_HOSTS, host) for host in snapshot.hosts)
    if entry.code != "VM_REQUIRES_SR":
        return False
    left = set(vm.local_srs)
    ejected = is_chosen(chosen, Remedy.EJECT_CDS, vm)
    if ejected:
        left -= {drive.sr for drive in vm.drives if drive.keeps and drive.sr not in _disks(vm)}
    if left:
        return False
    # XAPI wants a VM to run on every host that may take it, so each that lacks the storage has to get it.
    missing = [host for host in snapshot.hosts if set(vm.srs) & set(host.unplugged_srs)]
    if missing:
        return all(is_chosen(chosen, Remedy.PLUG_STORAGE, host) for host in missing)
    return ejected and ties(vm)


def _disks(vm: VM) -> frozenset[str]:
    """Storage that the VM needs for more than a disc in a drive, as far as its records tell."""
    return frozenset(vm.srs) - {drive.sr for drive in vm.drives}
