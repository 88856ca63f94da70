"""The pool's objects: one table per class, every change counted so that `event.from` can tell what is new."""

from __future__ import annotations

import uuid as uuids
from collections.abc import Iterator
from random import Random
from typing import Any

from bot.lab.xapi.failure import NULL, XapiFailure
from bot.lab.xapi.surface import SURFACE

Fields = dict[str, Any]


class Row:
    """One object: its fields and the generations at which it was created and last changed."""

    __slots__ = ("changed", "created", "fields", "wire")

    def __init__(self, fields: Fields, generation: int) -> None:
        self.fields = fields
        self.created = generation
        self.changed = generation
        #: The encoded record, kept until the next change because clients read whole tables again and again.
        self.wire: str | None = None


class Database:
    """All objects of one pool, as the coordinator holds them."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self.tables: dict[str, dict[str, Row]] = {name: {} for name in SURFACE.classes}
        self.generation = 1
        #: (generation, class, ref) of what was deleted; forgotten when the coordinator restarts.
        self.deleted: list[tuple[int, str, str]] = []

    def new_uuid(self) -> str:
        """A uuid from the seeded source, so that a run can be repeated."""
        return str(uuids.UUID(int=self._random.getrandbits(128), version=4))

    def create(self, cls: str, /, **fields: Any) -> str:
        """A new object with the data model's defaults under `fields`; answers its ref."""
        ref = f"OpaqueRef:{self.new_uuid()}"
        full = SURFACE.classes[cls].blank()
        unknown = set(fields) - set(full)
        if unknown:
            raise KeyError(f"{cls} has no field {sorted(unknown)}")
        full.update(fields)
        if not full.get("uuid"):
            full["uuid"] = self.new_uuid()
        self.generation += 1
        self.tables[cls][ref] = Row(full, self.generation)
        return ref

    def row(self, cls: str, ref: str) -> Row:
        """The row behind a ref, or HANDLE_INVALID."""
        try:
            return self.tables[cls][ref]
        except KeyError:
            raise XapiFailure("HANDLE_INVALID", cls, ref) from None

    def get(self, cls: str, ref: str, field: str) -> Any:
        """One field's value. Lists and maps are the stored ones: change them through `set` only."""
        return self.row(cls, ref).fields[field]

    def record(self, cls: str, ref: str) -> Fields:
        """The stored fields of an object (not a copy)."""
        return self.row(cls, ref).fields

    def set(self, cls: str, ref: str, **fields: Any) -> None:
        """Change fields; nothing is counted when every value is the one already there."""
        row = self.row(cls, ref)
        if all(row.fields[name] == value for name, value in fields.items()):
            return
        row.fields.update(fields)
        self.generation += 1
        row.changed = self.generation
        row.wire = None

    def touch(self, cls: str, ref: str) -> None:
        """Count an object as changed although it is as it was."""
        row = self.row(cls, ref)
        self.generation += 1
        row.changed = self.generation

    def put(self, cls: str, ref: str, field: str, key: str, value: str) -> None:
        """Set one key of a map field."""
        self.set(cls, ref, **{field: {**self.get(cls, ref, field), key: value}})

    def drop(self, cls: str, ref: str, field: str, key: str) -> None:
        """Remove one key of a map field; a missing key is fine, as in XAPI."""
        self.set(cls, ref, **{field: {k: v for k, v in self.get(cls, ref, field).items() if k != key}})

    def delete(self, cls: str, ref: str) -> None:
        """Remove an object."""
        if self.tables[cls].pop(ref, None) is not None:
            self.generation += 1
            self.deleted.append((self.generation, cls, ref))

    def clear(self, cls: str) -> None:
        """Empty a table that lives in the coordinator's memory only."""
        for ref in list(self.tables[cls]):
            self.delete(cls, ref)

    def refs(self, cls: str) -> list[str]:
        """Every ref of a class, oldest first."""
        return list(self.tables[cls])

    def items(self, cls: str) -> Iterator[tuple[str, Fields]]:
        """Every (ref, fields) of a class, oldest first."""
        return ((ref, row.fields) for ref, row in list(self.tables[cls].items()))

    def find(self, cls: str, **wanted: Any) -> str:
        """The first object whose fields have the wanted values, or the null ref."""
        for ref, fields in self.items(cls):
            if all(fields[name] == value for name, value in wanted.items()):
                return ref
        return NULL
