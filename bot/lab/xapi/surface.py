"""The data model: which classes, fields and messages a XenServer 8 coordinator knows, with types, defaults and roles.

Distilled from XAPI's published data model (API version 2.23) into `surface.json`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: From most to least; `read-only` may do what the last one may.
ROLES = ("pool-admin", "pool-operator", "vm-power-admin", "vm-admin", "vm-operator", "client-cert", "read-only")


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its XAPI type and whether clients may write it."""

    name: str
    type: str
    writable: bool
    default: Any

    def blank(self) -> Any:
        """A fresh default value of the field's type."""
        if isinstance(self.default, list):
            return list(self.default)
        if isinstance(self.default, dict):
            return dict(self.default)
        return self.default


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of a message; `optional` ones may be left out at the end, and are then `default`."""

    name: str
    type: str
    optional: bool
    default: Any = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a class: its parameters without the session, who may send it, whether `Async.` exists."""

    name: str
    params: tuple[Param, ...]
    roles: frozenset[str]
    has_async: bool

    @property
    def required(self) -> int:
        """How many parameters must be given (the session not counted)."""
        return sum(not param.optional for param in self.params)


@dataclass(frozen=True, slots=True)
class Class:
    """One class of the data model."""

    name: str
    fields: Mapping[str, Field]
    messages: Mapping[str, Message]

    def blank(self) -> dict[str, Any]:
        """A new record with every default."""
        return {field.name: field.blank() for field in self.fields.values()}


@dataclass(frozen=True, slots=True)
class Surface:
    """The whole data model. `errors`: code → names of its parameters, None where the model does not say."""

    classes: Mapping[str, Class]
    enums: Mapping[str, tuple[str, ...]]
    errors: Mapping[str, tuple[str, ...] | None]


def zero(type_: str, default: Any) -> Any:
    """The Python value a field of this XAPI type starts with: the model's default, or the type's zero."""
    if type_.endswith(" map"):
        return dict(default) if isinstance(default, dict) else {}
    if type_.endswith(" set"):
        return list(default) if isinstance(default, list) else []
    if type_ == "bool":
        return default == "true"
    if type_ == "int":
        return int(default or 0)
    if type_ == "float":
        return float(default or 0.0)
    if type_ == "datetime":
        return EPOCH
    if type_.endswith(" ref"):
        return "OpaqueRef:NULL"
    return default or ""


def _load() -> Surface:
    raw = json.loads((files("bot.lab.xapi") / "surface.json").read_text("utf-8"))
    role_sets = [frozenset(ROLES[int(digit)] for digit in digits) for digits in raw["roles"]]
    classes: dict[str, Class] = {}
    for name, entry in raw["classes"].items():
        fields = {
            field: Field(field, type_, bool(writable), zero(type_, default))
            for field, (type_, writable, default) in entry["fields"].items()
        }
        messages = {
            message: Message(
                message,
                tuple(_param(p, t, raw["defaults"].get(f"{name}.{message}", {})) for p, t in params),
                role_sets[roles],
                bool(has_async),
            )
            for message, (params, roles, has_async) in entry["messages"].items()
        }
        classes[name] = Class(name, fields, messages)
    return Surface(
        classes,
        {name: tuple(values) for name, values in raw["enums"].items()},
        {code: None if params is None else tuple(params) for code, params in raw["errors"].items()},
    )


def _param(written: str, type_: str, defaults: Mapping[str, Any]) -> Param:
    name = written.rstrip("?")
    return Param(name, type_, written.endswith("?"), defaults.get(name, ""))


SURFACE = _load()
