"""``python -m tests.words``: brings the catalogues up to date and names what they lack; ends with 1 while they do."""

from __future__ import annotations

import sys

from tests.words.catalogues import OTHERS, messages, missing, path_of, template, updated
from tests.words.found import Unreadable


def main() -> int:
    """Write every catalogue anew, with all translations that still fit."""
    try:
        wanted = template()
    except Unreadable as error:
        print(error)
        return 1
    lacking: list[str] = []
    for tag in OTHERS:
        path = path_of(tag)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(updated(tag, wanted))
        lacking += missing(tag, wanted)
    for line in lacking:
        print(line)
    count = sum(1 for _entry in messages(wanted))
    print(f"{count} messages, {len(OTHERS)} languages besides English, {len(lacking)} left to do.")
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main())
