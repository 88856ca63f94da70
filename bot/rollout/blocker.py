"""Why a VM cannot leave its host, and whether stopping it for the host's turn is a way out.

XAPI names one error code per VM (``host.get_vms_which_prevent_evacuation``). Most of them mean that the VM cannot
run elsewhere, so that suspending it or shutting it down solves the matter; some only say that XAPI, the VM or another
host is in a state that somebody has to end first.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from bot.rollout.equipment import GuestTools
from bot.rollout.model import VM, PoolSnapshot, PowerState, VmBlocker
from bot.rollout.spec import StoppedVms, VmTreatment

#: With HA on, XAPI answers this for every VM without HA protection before it looks at anything else.
HA_NOISE = "HOST_EVACUATE_VM_NOT_HA_PROTECTED"

Blockers = Mapping[str, tuple[VmBlocker, ...]]
"""Per host uuid the VMs that cannot leave it; a host that is missing was not asked."""


class Cause(StrEnum):
    """What keeps the VM, in the words the sentences are grouped by."""

    STORAGE = "storage"
    NETWORK = "network"
    DEVICE = "device"
    MEMORY = "memory"
    NO_HOST = "no_host"
    CPU = "cpu"
    PINNED = "pinned"
    OTHER = "other"
    BUSY = "busy"
    POWER_STATE = "power_state"
    NO_TOOLS = "no_tools"
    HOST_STATE = "host_state"
    MIXED_VERSIONS = "mixed_versions"


_CAUSES = {
    "VM_REQUIRES_SR": Cause.STORAGE,
    "VDI_ON_BOOT_MODE_INCOMPATIBLE_WITH_OPERATION": Cause.STORAGE,
    "VM_REQUIRES_NETWORK": Cause.NETWORK,
    "HOST_CANNOT_ATTACH_NETWORK": Cause.NETWORK,
    "NETWORK_SRIOV_INSUFFICIENT_CAPACITY": Cause.NETWORK,
    "VM_HAS_PCI_ATTACHED": Cause.DEVICE,
    "VM_HAS_VGPU": Cause.DEVICE,
    "VM_REQUIRES_GPU": Cause.DEVICE,
    "VM_REQUIRES_VGPU": Cause.DEVICE,
    "VM_REQUIRES_IOMMU": Cause.DEVICE,
    "VM_HAS_VUSBS": Cause.DEVICE,
    "VM_HAS_SRIOV_VIF": Cause.DEVICE,
    "HOST_NOT_ENOUGH_FREE_MEMORY": Cause.MEMORY,
    "NO_HOSTS_AVAILABLE": Cause.NO_HOST,
    "VM_INCOMPATIBLE_WITH_THIS_HOST": Cause.CPU,
    "VM_HVM_REQUIRED": Cause.CPU,
    "HOST_NOT_ENOUGH_PCPUS": Cause.CPU,
    "VM_HOST_INCOMPATIBLE_VIRTUAL_HARDWARE_PLATFORM_VERSION": Cause.CPU,
    "VM_NON_SUSPENDABLE": Cause.PINNED,
    "VM_IS_IMMOBILE": Cause.PINNED,
    "OPERATION_BLOCKED": Cause.PINNED,
    "OTHER_OPERATION_IN_PROGRESS": Cause.BUSY,
    "VM_BAD_POWER_STATE": Cause.POWER_STATE,
    "VM_LACKS_FEATURE": Cause.NO_TOOLS,
    "HOST_NOT_LIVE": Cause.HOST_STATE,
    "HOST_DISABLED": Cause.HOST_STATE,
    "NOT_SUPPORTED_DURING_UPGRADE": Cause.MIXED_VERSIONS,
}

#: Causes that suspending or shutting the VM down does not remove. Without guest tools XAPI can neither suspend the
#: VM nor shut it down cleanly; a paused VM has to be unpaused first.
PEOPLE_FIRST = frozenset({Cause.BUSY, Cause.POWER_STATE, Cause.NO_TOOLS, Cause.HOST_STATE, Cause.MIXED_VERSIONS})

#: Suspending needs the same freedom as moving: these keep a VM from both.
_NOT_SUSPENDABLE = frozenset(
    {"VM_HAS_PCI_ATTACHED", "VM_HAS_VGPU", "VM_HAS_VUSBS", "VM_NON_SUSPENDABLE", "VM_IS_IMMOBILE"}
)


def cause_of(code: str) -> Cause:
    """The cause behind an XAPI code; `Cause.OTHER` for a code we do not know."""
    return _CAUSES.get(code, Cause.OTHER)


def memory_alone(code: str) -> bool:
    """Whether XAPI keeps a VM on its host only for want of memory elsewhere: its own placement never backtracks, so
    that a better one may still be found."""
    return cause_of(code) is Cause.MEMORY


def treatment_of(vm: VM, code: str, wanted: StoppedVms) -> VmTreatment | None:
    """What is done to a VM that `code` keeps on its host, None where it would be refused.

    A VM that cannot be suspended (a passed-through device, a guest that says so, or XAPI does not allow it) is shut
    down instead. ``VM.allowed_operations`` is only trusted when it is filled in.
    """
    if wanted is StoppedVms.REFUSE or cause_of(code) in PEOPLE_FIRST or vm.power_state is not PowerState.RUNNING:
        return None
    if wanted is StoppedVms.SUSPEND and can_suspend(vm, code):
        return VmTreatment.SUSPEND
    return VmTreatment.SHUTDOWN if can_shut_down(vm, code) else None


def can_suspend(vm: VM, code: str) -> bool:
    """Whether suspending the VM is possible, as far as can be told without trying."""
    if cause_of(code) in PEOPLE_FIRST or code in _NOT_SUSPENDABLE or vm.has_pci:
        return False
    return not vm.allowed_operations or "suspend" in vm.allowed_operations


def can_shut_down(vm: VM, code: str) -> bool:
    """Whether a clean shutdown is possible, as far as can be told without trying."""
    if cause_of(code) in PEOPLE_FIRST:
        return False
    return not vm.allowed_operations or "clean_shutdown" in vm.allowed_operations


def real_blockers(snapshot: PoolSnapshot, blockers: Blockers) -> Blockers:
    """The blockers that remain when HA is off.

    While HA is on XAPI answers `HA_NOISE` for every unprotected VM and hides whatever else keeps it. The noise is
    dropped, and where the VM's own records show what would be answered instead (a passed-through device, a disk on
    local storage, no other host in service) that takes its place, so that people hear of it before HA is touched.
    XAPI is asked again once HA is off.
    """
    if not snapshot.pool.ha.enabled:
        return blockers
    found: dict[str, tuple[VmBlocker, ...]] = {}
    for host, entries in blockers.items():
        shown = (_without_noise(snapshot, host, entry) for entry in entries)
        found[host] = tuple(entry for entry in shown if entry is not None)
    return found


def _without_noise(snapshot: PoolSnapshot, host: str, entry: VmBlocker) -> VmBlocker | None:
    if entry.code != HA_NOISE:
        return entry
    vm = snapshot.vm(entry.vm)
    if vm is None:
        return None
    if not any(other.enabled and other.live and other.uuid != host for other in snapshot.hosts):
        return VmBlocker(vm.uuid, "NO_HOSTS_AVAILABLE", (vm.uuid,))
    if vm.tools is GuestTools.MISSING:
        return VmBlocker(vm.uuid, "VM_LACKS_FEATURE", (vm.uuid,))
    if vm.has_pci:
        return VmBlocker(vm.uuid, "VM_HAS_PCI_ATTACHED", (vm.uuid,))
    if vm.has_vgpu:
        return VmBlocker(vm.uuid, "VM_HAS_VGPU", (vm.uuid,))
    if vm.has_usb:
        return VmBlocker(vm.uuid, "VM_HAS_VUSBS", (vm.uuid,))
    if vm.local_srs:
        return VmBlocker(vm.uuid, "VM_REQUIRES_SR", (vm.uuid, vm.local_srs[0]))
    return None
