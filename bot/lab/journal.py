"""What happened in the lab: every call that arrived and every effect on the pool, with simulated time stamps."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Call:
    """One XML-RPC call or HTTP GET. `outcome` is "ok" or the error code; session and password are redacted."""

    at: datetime
    user: str
    host: str
    method: str
    params: tuple[Any, ...]
    outcome: str

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {**asdict(self), "at": self.at.isoformat(), "params": _plain(self.params)}


def _plain(value: Any) -> Any:
    """The value as JSON has it: moments as ISO 8601, whatever else it does not know as text."""
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return value.isoformat() if isinstance(value, datetime) else str(value)


@dataclass(frozen=True, slots=True)
class Effect:
    """One change of the pool. `kind` is a stable word (see docs/lab.md), names are host and VM labels."""

    at: datetime
    kind: str
    host: str = ""
    vm: str = ""
    detail: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {**asdict(self), "at": self.at.isoformat()}


class Journal:
    """The two logs of one pool."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.effects: list[Effect] = []
