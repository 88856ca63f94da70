"""What earlier updates left pending, by host and VM, and how it is carried out."""

from __future__ import annotations

from bot.messages.blocks import Block, actions, button, context, header, section
from bot.messages.language import _, several
from bot.messages.message import Message, line, message
from bot.messages.text import lines_within, name
from bot.messages.work import level_name, task_names
from bot.rollout.guidance import LIVEPATCH_FAILURE_TASKS, Guidance, Level
from bot.rollout.pending import Waiting

CARRY_OUT = "tasks_carry_out"


def pending(alias: str, waiting: tuple[Waiting, ...], *, may_act: bool) -> Message:
    """Every host and VM that waits for something, hosts first. `may_act`: the pool is not in notify mode."""
    if not waiting:
        return line(_("Nothing is pending on pool {alias}: no host and no VM waits for a task.").format(alias=alias))
    hosts = [entry for entry in waiting if entry.is_host]
    vms = [entry for entry in waiting if not entry.is_host]
    told = _("Pool {alias}: {hosts} and {vms} wait for tasks of earlier updates.").format(
        alias=alias,
        hosts=several(len(hosts), "host", "hosts"),
        vms=several(len(vms), "VM", "VMs"),
    )
    blocks: list[Block] = [header(_("Pending tasks of pool {alias}").format(alias=alias)), section(told)]
    for title, entries in ((_("Hosts"), hosts), (_("VMs"), vms)):
        if entries:
            lines = [_line(entry) for entry in entries]
            blocks.append(section(f"*{title}*\n" + lines_within(lines, 2_500)))
    blocks.append(
        context(
            _(
                "A rollout of its own carries them out, approved like any other, at the level that you choose in its"
                " form; it installs nothing."
            )
        )
    )
    if may_act:
        label = _("Plan a rollout of pool {alias}").format(alias=alias)
        blocks.append(actions(button(_("Plan rollout…"), CARRY_OUT, alias, style="primary", label=label)))
    return message(told, blocks)


def _line(entry: Waiting) -> str:
    levels = [text for level in Level if (text := _level(entry.tasks, level))]
    return f"• {name(entry.name)}: {'; '.join(levels)}"


def _level(tasks: Guidance, level: Level) -> str:
    own = {Level.MANDATORY: tasks.mandatory, Level.RECOMMENDED: tasks.recommended, Level.FULL: tasks.full}[level]
    if not own:
        return ""
    words = task_names(own - LIVEPATCH_FAILURE_TASKS)
    if own & LIVEPATCH_FAILURE_TASKS:
        words.append(_("reboot, because a live patch failed"))
    return f"{level_name(level).lower()} {', '.join(words)}"
