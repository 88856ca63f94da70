"""The VM tasks of guidance: restarting VMs and their device models where they run."""

from __future__ import annotations

from bot.rollout.action import RestartDeviceModel, RestartVm
from bot.rollout.equipment import GuestTools
from bot.rollout.guidance import Task
from bot.rollout.memory import Intent, IntentState
from bot.rollout.model import VM, PowerState
from bot.rollout.pursuit import Round
from bot.rollout.reason import Reason, because
from bot.rollout.spec import VmTreatment, VmWay
from bot.rollout.vm_policy import at_once


def vm_tasks(round_: Round, vms: tuple[VM, ...]) -> bool:
    """Carry out the VM tasks of guidance on running VMs; True when none is left that the spec allows.

    A restart is never repeated when the task stays pending: XAPI keeps it until the VM starts on a host that is as
    new as the coordinator. One that XAPI refuses (a guest without tools, for instance) is left pending: it must not
    keep its host out of service. The outcome lists what is left. VMs that come later in the order wait for others.
    """
    clear = True
    first: int | None = None
    for vm, action, reason in due(round_, vms):
        intent = round_.memory.intent(action.key)
        clear = False
        place = round_.spec.place(vm.uuid)
        first = place if first is None else first
        full = round_.in_flight(RestartVm, RestartDeviceModel) >= at_once(round_.spec)
        if intent is None and (full or place > first):
            round_.look_again(4)
            continue
        round_.pursue(action, reason)
    return clear


def due(round_: Round, vms: tuple[VM, ...]) -> list[tuple[VM, RestartVm | RestartDeviceModel, Reason]]:
    """Those of the VMs whose tasks are still to be carried out, in order, each with what is to be done to it."""
    if round_.spec.rules:
        vms = tuple(sorted(vms, key=lambda vm: round_.spec.place(vm.uuid)))
    device_models = any(Task.RESTART_DEVICE_MODEL in host.tasks for host in round_.spec.hosts)
    found: list[tuple[VM, RestartVm | RestartDeviceModel, Reason]] = []
    for vm in vms:
        tasks = vm.pending.at(round_.spec.level)
        allowed = round_.spec.vm(vm.uuid)
        if not tasks or vm.power_state is not PowerState.RUNNING or round_.spec.way(vm.uuid) is VmWay.LEAVE:
            continue
        if Task.RESTART_VM in tasks:
            if allowed is None or allowed.treatment is VmTreatment.SUSPEND:
                continue
            action: RestartVm | RestartDeviceModel = RestartVm(vm=vm.uuid)
            reason = because("vm.restarting", vm=vm.name)
        elif Task.RESTART_DEVICE_MODEL in tasks and device_models and can_restart_device_model(vm):
            action = RestartDeviceModel(vm=vm.uuid)
            reason = because("vm.restarting_device_model", vm=vm.name)
        else:
            continue
        intent = round_.memory.intent(action.key)
        if intent is None or not (intent.state is IntentState.DONE or _refused(intent)):
            found.append((vm, action, reason))
    return found


def can_restart_device_model(vm: VM) -> bool:
    """Whether XAPI would restart the VM's device model: a move onto its own host, which needs the VM Tools.

    ``VM.allowed_operations`` tells only while nothing else is done to the VM, and where it is filled in.
    """
    if vm.tools is GuestTools.MISSING:
        return False
    return not vm.allowed_operations or bool(vm.current_operations) or "pool_migrate" in vm.allowed_operations


def _refused(intent: Intent) -> bool:
    return intent.state is IntentState.FAILED and not intent.transient
