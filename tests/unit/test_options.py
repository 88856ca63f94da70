"""Options of a command, as keyboards and phones make them."""

from __future__ import annotations

import pytest

from commands.call import UsageError
from commands.options import options

KNOWN = ("at", "reason")


@pytest.mark.parametrize(
    ("typed", "rest", "found"),
    [
        ("fast", ("fast",), {}),
        ('--at "sat 22:00" fast', ("fast",), {"at": "sat 22:00"}),
        ("--at “sat 22:00” --reason „CVE“", (), {"at": "sat 22:00", "reason": "CVE"}),
        ("—at “sat 22:00”", (), {"at": "sat 22:00"}),
        ('--at="sat 22:00"', (), {"at": "sat 22:00"}),
        ("--at 22:00 leave", ("leave",), {"at": "22:00"}),
        ('--reason "" leave', ("leave",), {"reason": ""}),
    ],
)
def test_values_are_words_or_stand_between_marks(typed: str, rest: tuple[str, ...], found: dict[str, str]) -> None:
    assert options(typed.split(), KNOWN) == (rest, found)


@pytest.mark.parametrize("typed", ["--att x", "--at", '--at "sat 22:00', "--at 1:00 --at 2:00", "--at --reason x"])
def test_what_cannot_be_understood_is_refused(typed: str) -> None:
    with pytest.raises(UsageError):
        options(typed.split(), KNOWN)
