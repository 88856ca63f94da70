"""/xs tasks <pool> [run, reboot <hosts>]: what earlier updates left pending, and a rollout that installs nothing."""

from __future__ import annotations

from dataclasses import replace

from slack_bolt import App

from bot.messages import modal, tasks
from bot.messages.blocks import View
from bot.messages.language import _
from bot.rollout.kind import Kind
from bot.rollout.proposal import Choices
from commands import update
from commands.button import on_click
from commands.call import Call, UsageError
from commands.context import Context
from commands.verb import Verb


def run(call: Call) -> None:
    """Show what is pending; or open the form of a rollout that carries it out, or that reboots hosts in turn."""
    alias = call.pool()
    wanted = call.words[1].lower() if len(call.words) > 1 else ""
    if wanted == "reboot":
        _open(call, alias, Kind.REBOOT, call.words[2:])
    elif wanted == "run":
        _open(call, alias, Kind.TASKS)
    elif wanted:
        raise UsageError("What about the tasks?", f"Type {call.usage}: nothing more to see them.")
    else:
        call.later(lambda: _show(call, alias))


def _show(call: Call, alias: str) -> None:
    waiting = call.context.rollouts.pending(alias, call.actor)
    may_act = call.context.settings.pool(alias).mode == "act"
    call.answer(tasks.pending(alias, waiting, may_act=may_act))


def _open(call: Call, alias: str, kind: Kind, names: tuple[str, ...] = ()) -> None:
    def form() -> View:
        hosts = call.context.rollouts.hosts_named(alias, names, call.actor) if names else ()
        plain = Choices()
        choices = replace(
            call.context.rollouts.usual(alias),
            kind=kind,
            hosts=hosts,
            # Nothing is installed: one host after the other, as the command says, until somebody chooses otherwise.
            preset=plain.preset,
            placement=plain.placement,
            max_out=plain.max_out,
            deadline=plain.deadline,
        )
        return update.form(call, alias, choices)

    call.open(modal.update_title(alias), _("Looking at the pool: its hosts, its VMs, and what is pending."), form)


VERB = Verb(
    "tasks",
    "/xs tasks <pool> [run or reboot <hosts>]",
    "Says which tasks hosts and VMs still wait for; plans them, or a rolling reboot.",
    "viewer",
    run,
    opens=True,
    examples=("/xs tasks lab", "/xs tasks lab run", "/xs tasks lab reboot xs-02 xs-03"),
)


def register(app: App, context: Context) -> None:
    """The button that plans what is pending."""
    on_click(app, context, tasks.CARRY_OUT, lambda call: _open(call, call.value, Kind.TASKS), opens=True)
