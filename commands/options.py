"""Options in a command: ``--at "sat 22:00" --reason "CVE-2026-1"``, whatever marks people's keyboards make of them."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from commands.call import UsageError

#: Phones turn two hyphens into a dash, and straight quotation marks into curly ones.
_DASH = re.compile(r"(?:--|\u2014|\u2013)([a-z-]+)(?:=(.*))?", re.DOTALL | re.IGNORECASE)
_QUOTES = str.maketrans({"\u201c": '"', "\u201d": '"', "\u201e": '"', "\u00ab": '"', "\u00bb": '"'})


def options(
    words: Sequence[str], known: Collection[str], flags: Collection[str] = ()
) -> tuple[tuple[str, ...], dict[str, str]]:
    """The words that belong to no option, and the value of each option that is there.

    A value is one word, or several between quotation marks; `flags` have none, and "yes" stands for it. Raises
    `UsageError` for an option that is not `known`, has no value, or is there twice.
    """
    rest: list[str] = []
    found: dict[str, str] = {}
    queue = list(words)
    while queue:
        word = queue.pop(0)
        match = _DASH.fullmatch(word)
        if match is None:
            rest.append(word)
            continue
        name = match[1].lower()
        if name not in (*known, *flags):
            allowed = ", ".join(f"--{entry}" for entry in sorted((*known, *flags)))
            raise UsageError(f"There is no option {word.split('=')[0]}.", f"There are: {allowed}.")
        if name in found:
            raise UsageError(f"--{name} is there twice.", "Give it once.")
        if name in flags and match[2] is None:
            found[name] = "yes"
            continue
        if match[2] is not None:
            queue.insert(0, match[2])
        found[name] = _value(name, queue)
    return tuple(rest), found


def _value(name: str, queue: list[str]) -> str:
    parts: list[str] = []
    while queue:
        part = queue.pop(0).translate(_QUOTES)
        if not parts and not part.startswith('"'):
            if _DASH.fullmatch(part):
                break
            return part
        parts.append(part)
        said = " ".join(parts)
        if len(said) > 1 and said.endswith('"'):
            return said[1:-1].strip()
    if parts:
        raise UsageError(f"The text after --{name} does not end.", 'Put it between quotation marks: --at "sat 22:00".')
    raise UsageError(f"--{name} needs a value.", 'For example --at "sat 22:00".')
