"""How XAPI writes values: what arrives through XML-RPC made into Python values.

Integers arrive as text, because XAPI sends 64-bit numbers as bare ``<value>``; moments as ``20250319T04:16:24Z``
(older and other encodings put hyphens between the parts of the date); a missing reference as ``OpaqueRef:NULL``; a
moment that never was as the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

#: One object's fields by name.
Record = Mapping[str, Any]
#: All objects of a class by reference.
Records = Mapping[str, Record]

NULL = "OpaqueRef:NULL"


def text(record: Record, name: str) -> str:
    """A string field; "" where this XAPI does not have the field."""
    value = record.get(name, "")
    return value if isinstance(value, str) else str(value)


def integer(record: Record, name: str) -> int:
    """An int field, which arrives as text; 0 where it is missing or no number."""
    try:
        return int(record.get(name, 0))
    except (TypeError, ValueError):
        return 0


def number(record: Record, name: str) -> float:
    """A float field or a float kept as text in a map; 0.0 where it is missing or no number."""
    try:
        return float(record.get(name, 0.0))
    except (TypeError, ValueError):
        return 0.0


def flag(record: Record, name: str, default: bool = False) -> bool:
    """A bool field."""
    value = record.get(name, default)
    return value if isinstance(value, bool) else str(value).lower() in ("true", "1")


def texts(record: Record, name: str) -> tuple[str, ...]:
    """A set field (of strings, enum values or references)."""
    value = record.get(name, ())
    return tuple(str(item) for item in value) if isinstance(value, (list, tuple)) else ()


def mapping(record: Record, name: str) -> dict[str, str]:
    """A map field with string keys and values."""
    value = record.get(name, {})
    return {str(key): str(item) for key, item in value.items()} if isinstance(value, Mapping) else {}


def operations(record: Record) -> frozenset[str]:
    """What runs on the object now (``current_operations`` maps tasks to operations)."""
    return frozenset(mapping(record, "current_operations").values())


def working(record: Record) -> frozenset[str]:
    """The references of the tasks that run on the object now."""
    return frozenset(mapping(record, "current_operations"))


def moment(value: Any) -> datetime | None:
    """A moment in UTC; None for "never", which XAPI writes as the epoch, and for what is no moment at all."""
    written = str(value).strip().replace("-", "")
    for form in ("%Y%m%dT%H:%M:%SZ", "%Y%m%dT%H:%M:%S", "%Y%m%dT%H%M%SZ"):
        try:
            found = datetime.strptime(written, form).replace(tzinfo=UTC)
        except ValueError:
            continue
        return found if found.timestamp() > 0 else None
    return None
