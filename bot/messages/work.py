"""What is done to hosts and VMs, in words; the same words on every message."""

from __future__ import annotations

from collections.abc import Iterable

from bot.messages.language import _, several
from bot.messages.text import duration, moment, name, names
from bot.rollout.guidance import LIVEPATCH_FAILURE_TASKS, Level, Task, in_execution_order, without_covered
from bot.rollout.lifecycle import State
from bot.rollout.memory import TurnPhase
from bot.rollout.proposal import preset_of
from bot.rollout.spec import Placement, Preset, Spec, StoppedVms, VmRestarts, VmTreatment, VmWay


def level_name(level: Level) -> str:
    """A guidance level as people say it."""
    return {
        Level.MANDATORY: _("Mandatory"),
        Level.RECOMMENDED: _("Recommended"),
        Level.FULL: _("Full"),
    }[level]


def level_meaning(level: Level) -> str:
    """What choosing the level means."""
    return {
        Level.MANDATORY: _("only the tasks that cannot be left out"),
        Level.RECOMMENDED: _("the tasks that bring most fixes into effect"),
        Level.FULL: _("every task, so that every fix is in effect"),
    }[level]


def task_name(task: Task) -> str:
    """One task as an instruction."""
    if task in LIVEPATCH_FAILURE_TASKS:
        return _("reboot if the live patch fails")
    return {
        Task.EVACUATE_HOST: _("move its VMs away"),
        Task.RESTART_TOOLSTACK: _("restart the toolstack"),
        Task.REBOOT_HOST: _("reboot"),
        Task.RESTART_DEVICE_MODEL: _("restart the device models of VMs"),
        Task.RESTART_VM: _("restart VMs"),
    }[task]


def task_names(tasks: Iterable[Task]) -> list[str]:
    """Tasks in the order they are carried out, without those that another one includes."""
    return [task_name(task) for task in in_execution_order(without_covered(tasks))]


def treatment_name(treatment: VmTreatment) -> str:
    """What may happen to a VM of the spec."""
    return {
        VmTreatment.SUSPEND: _("suspended while its host is updated, then resumed"),
        VmTreatment.SHUTDOWN: _("shut down while its host is updated, then started again"),
        VmTreatment.RESTART: _("restarted once"),
    }[treatment]


def preset_name(preset: Preset) -> str:
    """How the hosts are worked through, in a word or two."""
    return {
        Preset.SERIAL: _("One by one"),
        Preset.GENTLE: _("Gentle"),
        Preset.STANDARD: _("Standard"),
        Preset.FAST: _("Fast"),
    }[preset]


def preset_meaning(preset: Preset) -> str:
    """What choosing the preset means."""
    return {
        Preset.SERIAL: _("one host after the other, placed by XenServer"),
        Preset.GENTLE: _("one host out at a time, fewest VM moves"),
        Preset.STANDARD: _("several hosts at once, spare for one failure"),
        Preset.FAST: _("several hosts at once, no spare kept"),
    }[preset]


def placement_name(placement: Placement) -> str:
    """Where moved VMs are in the end."""
    return {
        Placement.HOME: _("Back on the hosts they came from"),
        Placement.BALANCE: _("Spread evenly over the hosts"),
        Placement.LEAVE: _("Wherever they went (fewest moves)"),
    }[placement]


def pause_points_name(points: Iterable[str]) -> str:
    """Where a rollout waits for people, "" for nowhere."""
    words = {"coordinator": _("after the coordinator"), "canary": _("after the first member")}
    return ", ".join(words.get(point, point) for point in points)


def way_of_work(spec: Spec) -> str:
    """How a spec goes through the hosts, in one line of mrkdwn: preset, placement, bounds, order, pauses."""
    parts = [f"{preset_name(preset_of(spec))} ({preset_meaning(preset_of(spec))})"]
    parts.append(_("VMs in the end: {where}").format(where=placement_name(spec.placement).lower()))
    if spec.max_out:
        parts.append(_("at most {hosts} out at once").format(hosts=several(spec.max_out, "host", "hosts")))
    known = {host.uuid: host.name for host in spec.hosts}
    if first := [known[uuid] for uuid in spec.order if uuid in known]:
        parts.append(_("first {hosts}").format(hosts=names(first)))
    if spec.left_out:
        parts.append(_("not touched: {hosts}").format(hosts=names([host for _uuid, host in spec.left_out])))
    if spec.pause_points:
        parts.append(_("pauses {where}").format(where=pause_points_name(spec.pause_points)))
    if spec.deadline is not None:
        parts.append(_("no host is begun that would not be done by {moment}").format(moment=moment(spec.deadline)))
    if spec.vm_restarts is not VmRestarts.HOME:
        parts.append(_("VMs that must restart: {how}").format(how=vm_restarts_name(spec.vm_restarts).lower()))
    if spec.network[1]:
        parts.append(_("VMs move over network {network}").format(network=name(spec.network[1])))
    if spec.evacuate_at_once:
        parts.append(_("{vms} leave a host at a time").format(vms=several(spec.evacuate_at_once, "VM", "VMs")))
    if spec.vms_at_once:
        parts.append(_("{vms} at a time").format(vms=several(spec.vms_at_once, "VM", "VMs")))
    return "; ".join(parts)


def stopped_vms_name(choice: StoppedVms) -> str:
    """The rule for VMs that cannot be moved."""
    return {
        StoppedVms.REFUSE: _("Leave them alone (the update cannot be requested if there are any)"),
        StoppedVms.SUSPEND: _("Suspend them, resume them afterwards"),
        StoppedVms.SHUTDOWN: _("Shut them down, start them afterwards"),
    }[choice]


def vm_restarts_name(choice: VmRestarts) -> str:
    """Where VMs restart that guidance wants restarted."""
    return {
        VmRestarts.HOME: _("Restart them on their updated host"),
        VmRestarts.NOW: _("Restart them as soon as they run on any updated host"),
        VmRestarts.PENDING: _("Leave the restart pending"),
    }[choice]


def way_name(way: VmWay) -> str:
    """What a rule of its own means for a VM."""
    return {
        VmWay.USUAL: _("like all others"),
        VmWay.MIGRATE: _("only moved, never stopped"),
        VmWay.SUSPEND: _("suspended while its host is updated, then resumed"),
        VmWay.SHUTDOWN: _("shut down while its host is updated, then started again"),
        VmWay.LEAVE: _("left as it is"),
    }[way]


def state_name(state: State) -> str:
    """A state of a rollout, as a heading."""
    return {
        State.AWAITING_APPROVAL: _("Waiting for approval"),
        State.APPROVED: _("Approved, starts next"),
        State.RUNNING: _("Running"),
        State.PAUSED: _("Paused"),
        State.NEEDS_ATTENTION: _("Needs attention"),
        State.ABORTING: _("Being aborted"),
        State.SUCCEEDED: _("Succeeded"),
        State.ABORTED: _("Aborted"),
        State.FAILED: _("Failed"),
        State.REJECTED: _("Rejected"),
        State.EXPIRED: _("Expired"),
        State.SUPERSEDED: _("Superseded"),
        State.CANCELLED: _("Cancelled"),
    }[state]


def state_mark(state: State) -> str:
    """A mark that goes with the word, never without it; a plain character, because not every screen has emoji."""
    return {
        State.AWAITING_APPROVAL: "○",
        State.APPROVED: "✓",
        State.RUNNING: "▶",
        State.PAUSED: "‖",
        State.NEEDS_ATTENTION: "⚠",
        State.ABORTING: "↩",
        State.SUCCEEDED: "✓",
        State.ABORTED: "↩",
        State.FAILED: "✕",
        State.REJECTED: "✕",
        State.EXPIRED: "✕",
        State.SUPERSEDED: "»",
        State.CANCELLED: "✕",
    }[state]


def phase_name(phase: TurnPhase) -> str:
    """What is happening to a host."""
    return {
        TurnPhase.WAITING: _("waiting for its turn"),
        TurnPhase.DISABLING: _("taking it out of service"),
        TurnPhase.EVACUATING: _("moving its VMs away"),
        TurnPhase.QUEUED: _("empty, waiting to install: one host at a time"),
        TurnPhase.APPLYING: _("installing updates"),
        TurnPhase.RESTARTING_TOOLSTACK: _("restarting the toolstack"),
        TurnPhase.REBOOTING: _("rebooting"),
        TurnPhase.VM_TASKS: _("restarting VMs that need it"),
        TurnPhase.ENABLING: _("putting it back into service"),
        TurnPhase.RETURNING_VMS: _("bringing its VMs home"),
        TurnPhase.CHECKING: _("checking that all is well there"),
        TurnPhase.DONE: _("done"),
        TurnPhase.SKIPPED: _("skipped"),
        TurnPhase.FAILED: _("failed"),
    }[phase]


def cost(
    *,
    reboots: int = 0,
    toolstacks: int = 0,
    moves: int = 0,
    restarts: int = 0,
    stops: int = 0,
) -> str:
    """What something costs, counted: ``3 reboots, 18 VM moves``."""
    parts = []
    if reboots:
        parts.append(several(reboots, "host reboot", "host reboots"))
    if toolstacks:
        parts.append(several(toolstacks, "toolstack restart", "toolstack restarts"))
    if moves:
        parts.append(several(moves, "live VM move", "live VM moves"))
    if stops:
        parts.append(several(stops, "VM stopped for a while", "VMs stopped for a while"))
    if restarts:
        parts.append(several(restarts, "VM restart", "VM restarts"))
    return ", ".join(parts) or _("no reboot, no restart, no VM moved")


def minutes(low: float, high: float) -> str:
    """How long it takes, honestly as a range: ``about 40 min to 1 h 5 min``."""
    if round(low) == round(high):
        return _("about {time}").format(time=duration(low * 60))
    return _("about {low} to {high}").format(low=duration(low * 60), high=duration(high * 60))
