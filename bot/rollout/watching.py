"""Watching the VMs of a host's turn: which are under way and how far, which wait, which are tried again.

Nothing is decided here and nothing is asked of XAPI: tasks come with every look at the pool.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bot.rollout.memory import Intent, IntentState
from bot.rollout.model import VM, PowerState
from bot.rollout.pursuit import Round
from bot.rollout.vm_progress import VmProgress, VmStep, rounded
from bot.rollout.vm_tasks import due

_STEPS = {
    "SuspendVm": VmStep.SUSPENDING,
    "ShutdownVm": VmStep.SHUTTING_DOWN,
    "ResumeVm": VmStep.RESUMING,
    "StartVm": VmStep.STARTING,
    "RestartVm": VmStep.RESTARTING,
    "RestartDeviceModel": VmStep.RESTARTING,
}


def leaving(round_: Round, host: str) -> tuple[VmProgress, ...]:
    """The VMs that are still on the host while it is emptied."""
    residents = round_.snapshot.residents(host)
    evacuation = round_.memory.intent(f"EvacuateHost:{host}")
    gave_up = () if evacuation is None else evacuation.error or evacuation.earlier
    # Over one VM; where XAPI does not say over which, nobody knows which of those it left behind.
    blamed = [vm for vm in residents if set(gave_up[1:]) & {vm.name, vm.uuid, vm.ref}] or residents
    found = []
    for vm in residents:
        progress = _progress(round_, vm, ("SuspendVm", "ShutdownVm"))
        if evacuation is not None and gave_up and not progress.error and vm in blamed:
            tried_again = evacuation.state is IntentState.OPEN
            if tried_again or progress.step is VmStep.WAITING:  # others were on their way and go on
                progress = replace(progress, error=gave_up, tries=evacuation.attempts)
        found.append(progress)
    return _in_order(found)


def returning(round_: Round, host: str) -> tuple[VmProgress, ...]:
    """The VMs that are owed to the host and not back on it yet."""
    found = []
    for debt in round_.memory.away.get(host, ()):
        vm = round_.snapshot.vm(debt.subject)
        if vm is not None and (vm.resident_on != host or vm.power_state is not PowerState.RUNNING):
            found.append(_progress(round_, vm, ("ResumeVm", "StartVm", "ShutdownVm", "RestartVm"), home=host))
    return _in_order(found)


def restarting(round_: Round, host: str) -> tuple[VmProgress, ...]:
    """The VMs on the host whose restart (or that of their device model) guidance asks for, and that is to be done."""
    vms = due(round_, round_.snapshot.residents(host))
    return _in_order(_progress(round_, vm, ("RestartVm", "RestartDeviceModel")) for vm, _action, _reason in vms)


def _progress(round_: Round, vm: VM, kinds: Iterable[str], home: str = "") -> VmProgress:
    """The VM with what was asked for it: moves, and effects of those kinds."""
    moves = [(VmStep.MOVING, to, intent) for to, intent in round_.memory.moves.get(vm.uuid, ())]
    if home:
        # Its way out is done; only that it came back, or did not, is of interest.
        moves = [entry for entry in moves if entry[1] == home or entry[2].state is IntentState.OPEN]
    others = [
        (_STEPS[kind], "", intent)
        for kind in kinds
        if (intent := round_.memory.intent(f"{kind}:{vm.uuid}")) is not None
    ]
    asked = sorted((*moves, *others), key=lambda entry: entry[2].started_at)
    step, to, tasks = VmStep.WAITING, "", set(vm.at_work)
    for step_, to_, intent in asked:
        if intent.state is IntentState.OPEN:
            step, to = step_, to_
            tasks.add(intent.task_ref)
    if step is VmStep.WAITING and "pool_migrate" in vm.current_operations:
        # XAPI empties the host, and has begun with this one.
        step, to = VmStep.MOVING, vm.moving_to or ""
    return VmProgress(
        vm.uuid,
        vm.name,
        step,
        None if step is VmStep.WAITING else _percent(round_, tasks),
        round_.name(to) if to else "",
        _last_error([intent for _step, _to, intent in asked]),
        sum(intent.attempts for _step, _to, intent in asked if intent.state is not IntentState.DONE),
    )


def _percent(round_: Round, tasks: Iterable[str]) -> int | None:
    found = [task.progress for ref in tasks if (task := round_.snapshot.task(ref)) is not None]
    return rounded(max(found)) if found else None


def _last_error(asked: list[Intent]) -> tuple[str, ...]:
    """What the last try ended with that is over, as long as none of the later ones worked."""
    for intent in reversed(asked):
        if intent.state is IntentState.DONE:
            return ()
        if error := (intent.error or intent.earlier):
            return error
    return ()


def _in_order(found: Iterable[VmProgress]) -> tuple[VmProgress, ...]:
    """By name, so that whoever watches finds a VM where it was."""
    return tuple(sorted(found, key=lambda vm: (vm.name, vm.uuid)))
