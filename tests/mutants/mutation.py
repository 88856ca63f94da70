"""One mistake: where it is made, which promise it breaks, and which tests must notice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


class Misplaced(Exception):
    """The text that a mutation replaces is not there exactly once."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """Replace `old` (which must occur exactly once in `file`) by `new`; each of `tests` must fail then."""

    name: str
    invariant: int
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def mutated(self, root: Path) -> str:
        """The file's text with the mistake in it. Raises `Misplaced`."""
        text = (root / self.file).read_text("utf-8")
        found = text.count(self.old)
        if found != 1:
            raise Misplaced(f"{self.file} has its text {found} times instead of once")
        return text.replace(self.old, self.new)
