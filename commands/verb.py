"""One sub-command of /xs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from commands.call import Call


@dataclass(frozen=True)
class Verb:
    """A sub-command: how it is typed, what it does in one line, who may, and the function that does it.

    `opens` says that it opens a dialog, which must happen at once; everything else runs in the background. `examples`
    are lines as somebody would type them, for `/xs help <verb>`.
    """

    name: str
    usage: str
    does: str
    role: str
    run: Callable[[Call], None]
    opens: bool = False
    examples: tuple[str, ...] = ()
