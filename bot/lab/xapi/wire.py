"""XAPI's dialect of XML-RPC and its JSON-RPC twin.

Integers travel as bare strings (`<value>42</value>`), only `event.from`'s reference counts are real `<i4>`; dates are
compact (`20250319T04:16:24Z`); a refusal is a normal answer with `Status = Failure`.
"""

from __future__ import annotations

import re
import xmlrpc.client
from datetime import UTC, datetime
from typing import Any
from xml.parsers.expat import ExpatError

DATE_FORMAT = "%Y%m%dT%H:%M:%SZ"

# Characters that no XML 1.0 document may hold, not even escaped.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


class MalformedRequest(Exception):
    """The body is no XML-RPC (or JSON-RPC) call."""


class Int32(int):
    """An integer that travels as `<i4>`."""


class Encoded(str):
    """A value that is already in wire form."""


def escape(text: str) -> str:
    """Text for an XML element."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _ILLEGAL.sub("", text)


def value(item: Any) -> str:
    """One `<value>` element."""
    if isinstance(item, Encoded):
        return item
    if isinstance(item, str):
        return f"<value>{escape(item)}</value>"
    if item is None:
        return "<value></value>"
    if isinstance(item, bool):
        return f"<value><boolean>{int(item)}</boolean></value>"
    if isinstance(item, Int32):
        return f"<value><i4>{int(item)}</i4></value>"
    if isinstance(item, int):
        return f"<value>{item}</value>"
    if isinstance(item, float):
        return f"<value><double>{item:.16g}</double></value>"
    if isinstance(item, datetime):
        return f"<value><dateTime.iso8601>{item.strftime(DATE_FORMAT)}</dateTime.iso8601></value>"
    if isinstance(item, dict):
        members = "".join(
            f"<member><name>{escape(str(name))}</name>{value(entry)}</member>" for name, entry in item.items()
        )
        return f"<value><struct>{members}</struct></value>"
    if isinstance(item, list | tuple | set | frozenset):
        return f"<value><array><data>{''.join(value(entry) for entry in item)}</data></array></value>"
    raise TypeError(f"{type(item).__name__} has no XML-RPC form")


def envelope(body: str) -> bytes:
    """A method response around one `<value>`."""
    return (f'<?xml version="1.0"?><methodResponse><params><param>{body}</param></params></methodResponse>').encode()


def success(result: Any) -> bytes:
    """The answer to a call that worked."""
    return envelope(value({"Status": "Success", "Value": "" if result is None else result}))


def failure(description: list[str]) -> bytes:
    """The answer to a call that was refused."""
    return envelope(value({"Status": "Failure", "ErrorDescription": description}))


def fault(code: int, text: str) -> bytes:
    """A protocol fault (used where there is no such call at all, for example `Async.` without an async form)."""
    body = value({"faultCode": Int32(code), "faultString": text})
    return f'<?xml version="1.0"?><methodResponse><fault>{body}</fault></methodResponse>'.encode()


def parse(body: bytes) -> tuple[str, list[Any]]:
    """Method and parameters of a request, or `MalformedRequest`."""
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise MalformedRequest("document types are not part of XML-RPC")
    try:
        params, method = xmlrpc.client.loads(body)
    except (ExpatError, xmlrpc.client.Error, ValueError, TypeError, KeyError, IndexError) as error:
        raise MalformedRequest(str(error)) from error
    if not method:
        raise MalformedRequest("no method name")
    return method, list(params)


def as_date(item: Any) -> datetime:
    """A date parameter, with or without hyphens."""
    text = str(item).replace("-", "").rstrip("Z")
    return datetime.strptime(text, "%Y%m%dT%H:%M:%S").replace(tzinfo=UTC)


def plain(item: Any) -> Any:
    """A value for JSON: dates become strings, everything else keeps its shape."""
    if isinstance(item, datetime):
        return item.strftime(DATE_FORMAT)
    if isinstance(item, dict):
        return {str(name): plain(entry) for name, entry in item.items()}
    if isinstance(item, list | tuple | set | frozenset):
        return [plain(entry) for entry in item]
    if isinstance(item, Int32):
        return int(item)
    return item
