"""The list of every setting, read from the settings tree itself, so that documentation can be tested against it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from bot.settings.digests import DigestSettings
from bot.settings.sections import ApprovalSettings, PolicySettings, PoolSettings
from bot.settings.tree import Settings


@dataclass(frozen=True, slots=True)
class DocumentedSetting:
    """One setting: its dotted name in the TOML file, its type and default in words, and what it means."""

    name: str
    type: str
    default: str
    meaning: str


def documented_settings() -> list[DocumentedSetting]:
    """Every setting in the order of the tree; pools stand under `pools.<alias>`."""
    return list(_walk(Settings, ""))


def _walk(section: type[BaseModel], prefix: str) -> Iterator[DocumentedSetting]:
    for name, field in section.model_fields.items():
        inner = _section_of(field.annotation)
        if name == "pools" and section is Settings:
            yield from _walk(PoolSettings, "pools.<alias>.")
        elif name == "policies":
            yield from _walk(PolicySettings, "policies.<name>.")
        elif name == "digests":
            yield from _walk(DigestSettings, "digests.<name>.")
        elif inner is not None:
            yield from _walk(inner, f"{prefix}{name}.")
        else:
            meaning = re.sub(r"\s+", " ", field.description or "").strip()
            # What a pool sets differently has no default of its own: the general section speaks then.
            above = re.fullmatch(r"pools\.<alias>\.(approval|roles|rollout|maintenance)\.", prefix)
            default = f"as {above[1]}.{name}" if above else _default(field)
            if prefix == "policies.<name>." and name in ApprovalSettings.model_fields:
                default = f"as approval.{name}"
            yield DocumentedSetting(f"{prefix}{name}", _type(field.annotation), default, meaning)


def _section_of(annotation: Any) -> type[BaseModel] | None:
    for part in (annotation, *get_args(annotation)):
        if isinstance(part, type) and issubclass(part, BaseModel):
            return part
    return None


def _type(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return " or ".join(f'"{value}"' for value in get_args(annotation))
    if isinstance(annotation, UnionType):
        return " or ".join(_type(part) for part in get_args(annotation) if part is not type(None))
    if get_origin(annotation) is tuple:
        return "list of texts"
    if isinstance(annotation, type):
        words = {str: "text", int: "whole number", bool: "true or false", Path: "path", SecretStr: "secret"}
        return words[annotation]
    return "table of texts"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default_factory is not None:
        return "host name" if _type(field.annotation) == "text" else "empty"
    value = field.default
    if value is None or (isinstance(value, SecretStr) and not value.get_secret_value()) or value in ("", ()):
        return "empty"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return "[" + ", ".join(f'"{entry}"' for entry in value) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)
