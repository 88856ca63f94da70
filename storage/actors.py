"""Who does something: a person in Slack, a person at the command line, or the bot itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ActorKind = Literal["slack", "cli", "bot"]


@dataclass(frozen=True, slots=True)
class Actor:
    """One actor. `id` is a Slack user id, an OS user name or the bot's own name; `name` is what people read."""

    kind: ActorKind
    id: str
    name: str


#: xsbot itself, for what it does on its own (expiry, progress, settling debts).
BOT = Actor("bot", "xsbot", "xsbot")
