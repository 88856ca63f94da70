"""/xs windows [pool]"""

from __future__ import annotations

from bot.messages.schedule import calendars
from commands.call import Call
from commands.verb import Verb


def run(call: Call) -> None:
    """Show when pools may be worked on: one, or all that the person may look at."""
    seen = [alias for alias in call.context.settings.pools if call.sees(alias)]
    aliases = [call.pool()] if call.words else seen
    call.answer(calendars(call.context.rollouts.calendars(aliases, call.actor)))


VERB = Verb(
    "windows",
    "/xs windows [pool]",
    "Shows maintenance windows, freezes, and what waits for its time.",
    "viewer",
    run,
    examples=("/xs windows", "/xs windows prod"),
)
