"""How far single VMs are on their way from their host or back to it: a few of them in a word each, or all in lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from bot.messages.blocks import Block, context, divider, section
from bot.messages.language import _, several
from bot.messages.message import Message, message
from bot.messages.retelling import retold
from bot.messages.text import clip, escape, lines_within, name, one_line
from bot.messages.work import phase_name
from bot.rollout.vm_progress import VmProgress, VmStep, briefly
from bot.xen.errors import translate

if TYPE_CHECKING:
    from storage.tables import TurnRow

#: How much of a VM's name is shown where several stand in one line.
_SHORT = 40
#: Hosts whose VMs are listed in one answer; Slack takes fifty blocks.
_HOSTS = 20


def few(vms: Sequence[VmProgress], *, at_work: bool = True, mrkdwn: bool = True) -> str:
    """Those in hand, in a row: ``web-3 40 %, db-1 5 % and 2 more``; "" when there is none.

    Where nobody is `at_work` only those are told that failed: how far the others were then says nothing any more.
    """
    shown, more = briefly([vm for vm in vms if at_work or vm.error])
    listed = ", ".join(_short(vm, name if mrkdwn else one_line, at_work) for vm in shown)
    return _("{vms} and {more} more").format(vms=listed, more=more) if more else listed


def _short(vm: VmProgress, safe: Callable[[str], str], at_work: bool) -> str:
    shown = safe(clip(one_line(vm.name), _SHORT))
    step = vm.step if at_work else VmStep.WAITING
    if step is VmStep.WAITING:
        return _("{vm} failed, is tried again").format(vm=shown) if at_work else _("{vm} failed").format(vm=shown)
    told = {
        VmStep.MOVING: "{vm}",
        VmStep.SUSPENDING: _("suspending {vm}"),
        VmStep.SHUTTING_DOWN: _("shutting down {vm}"),
        VmStep.RESUMING: _("resuming {vm}"),
        VmStep.STARTING: _("starting {vm}"),
        VmStep.RESTARTING: _("restarting {vm}"),
    }[step].format(vm=shown)
    # Shutting down and starting have no progress in XAPI but 0 and 1.
    return f"{told} {_percent(vm.percent)}" if vm.percent else told


def vm_line(vm: VmProgress, *, at_work: bool = True) -> str:
    """One VM in a line of mrkdwn: what is done to it, how far, and what the last try ended with."""
    step = vm.step if at_work else VmStep.WAITING
    told = {
        VmStep.WAITING: _("waits"),
        VmStep.MOVING: _("moves to {to}").format(to=name(vm.to)) if vm.to else _("moves"),
        VmStep.SUSPENDING: _("is being suspended"),
        VmStep.SHUTTING_DOWN: _("shuts down"),
        VmStep.RESUMING: _("is being resumed"),
        VmStep.STARTING: _("starts"),
        VmStep.RESTARTING: _("restarts"),
    }[step]
    if step is not VmStep.WAITING and vm.percent:
        told += f", {_percent(vm.percent)}"
    if vm.error:
        why = escape(retold(translate(vm.error).sentence), 300)
        if step is VmStep.WAITING:
            tries = several(vm.tries, "try", "tries")
            told += "; " + _("after {tries}: {why}").format(tries=tries, why=why)
        else:
            told += "; " + _("try {number}; the one before: {why}").format(number=vm.tries, why=why)
    return f"• *{name(vm.name)}*: {told}"


def vms_of_hosts(alias: str, turns: Sequence[TurnRow], *, at_work: bool = True) -> Message:
    """Every VM of the hosts in hand; those under way first, those that wait for their turn last."""
    busy = [turn for turn in turns if turn.vms]
    if not busy:
        told = _("Pool {alias}: no VM is on its way now.").format(alias=name(alias))
        return message(told, [context(told)])
    blocks: list[Block] = []
    lines = []
    for turn in busy[:_HOSTS]:
        vms = sorted(turn.vms_progress, key=lambda vm: (not vm.in_hand, vm.step is VmStep.WAITING))
        head = f"*{name(turn.name)}*: {phase_name(turn.phase)}"
        text = f"{head}\n" + lines_within([vm_line(vm, at_work=at_work) for vm in vms], 2_600)
        lines.append(text)
        blocks += [divider(), section(text)]
    if len(busy) > _HOSTS:
        blocks.append(context(_("{hosts} more").format(hosts=several(len(busy) - _HOSTS, "host", "hosts"))))
    return message("\n".join(lines), blocks)


def _percent(percent: int) -> str:
    return _("{percent} %").format(percent=percent)
