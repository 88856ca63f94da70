"""Which answers people are offered when a rollout needs attention: those that can change something."""

from __future__ import annotations

from bot.rollout.decision import Verdict

RETRY, PROCEED, SKIP, ABORT = "retry", "proceed", "skip", "abort"

#: What no second try can change: the host has left the pool.
_FINAL = frozenset({"host.gone"})
#: What concerns the pool and not one host, whatever was in hand when it was found.
_OF_THE_POOL = frozenset({"pool.claimed", "pool.foreign_operation", "checksum.changed", "setting.not_approved"})


def answers(verdict: Verdict, coordinator: str, *, ending: bool) -> tuple[str, ...]:
    """The answers that make sense, in the order in which they are shown.

    `coordinator` is the uuid of the host that cannot be skipped, `ending` says that people ended the rollout: there
    is no other host to go on with then.
    """
    code = verdict.reason.code
    skippable = bool(verdict.host) and verdict.host != coordinator and not ending and code not in _OF_THE_POOL
    found = [] if code in _FINAL and skippable else [RETRY]
    # A host that is not as well as before its turn may stay like that, if an approver says so.
    if code.startswith("gate."):
        found.append(PROCEED)
    return (*found, *([SKIP] if skippable else []), ABORT)
