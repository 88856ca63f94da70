"""What a command or click is about, so that every log line written for it says so."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from bot.errors import XsbotError
from storage import rollouts
from storage.database import Database

log = logging.getLogger(__name__)

#: A rollout's number as it is typed, or as a button carries it (alone or before a digest).
_NUMBER = re.compile(r"#?([0-9]{1,9})(?::|$)")


@dataclass(frozen=True, slots=True)
class Subject:
    """The rollout and the pool (its alias), as far as the command or click names them."""

    rollout: int | None = None
    pool: str = ""

    def completed(self, database: Database) -> Subject:
        """With the pool of its rollout, which only the database knows. Asked for the log alone."""
        if self.rollout is None or self.pool:
            return self
        try:
            with database.reading() as tx:
                return Subject(self.rollout, rollouts.get(tx, self.rollout).pool_alias)
        except XsbotError as error:
            # Whoever carries the command out meets the same and tells the person.
            log.debug("the pool of rollout %s is not known: %s", self.rollout, error)
            return self


def subject_of(words: Collection[str], view: Mapping[str, Any] | None, pools: Collection[str]) -> Subject:
    """What typed words, a button's value or a form is about; `pools` are the aliases of the configuration."""
    for word in words:
        if word in pools:
            return Subject(pool=word)
        number = _NUMBER.match(word)
        if number is not None:
            return Subject(int(number[1]))
    about = _metadata(view)
    rollout, pool = str(about.get("rollout", "")), about.get("pool")
    return Subject(int(rollout) if rollout.isdecimal() else None, str(pool) if pool in pools else "")


def _metadata(view: Mapping[str, Any] | None) -> dict[str, Any]:
    text = str((view or {}).get("private_metadata") or "")
    try:
        about = json.loads(text) if text else {}
    except ValueError:
        return {}  # no form of ours
    return about if isinstance(about, dict) else {}
