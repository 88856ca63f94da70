"""All English sentences by reason code, merged from the `catalogue_*` modules beside this one."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache

import bot.messages


@cache
def templates() -> Mapping[str, str]:
    """All sentences by reason code.

    Raises `ValueError` when two catalogues claim one code.
    """
    merged: dict[str, str] = {}
    for module in sorted(entry.name for entry in pkgutil.iter_modules(bot.messages.__path__)):
        if not module.startswith("catalogue_"):
            continue
        own: dict[str, str] = importlib.import_module(f"bot.messages.{module}").SENTENCES
        if twice := merged.keys() & own.keys():
            raise ValueError(f"{module} repeats the sentences {sorted(twice)}")
        merged |= own
    return merged
