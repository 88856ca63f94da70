"""The VM tasks of guidance: restarting VMs and their device models where they run."""

from __future__ import annotations

from bot.rollout.action import RestartDeviceModel, RestartVm
from bot.rollout.guidance import Task
from bot.rollout.homecoming import STREAMS
from bot.rollout.memory import Intent, IntentState
from bot.rollout.model import VM, PowerState
from bot.rollout.pursuit import Round
from bot.rollout.reason import because
from bot.rollout.spec import VmTreatment


def vm_tasks(round_: Round, vms: tuple[VM, ...]) -> bool:
    """Carry out the VM tasks of guidance on running VMs; True when none is left that the spec allows.

    A restart is never repeated when the task stays pending: XAPI keeps it until the VM starts on a host that is as
    new as the coordinator. One that XAPI refuses (a guest without tools, for instance) is left pending: it must not
    keep its host out of service. The outcome lists what is left.
    """
    clear = True
    device_models = any(Task.RESTART_DEVICE_MODEL in host.tasks for host in round_.spec.hosts)
    for vm in vms:
        tasks = vm.pending.at(round_.spec.level)
        allowed = round_.spec.vm(vm.uuid)
        if vm.power_state is not PowerState.RUNNING:
            continue
        if Task.RESTART_VM in tasks:
            if allowed is None or allowed.treatment is VmTreatment.SUSPEND:
                continue
            action: RestartVm | RestartDeviceModel = RestartVm(vm=vm.uuid)
            reason = because("vm.restarting", vm=vm.name)
        elif Task.RESTART_DEVICE_MODEL in tasks and device_models:
            action = RestartDeviceModel(vm=vm.uuid)
            reason = because("vm.restarting_device_model", vm=vm.name)
        else:
            continue
        intent = round_.memory.intent(action.key)
        if intent is not None and (intent.state is IntentState.DONE or _refused(intent)):
            continue
        clear = False
        if intent is None and round_.in_flight(RestartVm, RestartDeviceModel) >= STREAMS:
            round_.look_again(4)
            continue
        round_.pursue(action, reason)
    return clear


def _refused(intent: Intent) -> bool:
    return intent.state is IntentState.FAILED and not intent.transient
