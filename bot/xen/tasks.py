"""What became of an asynchronous call.

XAPI sets a task's result before its status, so ``success`` means that the result is there. Tasks live in the
coordinator's memory: after its restart they are *gone*, and only looking at the objects tells what happened.
"""

from __future__ import annotations

import json
import xmlrpc.client
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal
from xml.parsers.expat import ExpatError

from bot.xen import wire
from bot.xen.errors import XenError
from bot.xen.updates import livepatch_text
from bot.xen.wire import Record

TaskState = Literal["pending", "success", "failure", "cancelled", "gone"]

_LIVEPATCH_FAILED = "APPLY_LIVEPATCH_FAILED"


@dataclass(frozen=True, slots=True)
class TaskStatus:
    """One look at a task: `progress` from 0 to 1, `error` for failed and cancelled ones, `result` as XAPI wrote it."""

    state: TaskState
    progress: float = 0.0
    error: XenError | None = None
    result: str = ""


GONE = TaskStatus("gone")


def status_of(record: Record, translated: Callable[[list[str]], XenError]) -> TaskStatus:
    """The status in a task's record; `translated` makes errors of XAPI's words."""
    status = wire.text(record, "status")
    progress = wire.number(record, "progress")
    if status == "success":
        return TaskStatus("success", 1.0, result=wire.text(record, "result"))
    if status in ("failure", "cancelled"):
        words = list(wire.texts(record, "error_info"))
        fallback = ["TASK_CANCELLED"] if status == "cancelled" else ["INTERNAL_ERROR", "the task failed without a word"]
        return TaskStatus("cancelled" if status == "cancelled" else "failure", progress, translated(words or fallback))
    return TaskStatus("pending", progress)


def task_value(result: str) -> Any:
    """The Python value in a task's result, which is a fragment of XML-RPC; "" for calls that give nothing back.

    Some of XAPI's HTTP handlers write a bare word instead; it is handed on as it is.
    """
    if not result.strip().startswith("<value"):
        return result
    document = f"<methodResponse><params><param>{result}</param></params></methodResponse>"
    try:
        (value,), _ = xmlrpc.client.loads(document)
    except (ExpatError, xmlrpc.client.Error, ValueError):
        return result
    return value


def livepatch_failures(result: str) -> tuple[str, ...]:
    """The live patches that an ``apply_updates`` could not apply, as ``component base -> to``.

    They are in the result of a *successful* task: the packages are installed, only the running system lags behind.
    """
    value = task_value(result)
    vectors = value if isinstance(value, list) else []
    return tuple(
        _livepatch(str(vector[1]) if len(vector) > 1 else "")
        for vector in vectors
        if isinstance(vector, list) and vector and vector[0] == _LIVEPATCH_FAILED
    )


def _livepatch(written: str) -> str:
    try:
        patch = json.loads(written)
    except ValueError:
        return written
    return livepatch_text(patch) if isinstance(patch, dict) else written
