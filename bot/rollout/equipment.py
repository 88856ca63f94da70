"""What belongs to hosts and VMs besides themselves: discs in drives, guest tools, groups, and what a host answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class GuestTools(StrEnum):
    """The XenServer VM Tools of a running VM, as its guest metrics show them."""

    UNKNOWN = "unknown"
    """It was not looked, or the VM does not run."""
    MISSING = "missing"
    OLD = "old"
    CURRENT = "current"


@dataclass(frozen=True, slots=True)
class Drive:
    """A virtual CD drive with a disc in it (a VBD of type CD that is not empty).

    `vbd` and `disc` (the VDI) are uuids, `vbd_ref` and `disc_ref` what calls need. `tools` is the disc of the VM
    Tools, of which every host has a copy; `shared` says that the disc's storage can be reached from several hosts;
    `physical` that it lies in a host's own drive.
    """

    vbd: str
    vbd_ref: str
    disc: str
    disc_ref: str
    name: str
    sr: str
    shared: bool = False
    tools: bool = False
    physical: bool = False

    @property
    def keeps(self) -> bool:
        """Whether it ties the VM to its host, and taking it out helps."""
        return not self.shared and not self.tools


@dataclass(frozen=True, slots=True)
class VmGroup:
    """A group whose VMs XAPI keeps on different hosts where it can (``VM_group.placement = anti_affinity``)."""

    uuid: str
    name: str
    vms: frozenset[str]


@dataclass(frozen=True, slots=True)
class SnapshotSchedule:
    """A schedule on which XAPI takes snapshots by itself (VMSS); `vms` are the uuids of the VMs that it covers."""

    ref: str
    uuid: str
    name: str
    enabled: bool = True
    vms: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Network:
    """A network of the pool; `addressed` are the uuids of hosts with an address on it, None when it was not looked."""

    ref: str
    uuid: str
    name: str
    addressed: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Probe:
    """What one host answered when it was asked itself, through the coordinator.

    `code` is XAPI's error code when it did not answer ("" when it did), `skew` how many seconds its clock is ahead
    of the coordinator's, `disk_free` the free bytes of its control domain's root disk (None where the account may
    not ask), `disk_alarm` whether it reported a disk that is nearly full since yesterday.
    """

    code: str = ""
    skew: float = 0.0
    disk_free: int | None = None
    disk_alarm: bool = False
