"""Messages every class has: getters, setters, get_record, get_all_records, look-ups by uuid and by name."""

from __future__ import annotations

import re
from typing import Any

from bot.lab.xapi.calls import Context
from bot.lab.xapi.database import Database, Row
from bot.lab.xapi.failure import XapiFailure
from bot.lab.xapi.guests import refresh
from bot.lab.xapi.surface import SURFACE
from bot.lab.xapi.wire import Encoded, plain, value

_QUERY = re.compile(r'^\s*field\s+"(?P<field>\w+)(?:__\w+)?"\s*=\s*"(?P<value>[^"]*)"\s*$')


class EncodedRecord(Encoded):
    """The XML form of a record, which also remembers the record itself for the JSON side."""

    row: Row

    @property
    def fields(self) -> dict[str, Any]:
        """The record itself."""
        return self.row.fields


def encoded_record(db: Database, cls: str, ref: str) -> EncodedRecord:
    """A record in wire form, encoded once per change."""
    row = db.row(cls, ref)
    if row.wire is None:
        row.wire = value(row.fields)
    encoded = EncodedRecord(row.wire)
    encoded.row = row
    return encoded


def for_json(item: Any) -> Any:
    """The JSON form of a result in which encoded records may stand."""
    if isinstance(item, EncodedRecord):
        return plain(item.fields)
    if isinstance(item, dict):
        return {str(name): for_json(entry) for name, entry in item.items()}
    if isinstance(item, list | tuple):
        return [for_json(entry) for entry in item]
    return plain(item)


def generic(ctx: Context, cls: str, message: str, params: list[Any]) -> Any:
    """Answer a derived message and let what depends on the changed field follow."""
    answer = _derived(ctx, cls, message, params)
    if cls == "VM" and params and not message.startswith("get_"):
        refresh(ctx.world, params[0])
    return answer


def _derived(ctx: Context, cls: str, message: str, params: list[Any]) -> Any:
    """Answer a message that is derived from the data model; NotImplementedError if it is not one of those."""
    world, db = ctx.world, ctx.world.db
    fields = SURFACE.classes[cls].fields
    if message == "get_all":
        return db.refs(cls)
    if message == "get_all_records":
        return {ref: encoded_record(db, cls, ref) for ref in db.refs(cls)}
    if message == "get_all_records_where":
        wanted = _condition(params[0])
        return {
            ref: encoded_record(db, cls, ref)
            for ref, record in db.items(cls)
            if wanted is None or str(record.get(wanted[0])) == wanted[1]
        }
    if message == "get_record":
        return encoded_record(db, cls, params[0])
    if message == "get_by_uuid":
        for ref, record in db.items(cls):
            if record["uuid"] == params[0]:
                return ref
        raise XapiFailure("UUID_INVALID", cls, params[0])
    if message == "get_by_name_label":
        return [ref for ref, record in db.items(cls) if record["name_label"] == params[0]]
    verb, _, field = message.partition("_")
    if verb == "get" and field in fields:
        return db.get(cls, params[0], field)
    if verb == "set" and field in fields:
        before = db.get(cls, params[0], field)
        db.set(cls, params[0], **{field: params[1]})
        if cls == "pool":
            world.change_setting(field, before, params[1])
        return None
    if message.startswith("add_to_"):
        return _add(ctx, cls, params[0], message[len("add_to_") :], params[1], params[2])
    if message.startswith("remove_from_"):
        return _remove(ctx, cls, params[0], message[len("remove_from_") :], params[1])
    if verb in ("add", "remove") and field in fields:
        present = [entry for entry in db.get(cls, params[0], field) if entry != params[1]]
        db.set(cls, params[0], **{field: present + ([params[1]] if verb == "add" else [])})
        return None
    raise NotImplementedError


def _add(ctx: Context, cls: str, ref: str, field: str, key: str, text: str) -> None:
    db = ctx.world.db
    present = db.get(cls, ref, field)
    if key in present:
        raise XapiFailure("MAP_DUPLICATE_KEY", cls, field, db.get(cls, ref, "uuid"), key)
    db.put(cls, ref, field, key, text)
    if cls == "pool":
        ctx.world.change_setting(f"{field}:{key}", None, text)


def _remove(ctx: Context, cls: str, ref: str, field: str, key: str) -> None:
    db = ctx.world.db
    before = db.get(cls, ref, field).get(key)
    db.drop(cls, ref, field, key)
    if cls == "pool":
        ctx.world.change_setting(f"{field}:{key}", before, None)


def _condition(text: str) -> tuple[str, str] | None:
    """The two forms of a query the lab understands: everything, or one field equal to a constant."""
    if text.strip() == "true":
        return None
    match = _QUERY.match(text)
    if match is None:
        raise XapiFailure("INTERNAL_ERROR", f"the lab cannot evaluate the query {text!r}")
    return match["field"], match["value"]
