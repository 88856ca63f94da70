"""Guidance: which tasks an update asks for.

An update asks for tasks at three levels. `mandatory` cannot be opted out of, `recommended` gives most of the benefit,
`full` gives all of it. XAPI hands the lists *cascaded* (recommended leaves out what mandatory already covers), so the
work at one level is the union of that level and those before it. Where a host can take a live patch, XAPI has already
put the live patch's guidance in the place of the recommended one.

Two vocabularies name the same things: `GET /updates` says ``RebootHost``, the pending fields of host and VM records
say ``reboot_host``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How much of the guidance a rollout carries out."""

    MANDATORY = "mandatory"
    RECOMMENDED = "recommended"
    FULL = "full"


class Task(StrEnum):
    """One thing an update asks for; the value is the spelling of `GET /updates`."""

    EVACUATE_HOST = "EvacuateHost"
    RESTART_TOOLSTACK = "RestartToolstack"
    REBOOT_HOST = "RebootHost"
    REBOOT_HOST_ON_LIVEPATCH_FAILURE = "RebootHostOnLivePatchFailure"
    REBOOT_HOST_ON_XEN_LIVEPATCH_FAILURE = "RebootHostOnXenLivePatchFailure"
    REBOOT_HOST_ON_KERNEL_LIVEPATCH_FAILURE = "RebootHostOnKernelLivePatchFailure"
    RESTART_DEVICE_MODEL = "RestartDeviceModel"
    RESTART_VM = "RestartVM"


#: Left pending by XAPI when a live patch could not be applied; never asked for by an update itself.
LIVEPATCH_FAILURE_TASKS = frozenset(
    {
        Task.REBOOT_HOST_ON_LIVEPATCH_FAILURE,
        Task.REBOOT_HOST_ON_XEN_LIVEPATCH_FAILURE,
        Task.REBOOT_HOST_ON_KERNEL_LIVEPATCH_FAILURE,
    }
)

#: Tasks that belong to a host; the others belong to single VMs.
HOST_TASKS = frozenset({Task.EVACUATE_HOST, Task.RESTART_TOOLSTACK, Task.REBOOT_HOST}) | LIVEPATCH_FAILURE_TASKS
VM_TASKS = frozenset({Task.RESTART_DEVICE_MODEL, Task.RESTART_VM})

_PENDING_NAMES = {
    "reboot_host": Task.REBOOT_HOST,
    "reboot_host_on_livepatch_failure": Task.REBOOT_HOST_ON_LIVEPATCH_FAILURE,
    "reboot_host_on_xen_livepatch_failure": Task.REBOOT_HOST_ON_XEN_LIVEPATCH_FAILURE,
    "reboot_host_on_kernel_livepatch_failure": Task.REBOOT_HOST_ON_KERNEL_LIVEPATCH_FAILURE,
    "restart_toolstack": Task.RESTART_TOOLSTACK,
    "restart_device_model": Task.RESTART_DEVICE_MODEL,
    "restart_vm": Task.RESTART_VM,
}

# What a task already includes (XAPI's own covering order): a reboot restarts the toolstack, empties the host and
# gives every VM a new device model.
_COVERS = {
    Task.REBOOT_HOST: frozenset({Task.RESTART_TOOLSTACK, Task.EVACUATE_HOST, Task.RESTART_DEVICE_MODEL}),
    Task.EVACUATE_HOST: frozenset({Task.RESTART_DEVICE_MODEL}),
    Task.RESTART_VM: frozenset({Task.RESTART_DEVICE_MODEL}),
}

#: The order in which tasks of one host (and its VMs) are carried out.
EXECUTION_ORDER = (
    Task.EVACUATE_HOST,
    Task.RESTART_TOOLSTACK,
    Task.REBOOT_HOST,
    Task.REBOOT_HOST_ON_LIVEPATCH_FAILURE,
    Task.REBOOT_HOST_ON_XEN_LIVEPATCH_FAILURE,
    Task.REBOOT_HOST_ON_KERNEL_LIVEPATCH_FAILURE,
    Task.RESTART_DEVICE_MODEL,
    Task.RESTART_VM,
)


def parse_task(name: str) -> Task:
    """The task behind a name in either vocabulary.

    An unknown name counts as `RebootHost`, as XAPI itself treats it: the safe reading of a word that a newer update
    may bring.
    """
    pending = _PENDING_NAMES.get(name)
    if pending is not None:
        return pending
    try:
        return Task(name)
    except ValueError:
        return Task.REBOOT_HOST


def without_covered(tasks: Iterable[Task]) -> frozenset[Task]:
    """The tasks that remain when each task that a stronger one includes is dropped."""
    wanted = frozenset(tasks)
    covered = frozenset[Task]().union(*(_COVERS.get(task, frozenset()) for task in wanted))
    return wanted - covered


def in_execution_order(tasks: Iterable[Task]) -> tuple[Task, ...]:
    """The tasks in the order they are carried out."""
    wanted = frozenset(tasks)
    return tuple(task for task in EXECUTION_ORDER if task in wanted)


@dataclass(frozen=True, slots=True)
class Guidance:
    """The tasks asked for, by level, as XAPI lists them (cascaded)."""

    mandatory: frozenset[Task] = frozenset()
    recommended: frozenset[Task] = frozenset()
    full: frozenset[Task] = frozenset()

    def at(self, level: Level) -> frozenset[Task]:
        """Everything to be done at `level`: its own list and those of the levels before it."""
        tasks = self.mandatory
        if level in (Level.RECOMMENDED, Level.FULL):
            tasks |= self.recommended
        if level is Level.FULL:
            tasks |= self.full
        return tasks

    def __or__(self, other: Guidance) -> Guidance:
        return Guidance(self.mandatory | other.mandatory, self.recommended | other.recommended, self.full | other.full)

    def __bool__(self) -> bool:
        return bool(self.mandatory or self.recommended or self.full)


NO_GUIDANCE = Guidance()


def guidance_of(mandatory: Iterable[str] = (), recommended: Iterable[str] = (), full: Iterable[str] = ()) -> Guidance:
    """Guidance from XAPI's strings, in either vocabulary."""
    return Guidance(
        frozenset(map(parse_task, mandatory)),
        frozenset(map(parse_task, recommended)),
        frozenset(map(parse_task, full)),
    )
