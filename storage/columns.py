"""Column types that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, ClassVar

from sqlalchemy import JSON, DateTime, Dialect, LargeBinary, String
from sqlalchemy.types import TypeDecorator

from bot.rollout.amendment import AmendmentState
from bot.rollout.lifecycle import State
from bot.rollout.memory import DebtKind, IntentState, TurnPhase

#: JSON documents; Python's None becomes SQL NULL, so that "nothing" has one spelling in both databases. A document that
#: was read is shared with others who read it (see `document`): it is replaced, never changed in place.
Document = JSON(none_as_null=True)

#: Characters from which decoding a document again costs more than finding it again.
_LARGE = 1_000


def document(written: str | bytes) -> Any:
    """The value of a stored document.

    Rows carry the updates, the findings and the forecast of their rollout, and a rollout's row is read several times
    in each round: decoding them anew every time is what the bot would mostly do.
    """
    return _kept(written) if len(written) > _LARGE else json.loads(written)


@lru_cache(maxsize=2048)
def _kept(written: str | bytes) -> Any:
    return json.loads(written)


class Bytes(TypeDecorator[bytes]):
    """Bytes that are hashed. SQLite gives text back where somebody wrote text into the column; its bytes count then."""

    impl = LargeBinary
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> bytes | None:
        """Whatever is stored, as bytes, so that a hash can be computed and found wrong."""
        if value is None or isinstance(value, bytes):
            return value
        return bytes(value) if isinstance(value, (memoryview, bytearray)) else str(value).encode()


class Moment(TypeDecorator[datetime]):
    """A moment in UTC. Naive datetimes are refused, because SQLite keeps no time zone and would believe any."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse what has no zone, store the rest as UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a moment needs a time zone: {value!r}")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Always aware, always UTC."""
        if not isinstance(value, datetime):
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Topic(StrEnum):
    """What a message in the outbox is about."""

    NOTICE = "notice"
    """The pool's notice is to be posted or edited."""
    CARD = "card"
    """The rollout's card is to be posted or edited."""
    PROGRESS = "progress"
    """The progress message in the rollout's thread is to be posted or edited."""
    LINE = "line"
    """One milestone in the rollout's thread."""
    ATTENTION = "attention"
    """The rollout cannot go on without a person."""
    AMENDMENT = "amendment"
    """The card of a proposed amendment is to be posted or edited."""
    EMERGENCY = "emergency"
    """Somebody declared an emergency: told to the audit channel, aloud."""
    REMINDER = "reminder"
    """The time for approving a request runs out."""
    ANNOUNCEMENT = "announcement"
    """An approved rollout is about to start."""
    OUTCOME = "outcome"
    """The rollout is over."""
    REPORT = "report"
    """The picture and the report of a rollout that is over."""
    DEBTS = "debts"
    """What is owed to a pool for too long, and nobody gives it back."""
    DIGEST = "digest"
    """How the pools are, told to a channel each week."""
    AUDIT = "audit"
    """One audit event for the audit channel."""


class NoticeState(StrEnum):
    """What became of a notice."""

    OPEN = "open"
    SUPERSEDED = "superseded"
    DONE = "done"


class _Word(TypeDecorator[Any]):
    """One word out of a closed set, stored as text: a new word needs no change of the table."""

    impl = String
    cache_ok = True
    words: ClassVar[type[StrEnum]]

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Only words of the set are stored."""
        return None if value is None else self.words(value).value

    def process_result_value(self, value: Any, dialect: Dialect) -> StrEnum | None:
        """The member of the set."""
        return None if value is None else self.words(value)


class StateWord(_Word):
    """A rollout's state."""

    cache_ok = True
    words = State


class AmendmentStateWord(_Word):
    """What became of an amendment."""

    cache_ok = True
    words = AmendmentState


class IntentStateWord(_Word):
    """An intent's state."""

    cache_ok = True
    words = IntentState


class DebtKindWord(_Word):
    """What is owed."""

    cache_ok = True
    words = DebtKind


class TurnPhaseWord(_Word):
    """How far a host is."""

    cache_ok = True
    words = TurnPhase


class TopicWord(_Word):
    """What a message is about."""

    cache_ok = True
    words = Topic


class NoticeStateWord(_Word):
    """What became of a notice."""

    cache_ok = True
    words = NoticeState
