"""/xs schedule <pool> [daily, weekly <day> or off]"""

from __future__ import annotations

from bot.messages.configuring import update_settings
from bot.messages.language import _
from bot.rollout.channel import schedule_of
from commands.call import Call
from commands.verb import Verb


def run(call: Call) -> None:
    """Show or change when a pool synchronises by itself."""
    alias, rollouts = call.pool(), call.context.rollouts
    if len(call.words) < 2:
        call.answer(update_settings(alias, rollouts.update_settings(alias, call.actor)))
        return
    schedule = schedule_of(call.words[1:])
    now = rollouts.set_schedule(alias, schedule, call.actor)
    told = _("The sync schedule of pool {alias} is {schedule} now.").format(
        alias=alias, schedule=str(schedule) if schedule is not None else _("off")
    )
    call.answer(update_settings(alias, now, told))


VERB = Verb(
    "schedule",
    "/xs schedule <pool> [daily, weekly <day> or off]",
    "Shows or changes when a pool looks for updates by itself.",
    "admin",
    run,
    examples=("/xs schedule lab", "/xs schedule lab weekly tuesday", "/xs schedule lab off"),
)
