"""Log lines: one per event on standard error, as text or as JSON, with the rollout and the pool they concern.

Whoever works on a rollout or pool says so once with `concerning`; every line that is written within, by whatever
module or library, carries it. Each thread says it for itself.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TextIO

_ROLLOUT: ContextVar[int | None] = ContextVar("xsbot_rollout", default=None)
_POOL: ContextVar[str] = ContextVar("xsbot_pool", default="")

#: Libraries that are heard only when something is wrong.
CHATTY = ("apscheduler", "slack_bolt", "slack_sdk", "alembic", "uvicorn", "asyncio", "procrastinate")


@contextmanager
def concerning(*, rollout: int | None = None, pool: str = "") -> Iterator[None]:
    """Every line written within is about that rollout and that pool (its alias); what is left out stays as it was."""
    rollout_before = _ROLLOUT.set(rollout) if rollout is not None else None
    pool_before = _POOL.set(pool) if pool else None
    try:
        yield
    finally:
        if rollout_before is not None:
            _ROLLOUT.reset(rollout_before)
        if pool_before is not None:
            _POOL.reset(pool_before)


def begin(level: int, form: str = "text", stream: TextIO | None = None) -> None:
    """Log to `stream` (standard error) from now on, as ``text`` or ``json``; replaces what was set before."""
    handler = logging.StreamHandler(stream if stream is not None else sys.stderr)
    handler.addFilter(about)
    handler.setFormatter(JsonLines() if form == "json" else TextLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)


def about(record: logging.LogRecord) -> bool:
    """Note on the line what it concerns; it is asked in the thread that writes the line."""
    record.rollout, record.pool = _ROLLOUT.get(), _POOL.get()
    return True


class TextLines(logging.Formatter):
    """``time LEVEL logger [pool prod, rollout 42]: message``"""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s%(about)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """One line, and the stack trace below it where there is one."""
        pool, rollout = getattr(record, "pool", ""), getattr(record, "rollout", None)
        parts = [f"pool {pool}"] if pool else []
        parts += [f"rollout {rollout}"] if rollout is not None else []
        record.about = f" [{', '.join(parts)}]" if parts else ""
        return super().format(record)


class JsonLines(logging.Formatter):
    """One JSON object per line: at, level, logger, message; pool, rollout and error where there are any."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever the message contains."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if pool := getattr(record, "pool", ""):
            line["pool"] = pool
        if (rollout := getattr(record, "rollout", None)) is not None:
            line["rollout"] = rollout
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
