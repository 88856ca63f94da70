"""One thing that `xsbot doctor` looked at."""

from __future__ import annotations

from dataclasses import dataclass

from bot.errors import XsbotError


@dataclass(frozen=True, slots=True)
class Examined:
    """One thing that was looked at: whether it is well, what was seen, and what to do if not."""

    what: str
    well: bool
    seen: str
    remedy: str = ""


def failed(what: str, error: XsbotError) -> Examined:
    """What an error says about the thing that was looked at."""
    return Examined(what, False, error.sentence, error.hint)
