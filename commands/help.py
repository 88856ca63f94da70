"""/xs help, and the answer to what is no command."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from bot.messages.status import CommandHelp, help_message
from commands.call import Call
from commands.verb import Verb


def help_for(verbs: Sequence[Verb], call: Call, asked: str = "") -> None:
    """All commands; for an unknown one also the nearest that exists."""
    meant = difflib.get_close_matches(asked, [verb.name for verb in verbs], n=1, cutoff=0.5) if asked else []
    shown = [CommandHelp(verb.usage, verb.does, verb.role) for verb in verbs]
    call.answer(help_message(shown, asked, meant[0] if meant else ""))
