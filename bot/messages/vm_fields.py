"""The fields of the update form that are about VMs with a rule of their own, and about VMs that must restart."""

from __future__ import annotations

from collections.abc import Sequence

from bot.messages.blocks import Block, context, input_block, line_input, option, select
from bot.messages.language import _
from bot.messages.text import escape, lines_within, name, names
from bot.messages.work import vm_restarts_name
from bot.rollout.model import PoolSnapshot
from bot.rollout.spec import VmRestarts
from bot.rollout.vm_policy import VmWish, by_name

VMS, RESTARTS = "vm_rules", "vm_restarts"
#: Characters that Slack takes in one field.
_LONGEST_TEXT = 3_000


def rules_input(prefix: str, wishes: Sequence[VmWish]) -> Block:
    """The field for VMs that are not to be treated like all others; `prefix` begins its action's id."""
    given = ", ".join(map(str, by_name(wishes)))
    hint = _(
        "Name, =, and migrate (never stopped), suspend, shutdown, leave (its host is left out) or usual; divided by"
        " commas: db-1=shutdown, ci-7=leave. A number puts VMs of one host in order: db-1=shutdown:20."
    )
    if len(given) > _LONGEST_TEXT:
        # One that was cut off would be another name.
        hint = _("The {count} names that were given do not fit in here: name them again.").format(count=len(wishes))
        given = ""
    element = line_input(prefix + VMS, initial=given, most=_LONGEST_TEXT)
    element["dispatch_action_config"] = {"trigger_actions_on": ["on_enter_pressed"]}
    return input_block(_("VMs with a rule of their own"), element, VMS, hint=hint, optional=True, live=True)


def rules_known(wishes: Sequence[VmWish], snapshot: PoolSnapshot) -> list[Block]:
    """Which VMs an earlier request means by the names in that field: their tags and uuids; nothing for a new one."""
    lines = []
    for wish in wishes:
        if not wish.resolved:
            continue
        vm = snapshot.vm(wish.subject)
        tags = _("tags: {tags}").format(tags=names(sorted(vm.tags))) if vm is not None and vm.tags else _("no tags")
        gone = _("no longer there") if vm is None else tags
        lines.append(f"• {name(wish.called or wish.subject)}: {gone}; `{escape(wish.subject, 60)}`")
    return [context(lines_within(lines, 1_500))] if lines else []


def restarts_input(prefix: str, chosen: VmRestarts) -> Block:
    """The choice where VMs restart that guidance wants restarted."""
    options = [option(vm_restarts_name(choice), choice.value) for choice in VmRestarts]
    chooser = select(prefix + RESTARTS, options, chosen.value)
    return input_block(_("VMs that the update asks to restart"), chooser, RESTARTS, live=True)
