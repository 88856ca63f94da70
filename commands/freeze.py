"""/xs freeze <pool> [until <when> because <why>, or off]"""

from __future__ import annotations

from bot.messages.schedule import calendars, frozen, unfrozen
from commands.call import Call, UsageError
from commands.verb import Verb


def run(call: Call) -> None:
    """Let no rollout of a pool start for some time, or end that, or show what there is."""
    alias, rollouts = call.pool(), call.context.rollouts
    words = list(call.words[1:])
    if not words:
        call.answer(calendars(rollouts.calendars([alias], call.actor)))
        return
    if [word.lower() for word in words] == ["off"]:
        rollouts.unfreeze(alias, call.actor)
        call.answer(unfrozen(alias))
        return
    when, why = _parts(words)
    freeze = rollouts.freeze(alias, rollouts.moment(alias, when), why, call.actor)
    call.answer(frozen(freeze, rollouts.working_on(alias)))


def _parts(words: list[str]) -> tuple[str, str]:
    lower = [word.lower() for word in words]
    if lower[0] != "until" or "because" not in lower:
        raise UsageError(
            "Until when is the pool frozen, and why?",
            "Type /xs freeze <pool> until mon 6:00 because the shop is busy, or /xs freeze <pool> off.",
        )
    at = lower.index("because")
    return " ".join(words[1:at]).strip('"“”„'), " ".join(words[at + 1 :])


VERB = Verb(
    "freeze",
    "/xs freeze <pool> [until <when> because <why>, or off]",
    "Lets no rollout of a pool start until then; one that runs is not cut.",
    "admin",
    run,
    examples=("/xs freeze prod until mon 6:00 because the shop is busy", "/xs freeze prod off"),
)
