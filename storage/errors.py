"""What the database can refuse.

StorageError
├── NotFound           no such row
├── Conflict           somebody else was faster; the sentence says what holds now
│   └── PoolBusy       the pool has another open rollout, or somebody sets something on it
├── SecretRefused      something that looks like a secret was about to be recorded
├── SpecDamaged        the stored bytes of a spec no longer match their digest
├── AuditDamaged       the audit chain cannot be continued
├── DatabaseUnavailable  the database is away or busy; nothing is known to be wrong with what it holds
└── DatabaseOutdated   the tables do not fit this release
"""

from __future__ import annotations

from bot.errors import XsbotError


class StorageError(XsbotError):
    """The database refused, or could not be reached."""


class NotFound(StorageError):
    """There is no such row."""


class Conflict(StorageError):
    """A compare-and-set was lost: the row is no longer what the caller believed."""


class PoolBusy(Conflict):
    """Another rollout of the pool is open, which `rollout_id` names where it is known; or somebody sets something on
    the pool at this moment."""

    def __init__(self, sentence: str, hint: str = "", rollout_id: int | None = None) -> None:
        super().__init__(sentence, hint)
        self.rollout_id = rollout_id


class SecretRefused(StorageError):
    """A record was refused because one of its keys names a secret."""


class SpecDamaged(StorageError):
    """The stored bytes of a spec do not match the digest that was approved."""


class AuditDamaged(StorageError):
    """The audit chain cannot be continued, because its head is missing or does not fit."""


class DatabaseUnavailable(StorageError):
    """The database cannot be reached, or does not answer in time: trying again later is right."""


class DatabaseOutdated(StorageError):
    """The tables belong to another release."""
