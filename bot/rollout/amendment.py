"""Amendments: which change of the spec would let a rollout go on, and the spec with that change.

A rollout that meets the end of what was approved stops and asks. Where a change of the spec would let it go on, the
rules say which (an `Offer`); somebody proposes it, and the changed spec needs a quorum of its own. Nothing here
changes anything: an amended spec takes effect only through `storage.amendments`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from bot.rollout.blocker import can_shut_down, treatment_of
from bot.rollout.difference import compare
from bot.rollout.guidance import Task
from bot.rollout.model import PoolSnapshot, VmBlocker
from bot.rollout.reason import Reason
from bot.rollout.spec import AMENDED_SCHEMA, HostCeiling, Spec, StoppedVms, VmAllowance, VmTreatment

#: The intent that holds XAPI's answer about VMs that keep hosts from being emptied, alone for all hosts, with a uuid
#: behind it for one. An amendment forgets the answers, so that XAPI is asked once more before anything is stopped.
ASKED = "AskEvacuation:"


class AmendmentKind(StrEnum):
    """What an amendment is about; people type these words."""

    REBOOT = "reboot"
    """One host may be emptied and rebooted."""
    TOOLSTACK = "toolstack"
    """One host may restart its toolstack."""
    SUSPEND = "suspend"
    """VMs that cannot leave their host may be suspended for its turn (shut down where they cannot be)."""
    SHUTDOWN = "shutdown"
    """VMs that cannot leave their host may be shut down for its turn."""
    SETTING = "setting"
    """Settings of the pool may be switched off for the run."""
    DEADLINE = "deadline"
    """What is left may be begun after the deadline."""
    CHECKSUM = "checksum"
    """What is left goes to the updates of another sync."""


class AmendmentState(StrEnum):
    """What became of a proposed amendment."""

    OPEN = "open"
    APPLIED = "applied"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"
    """Another amendment was proposed in its place."""
    OVERTAKEN = "overtaken"
    """The rollout went on, or ended, in another way."""
    EXPIRED = "expired"
    """Not enough people approved it in time."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One change of the spec that would let a rollout go on: `host` by uuid, VMs with what may be done to them."""

    kind: AmendmentKind
    host: str = ""
    vms: tuple[VmAllowance, ...] = ()
    fixes: tuple[str, ...] = ()
    checksum: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The JSON form that the database keeps."""
        return {
            "kind": self.kind.value,
            "host": self.host,
            "vms": [[vm.uuid, vm.name, vm.treatment.value] for vm in self.vms],
            "fixes": list(self.fixes),
            "checksum": self.checksum,
        }

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Offer:
        """The offer kept as JSON by `as_dict`."""
        vms = tuple(VmAllowance(str(uuid), str(name), VmTreatment(word)) for uuid, name, word in data["vms"])
        fixes = tuple(map(str, data["fixes"]))
        return Offer(AmendmentKind(data["kind"]), str(data["host"]), vms, fixes, str(data["checksum"]))

    @property
    def key(self) -> str:
        """What a button carries to name exactly this offer: an old message must not propose something newer."""
        return hashlib.sha256(json.dumps(self.as_dict(), sort_keys=True).encode()).hexdigest()[:12]


def must_ask(wanted: Offer) -> bool:
    """Whether XAPI has to say first which VMs cannot leave the offer's host."""
    return wanted.kind is AmendmentKind.REBOOT or (wanted.kind is AmendmentKind.SUSPEND and not wanted.vms)


def complete(
    wanted: Offer, spec: Spec, snapshot: PoolSnapshot, blockers: Iterable[VmBlocker] | None
) -> tuple[Offer, ...]:
    """The offers that people get for what the rules want; none where no change of the spec would help.

    `blockers` is XAPI's answer about the offer's host, None when it gave none. A host is offered to be rebooted even
    then; VMs are offered to be stopped only if that frees the host of all that keep it.
    """
    if not must_ask(wanted):
        return (wanted,)
    suspended = _stopped(spec, snapshot, blockers or (), StoppedVms.SUSPEND)
    if wanted.kind is AmendmentKind.REBOOT:
        return (replace(wanted, vms=suspended or ()),)
    stopped = _stopped(spec, snapshot, blockers or (), StoppedVms.SHUTDOWN)
    offers = []
    if suspended and any(vm.treatment is VmTreatment.SUSPEND for vm in suspended):
        offers.append(replace(wanted, vms=suspended))
    if stopped:
        offers.append(Offer(AmendmentKind.SHUTDOWN, wanted.host, stopped))
    return tuple(offers)


def _stopped(
    spec: Spec, snapshot: PoolSnapshot, blockers: Iterable[VmBlocker], rule: StoppedVms
) -> tuple[VmAllowance, ...] | None:
    """How each VM would be stopped that the spec does not let us stop; None when one of them could not be."""
    found = []
    for blocker in blockers:
        vm, allowed = snapshot.vm(blocker.vm), spec.vm(blocker.vm)
        if vm is None or (allowed is not None and allowed.treatment is not VmTreatment.RESTART):
            continue
        treatment = treatment_of(vm, blocker.code, rule)
        if allowed is not None and treatment is not None:
            # Only a fresh start gives a VM that must restart what the update brings.
            treatment = VmTreatment.SHUTDOWN if can_shut_down(vm, blocker.code) else None
        if treatment is None:
            return None
        found.append(VmAllowance(vm.uuid, vm.name, treatment))
    return tuple(found)


def amended(spec: Spec, offer: Offer, number: int) -> Spec:
    """The spec with the offer's change, as the rollout's amendment of that number. Takes nothing away."""
    tasks: frozenset[Task] = frozenset()
    if offer.kind is AmendmentKind.REBOOT:
        tasks = frozenset({Task.EVACUATE_HOST, Task.REBOOT_HOST})
    elif offer.kind is AmendmentKind.TOOLSTACK:
        tasks = frozenset({Task.RESTART_TOOLSTACK})
    return replace(
        spec,
        hosts=tuple(
            replace(host, tasks=host.tasks | tasks) if host.uuid == offer.host else host for host in spec.hosts
        ),
        vms=_merged(spec.vms, offer.vms),
        fixes=tuple(sorted({*spec.fixes, *offer.fixes})),
        deadline=None if offer.kind is AmendmentKind.DEADLINE else spec.deadline,
        schema=AMENDED_SCHEMA,
        amendment=number,
    )


def rebased(spec: Spec, fresh: Spec, number: int) -> Spec:
    """The spec for another checksum: what `fresh` proposes for the pool as it is, beside what was approved before.

    Hosts that have nothing left to install stay part of it, because VMs may still be on their way home to them; a
    host is given at most what was approved for it before or is proposed now. What XAPI says about VMs that cannot move
    counts for nothing while a host is in hand; one that turns out to keep a host later is asked about then.
    """
    restarting = tuple(vm for vm in fresh.vms if vm.treatment is VmTreatment.RESTART)
    before: dict[str, HostCeiling] = {host.uuid: host for host in spec.hosts}
    left = {host.uuid for host in fresh.hosts}
    hosts = tuple(
        replace(host, tasks=host.tasks | before[host.uuid].tasks) if host.uuid in before else host
        for host in fresh.hosts
    )
    return replace(
        fresh,
        pool_name=spec.pool_name,
        hosts=hosts + tuple(host for host in spec.hosts if host.uuid not in left),
        vms=_merged(spec.vms, restarting),
        fixes=tuple(sorted({*spec.fixes, *fresh.fixes})),
        backups=spec.backups,
        rules=spec.rules,
        preset=spec.preset,
        kind=spec.kind,
        schema=AMENDED_SCHEMA,
        amendment=number,
    )


def changes(approved: Spec, new: Spec) -> tuple[Reason, ...]:
    """What an amendment changes, for its card; how a spec is written down is nobody's concern."""
    return tuple(reason for reason in compare(approved, new) if reason.code != "spec.schema")


def _merged(before: tuple[VmAllowance, ...], more: tuple[VmAllowance, ...]) -> tuple[VmAllowance, ...]:
    """Both lists, each VM once: what is newly asked for wins, except that a restart is part of a shutdown."""
    found = {vm.uuid: vm for vm in before}
    for vm in more:
        known = found.get(vm.uuid)
        if known is None or known.treatment is VmTreatment.RESTART or vm.treatment is not VmTreatment.RESTART:
            found[vm.uuid] = vm
        else:
            found[vm.uuid] = replace(vm, treatment=VmTreatment.SHUTDOWN)
    return tuple(found.values())
