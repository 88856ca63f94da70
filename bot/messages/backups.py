"""What is backed up before a run, in a line for form and card."""

from __future__ import annotations

from collections.abc import Collection

from bot.messages.language import _
from bot.messages.text import name
from bot.rollout.backups import BackupKind, plan_of
from bot.rollout.errors import InvalidSpec


def backups_line(words: Collection[str]) -> str:
    """What is backed up before anything is touched, and what a failure does; "" when nothing is."""
    try:
        plan = plan_of(words)
    except InvalidSpec:
        # A spec of a later release must still be shown; carrying it out is refused elsewhere.
        return _("*Backed up first:* {what}; {fails}.").format(
            what=name(", ".join(words), 300), fails=_("this release cannot do that")
        )
    if not plan.kinds:
        return ""
    said = {
        BackupKind.POOL_DATABASE: _("the pool's database"),
        BackupKind.VM_METADATA: _("VM metadata"),
        BackupKind.HOSTS: _("the hosts' control domains"),
        BackupKind.SNAPSHOTS: _("snapshots of the VMs tagged {tag}").format(tag=name(plan.tag)),
    }
    what = ", ".join(said[kind] for kind in BackupKind if kind in plan.kinds)
    fails = (
        _("one that fails is told, and the run begins") if plan.go_on else _("one that fails stops the run and asks")
    )
    return _("*Backed up first:* {what}; {fails}.").format(what=what, fails=fails)
