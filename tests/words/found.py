"""One string that people may read, and where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Found:
    """`text` is English; `many` is its plural where something is counted; `context` tells equal texts apart."""

    file: str
    line: int
    text: str
    many: str = ""
    context: str = ""


class Unreadable(Exception):
    """A string is made at run time where only a literal can be found."""


def files(*parts: str) -> Iterator[Path]:
    """Every module below these folders (or the module itself), in an order that does not change."""
    for part in parts:
        path = ROOT / part
        yield from [path] if path.is_file() else sorted(path.rglob("*.py"))


def name_of(path: Path) -> str:
    """The path as the catalogues show it."""
    return path.relative_to(ROOT).as_posix()
