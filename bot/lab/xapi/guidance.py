"""Guidance arithmetic: which tasks updates ask for, at which level, for which host.

Covering order: RebootHost covers RestartToolstack, EvacuateHost and RestartDeviceModel; EvacuateHost and RestartVM each
cover RestartDeviceModel. A host's lists are cascaded: a level leaves out what a stronger level already demands.
"""

from __future__ import annotations

from collections.abc import Iterable

from bot.lab.scenario import Livepatch, Update
from bot.lab.xapi.machine import Machine, split_package, version_key

LEVELS = ("mandatory", "recommended", "full")
FIELDS = {
    "mandatory": "pending_guidances",
    "recommended": "pending_guidances_recommended",
    "full": "pending_guidances_full",
}
TASKS = ("RebootHost", "EvacuateHost", "RestartToolstack", "RestartDeviceModel", "RestartVM")
#: The HTTP answer speaks CamelCase, the database snake_case. EvacuateHost never becomes pending.
PENDING = {
    "RebootHost": "reboot_host",
    "RestartToolstack": "restart_toolstack",
    "RestartDeviceModel": "restart_device_model",
    "RestartVM": "restart_vm",
}
_COVERS = {
    "RebootHost": {"RestartToolstack", "EvacuateHost", "RestartDeviceModel"},
    "EvacuateHost": {"RestartDeviceModel"},
    "RestartVM": {"RestartDeviceModel"},
}

Guidance = dict[str, list[str]]


def _covered(tasks: Iterable[str]) -> set[str]:
    covered: set[str] = set()
    for task in tasks:
        covered |= _COVERS.get(task, set())
    return covered


def cascade(raw: dict[str, set[str]]) -> Guidance:
    """Drop in every level what that level or a stronger one covers already."""
    answer: Guidance = {}
    above: set[str] = set()
    for level in LEVELS:
        tasks = raw[level] - _covered(raw[level]) - above - _covered(above)
        answer[level] = [task for task in TASKS if task in tasks]
        above |= tasks
    return answer


def livepatches_for(machine: Machine, updates: Iterable[Update]) -> list[Livepatch]:
    """The live patches that fit what runs on the host; none when a reboot is mandatory anyway."""
    updates = list(updates)
    if any("RebootHost" in update.guidance["mandatory"] for update in updates):
        return []
    running = {"xen": machine.booted_xen, "kernel": machine.booted_kernel}
    return [
        patch
        for update in updates
        for patch in update.livepatches
        if f"{patch.base_version}-{patch.base_release}" == running[patch.component]
        and machine.livepatched.get(patch.component) != f"{patch.to_version}-{patch.to_release}"
    ]


def for_host(machine: Machine, updates: Iterable[Update]) -> Guidance:
    """Cascaded guidance of `updates` on the host; where a live patch fits, its guidance replaces *recommended*."""
    updates = list(updates)
    patches = livepatches_for(machine, updates)
    raw: dict[str, set[str]] = {level: set() for level in LEVELS}
    for update in updates:
        patched = any(patch in patches for patch in update.livepatches)
        for level in LEVELS:
            replaced = "livepatch" if patched and level == "recommended" else level
            raw[level] |= set(update.guidance[replaced])
    return cascade(raw)


def outstanding(machine: Machine, synced: Iterable[Update]) -> list[Update]:
    """The updates of the repository that are not on the host's disk."""
    return [update for update in synced if update.id not in machine.applied]


def packages_for(updates: Iterable[Update]) -> list[str]:
    """The RPM files to be installed: the newest of each package."""
    newest: dict[str, str] = {}
    for update in updates:
        for package in update.packages:
            name, version = split_package(package)
            if name not in newest or version_key(version) > version_key(split_package(newest[name])[1]):
                newest[name] = package
    return sorted(f"{package}.rpm" for package in newest.values())


def merged(pending: list[str], added: Iterable[str]) -> list[str]:
    """Union of pending lists, without what a stronger entry covers (a reboot restarts the toolstack too)."""
    union = set(pending) | set(added)
    if "reboot_host" in union:
        union.discard("restart_toolstack")
    if "restart_vm" in union:
        union.discard("restart_device_model")
    return sorted(union)
