"""The boxes of the update form for what can be put right on a pool: one for each host and VM, or one for each kind."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from bot.messages.blocks import Block, Element, checkboxes, input_block, option
from bot.messages.language import _, several
from bot.messages.text import clip, one_line
from bot.rollout.fixes import Remedy, fix_for, fixes_for, is_chosen, subjects_of
from bot.rollout.guidance import Task
from bot.rollout.model import VM, Host

if TYPE_CHECKING:
    from bot.rollouts import Preview

#: Slack shows no more boxes in one field.
_MOST = 10


def fixes_input(prefix: str, block_id: str, preview: Preview, chosen: Collection[str]) -> list[Block]:
    """Boxes for what can be put right on this pool; none where there is nothing.

    As long as Slack can show them there is a box for each host and VM; more are chosen by kind, or in words
    (``fix=eject_cd:web-1``). `prefix` begins the action's id.
    """
    emptied = {host.uuid for host in preview.spec.hosts if Task.EVACUATE_HOST in host.tasks}
    possible = fixes_for(preview.snapshot, emptied, {remedy.value for remedy in Remedy})
    if not possible:
        return []
    listed = len(possible) <= _MOST
    options = list(_singles(preview, possible) if listed else _kinds(possible))
    ticked = {entry["value"] for entry in options if entry["value"] in chosen}
    if listed:
        ticked |= {fix_for(remedy, thing.uuid) for remedy, thing in _things(preview, possible)
                   if is_chosen(chosen, remedy, thing)}  # fmt: skip
    boxes = checkboxes(prefix + block_id, options, ticked)
    hint = "" if listed else _("For one host or VM only, type for example fix=eject_cd:web-1 behind the pool's name.")
    return [input_block(_("Put right for the rollout"), boxes, block_id, hint=hint, optional=True, live=True)]


def _things(preview: Preview, possible: tuple[str, ...]) -> Iterator[tuple[Remedy, VM | Host]]:
    for remedy in Remedy:
        for uuid in subjects_of(possible, remedy):
            thing: VM | Host | None = preview.snapshot.vm(uuid) or preview.snapshot.host(uuid)
            if thing is not None:
                yield remedy, thing


def _singles(preview: Preview, possible: tuple[str, ...]) -> Iterator[Element]:
    for remedy, thing in _things(preview, possible):
        shown = clip(one_line(thing.name), 30)
        told = {
            Remedy.EJECT_CDS: _("Take out the disc that keeps {name} on its host"),
            Remedy.PLUG_STORAGE: _("Connect {name} to the storage it should have"),
            Remedy.ENABLE_HOSTS: _("Put {name} into service"),
        }[remedy].format(name=shown)
        yield option(told, fix_for(remedy, thing.uuid), _undone(remedy))


def _kinds(possible: tuple[str, ...]) -> Iterator[Element]:
    for remedy in Remedy:
        count = len(subjects_of(possible, remedy))
        if not count:
            continue
        vms, hosts = several(count, "VM", "VMs"), several(count, "host", "hosts")
        told = {
            Remedy.EJECT_CDS: _("Take out discs that keep VMs on their host ({vms})").format(vms=vms),
            Remedy.PLUG_STORAGE: _("Connect hosts to storage they should have ({hosts})").format(hosts=hosts),
            Remedy.ENABLE_HOSTS: _("Put hosts into service that are out of it ({hosts})").format(hosts=hosts),
        }[remedy]
        yield option(told, remedy.value, _undone(remedy))


def _undone(remedy: Remedy) -> str:
    return {
        Remedy.EJECT_CDS: _("Put back in after the turn of the host."),
        Remedy.PLUG_STORAGE: _("Stays connected."),
        Remedy.ENABLE_HOSTS: _("Taken out again at the end."),
    }[remedy]
