"""/xs help, and the answer to what is no command."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from bot.messages.status import CommandHelp, help_message, help_on
from commands.call import Call
from commands.verb import Verb

#: What people type who mean one of our verbs: words of other tools, and verbs of earlier releases.
MEANT: Mapping[str, str] = {
    "withdraw": "amend",
    "stop": "pause",
    "continue": "resume",
    "go": "resume",
    "start": "update",
    "upgrade": "update",
    "rollout": "update",
    "deny": "reject",
    "undo": "restore",
    "rollback": "restore",
    "fix": "restore",
    "log": "audit",
    "list": "pools",
    "hosts": "pools",
    "reboot": "tasks",
    "refresh": "sync",
    "me": "whoami",
}


def help_for(verbs: Sequence[Verb], call: Call, asked: str = "") -> None:
    """All commands; for an unknown one also the nearest that exists. `/xs help <verb>`: that one, with examples."""
    named = {verb.name: verb for verb in verbs}
    wanted = asked or " ".join(call.words[:1])
    verb = named.get(wanted.lower().removeprefix("/xs"))
    if verb is not None:
        call.answer(help_on(_shown(verb)))
        return
    call.answer(help_message([_shown(verb) for verb in verbs], wanted, nearest_verb(wanted, tuple(named))))


def nearest_verb(asked: str, names: Sequence[str]) -> str:
    """The verb that was probably meant, "" when nothing comes near."""
    word = asked.lower()
    if (meant := MEANT.get(word, "")) in names:
        return meant
    return next(iter(difflib.get_close_matches(word, names, n=1, cutoff=0.5)), "") if word else ""


def _shown(verb: Verb) -> CommandHelp:
    return CommandHelp(verb.usage, verb.does, verb.role, verb.examples)
