"""/xs update <pool>, the notice's Plan button, and the form they open: a live preview of what it would do."""

from __future__ import annotations

import json
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from slack_bolt import Ack, App, Respond
from slack_sdk import WebClient

from bot.messages import modal, notice
from bot.messages.answers import looked_at_again, not_the_name, requested, still_blocked
from bot.messages.blocks import View
from bot.messages.findings import blocked_message
from bot.messages.language import _
from bot.messages.vm_fields import VMS
from bot.rollout.choosing import chosen, host_names
from bot.rollout.errors import InvalidSpec, NotAllowed
from bot.rollout.kind import Kind
from bot.rollout.proposal import Choices
from bot.rollout.spec import VmRule
from bot.rollout.vm_policy import wishes_of
from bot.rollouts import Blocked, Replaced, Role
from bot.rollouts.hours import zone_of
from commands.button import on_click
from commands.call import Call, clicked
from commands.context import Context
from commands.form import choices_of, text_of, wishes_in
from commands.options import options
from commands.verb import Verb


def run(call: Call) -> None:
    """Open the form, with what was typed after the pool's name already chosen."""
    alias = call.pool()
    _plan(call, alias, *chosen_in(call, alias))


def chosen_in(call: Call, alias: str) -> tuple[Choices, str]:
    """What was chosen by the words after the pool's name, and the reason that was given. Raises `UsageError`,
    `InvalidSpec`, `UnclearMoment`."""
    rollouts = call.context.rollouts
    words, said = options(call.words[1:], ("at", "deadline", "level", "reason"), ("emergency",))
    typed = [*words, *([said["level"]] if "level" in said else [])]
    # A moment of several words, as behind --at.
    typed += [f"deadline={said['deadline']}"] if "deadline" in said else []
    choices = chosen(typed, rollouts.usual(alias), rollouts.time.now(), zone_of(rollouts.settings, alias))
    if "at" in said:
        choices = replace(choices, start_at=rollouts.moment(alias, said["at"]))
    return replace(choices, emergency="emergency" in said), said.get("reason", "")


def _plan(call: Call, alias: str, choices: Choices | None = None, why: str = "") -> None:
    call.open(
        modal.update_title(alias),
        _("Looking at the pool: its hosts, its VMs, and what the updates ask for."),
        lambda: form(call, alias, choices or call.context.rollouts.usual(alias), why=why),
    )


def form(
    call: Call,
    alias: str,
    choices: Choices,
    replaces: Replaced | None = None,
    wrong: InvalidSpec | None = None,
    *,
    why: str = "",
) -> View:
    """The form with a preview of what these choices would do.

    `replaces` is the request that it changes, `wrong` what somebody typed that means nothing, `why` the reason that was
    typed with the command.
    """
    call.require(Role.EMERGENCY if choices.emergency else Role.REQUESTER, alias)
    if call.context.settings.pool(alias).mode != "act":
        raise NotAllowed(
            f"Pool {alias} is in notify mode: xsbot tells about its updates and changes nothing.",
            'An operator sets mode = "act" for this pool in the configuration and restarts xsbot.',
        )
    kept: dict[str, object] = {"pool": alias}
    if choices.kind is not Kind.CDN:
        kept |= {"kind": choices.kind.value, "hosts": list(choices.hosts)}
    if choices.emergency:
        kept["emergency"] = True
    ticket = "" if choices.emergency else call.context.settings.approval_for(alias).ticket
    times = call.context.rollouts.calendars([alias], call.actor)[0]
    earlier = None
    if replaces is not None:
        earlier = call.context.rollouts.may_replace(replaces.rollout, replaces.digest, call.actor)
        kept |= {"replaces": replaces.rollout, "digest": replaces.digest}
    try:
        preview = call.context.rollouts.preview(alias, choices, call.actor)
    except InvalidSpec as error:
        # What people typed into the form stays there; the preview is of a rollout without it.
        without = replace(choices, order=(), left_out=(), vms=(), fixes=frozenset())
        preview = call.context.rollouts.preview(alias, without, call.actor)
        return modal.update_form(preview, choices, kept, error, earlier, times=times, why=why, ticket=ticket)
    return modal.update_form(preview, choices, kept, wrong, earlier, times=times, why=why, ticket=ticket)


def _request(call: Call, alias: str, choices: Choices, why: str, replaces: Replaced | None, typed: str) -> None:
    try:
        standing = call.context.rollouts.propose(alias, choices, call.actor, why, "", instead_of=replaces, typed=typed)
    except Blocked as error:
        call.answer(blocked_message(error, error.report))
        return
    call.answer(requested(standing, call.context.settings.pool(alias).channel))


class Newest:
    """Which preview of a form was asked for last, so that a slow older one does not overwrite it."""

    _KEPT = 200

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: OrderedDict[str, int] = OrderedDict()

    def ask(self, view_id: str) -> int:
        """Count one more question about the form; the number tells them apart."""
        with self._lock:
            number = self._asked.pop(view_id, 0) + 1
            self._asked[view_id] = number
            if len(self._asked) > self._KEPT:
                self._asked.popitem(last=False)
            return number

    def end(self, view_id: str) -> None:
        """The form was sent: whatever preview is still being worked out comes too late."""
        self.ask(view_id)

    def is_newest(self, view_id: str, number: int) -> bool:
        """Whether nothing was asked since."""
        with self._lock:
            return self._asked.get(view_id) == number


VERB = Verb(
    "update",
    "/xs update <pool> [choices]",
    "Plans an update: shows what it would do and asks for it.",
    "requester",
    run,
    opens=True,
    examples=(
        "/xs update lab",
        "/xs update lab fast leave max=2",
        "/xs update lab first=xs-05 without=xs-03 pause=canary",
        "/xs update lab full vms=suspend",
    ),
)


def register(app: App, context: Context) -> None:
    """The Plan button, the form's choices and its Request button."""
    newest = Newest()

    def preview(call: Call, alias: str, choices: Choices, wrong: InvalidSpec | None = None) -> None:
        replaces = _replaces(call.view or {})
        view_id = str(call.view["id"]) if call.view is not None else ""
        number = newest.ask(view_id)

        def show() -> None:
            shown = form(call, alias, choices, replaces, wrong)
            if newest.is_newest(view_id, number):
                call.show(view_id, shown)

        call.later(show)

    def choose(ack: Ack, body: dict[str, Any], client: WebClient, respond: Respond) -> None:
        ack()
        call = clicked(context, body, client, respond)
        view = body["view"]
        alias = _alias(view)
        choices = choices_of(view, context.rollouts.usual(alias))
        try:
            preview(call, alias, replace(choices, vms=wishes_in(view, _earlier(context, view))))
        except InvalidSpec as error:
            preview(call, alias, choices, error)

    def submit(ack: Ack, body: dict[str, Any], client: WebClient, respond: Respond) -> None:
        call = clicked(context, body, client, respond)
        view = body["view"]
        alias, why = _alias(view), text_of(view, modal.REASON)
        try:
            wishes = wishes_in(view, _earlier(context, view))
            choices = replace(choices_of(view, context.rollouts.usual(alias)), vms=wishes)
        except InvalidSpec as error:
            ack(response_action="errors", errors={VMS: f"{error.sentence} {error.hint}"})
            return
        if json.loads(view["private_metadata"]).get("blocked"):
            if changed := _changed_names(view):
                # Nothing tells us of text until Enter is pressed in its field, and it may be what lifts the block.
                ack(response_action="errors", errors={block: looked_at_again() for block in changed})
                preview(call.acknowledged(), alias, choices)
                return
            ack(response_action="errors", errors={modal.STOPPED: still_blocked(_blocking(view))})
            return
        typed = text_of(view, modal.CONFIRM)
        if choices.emergency and typed != alias:
            ack(response_action="errors", errors={modal.CONFIRM: not_the_name(alias)})
            return
        newest.end(str(view["id"]))
        meanwhile = modal.loading(modal.update_title(alias), _("Checking once more, then asking."))
        ack(response_action="update", view=meanwhile)
        sent = call.acknowledged()
        replaces = _replaces(view)
        sent.later(lambda: _request(sent, alias, choices, why, replaces, typed))

    on_click(app, context, notice.PLAN, lambda call: _plan(call, call.value), opens=True)
    app.action(re.compile(f"^{modal.CHOICES}"))(choose)
    app.view(modal.UPDATE)(submit)


def _replaces(view: Mapping[str, Any]) -> Replaced | None:
    """The request that the form changes, None for a new one."""
    kept = json.loads(view.get("private_metadata") or "{}")
    return Replaced(int(kept["replaces"]), str(kept["digest"])) if "replaces" in kept else None


def _earlier(context: Context, view: Mapping[str, Any]) -> tuple[VmRule, ...]:
    """The rules for VMs of the request that the form changes: the form names them, and means the VMs of then.

    Asked before the form is acknowledged, so Slack is asked for nothing here.
    """
    replaced = _replaces(view)
    return context.rollouts.rules(replaced.rollout) if replaced is not None else ()


def _alias(view: dict[str, Any]) -> str:
    return str(json.loads(view["private_metadata"])["pool"])


def _changed_names(view: dict[str, Any]) -> list[str]:
    """The fields with names of hosts and VMs that say something else than what the preview was made of."""
    shown = {block.get("block_id"): block.get("element", {}).get("initial_value", "") for block in view["blocks"]}
    fields = (modal.FIRST, modal.WITHOUT)
    changed = [field for field in fields if host_names(text_of(view, field)) != host_names(shown.get(field, ""))]
    return [*changed, VMS] if wishes_in(view) != wishes_of(shown.get(VMS, "")) else changed


def _blocking(view: dict[str, Any]) -> str:
    shown = next((block for block in view["blocks"] if block.get("block_id") == modal.BLOCKED), None)
    # Without its first line, the heading.
    return "" if shown is None else str(shown["text"]["text"]).partition("\n")[2]
