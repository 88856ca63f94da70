"""/xs tasks <pool>: what earlier updates still wait for, host by host and VM by VM."""

from __future__ import annotations

from bot.messages import tasks
from commands.call import Call
from commands.verb import Verb


def run(call: Call) -> None:
    """What is still pending, with the button that asks for carrying it out."""
    alias = call.pool()
    waiting = call.context.rollouts.pending(alias, call.actor)
    may_act = call.context.settings.pool(alias).mode == "act"
    call.answer(tasks.pending(alias, waiting, may_act=may_act))


VERB = Verb("tasks", "/xs tasks <pool>", "Says which tasks hosts and VMs still wait for.", "viewer", run)
