"""XAPI's answers, from XML to Python values, with only those fields of records that somebody wants.

A pool of 64 hosts answers with megabytes of XML of which a look needs a tenth. The standard library's unmarshaller
calls Python three times for each element; here the tree is built by expat in C, and only what is kept is touched.
"""

from __future__ import annotations

import base64
import gc
import threading
import xmlrpc.client
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any
from xml.etree.ElementTree import Element, ParseError, XMLParser

#: The fields to keep, by class of object; all fields of a class that is not named.
Fields = Mapping[str, frozenset[str]]

_NO_FIELDS: Fields = {}
#: Bytes from which an answer counts as large.
_LARGE = 100_000


def decode(body: bytes, method: str = "", fields: Fields = _NO_FIELDS) -> Any:
    """The value in an answer to `method`.

    Records in the answers to ``get_all_records`` and ``event.from`` are cut down to `fields`. Raises
    `xmlrpc.client.Fault` when the answer is one, ValueError when it is no answer at all.
    """
    with _COLLECTOR.resting() if len(body) > _LARGE else nullcontext():
        return _decoded(_tree(body), method, fields)


def _decoded(root: Element, method: str, fields: Fields) -> Any:
    if root.tag != "methodResponse" or not len(root):
        raise ValueError("no method response")
    if root[0].tag == "fault":
        fault = _value(root[0][0])
        raise xmlrpc.client.Fault(fault["faultCode"], fault["faultString"])
    try:
        return _answer(root[0][0][0], method, fields)
    except (IndexError, KeyError, TypeError) as error:
        raise ValueError("no XML-RPC") from error


class _Collector:
    """Python's collector of cycles. While a tree grows it would walk it again and again, for as much time as the
    decoding takes, and find none: a tree has no cycles."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._resting = 0
        self._was_on = True

    @contextmanager
    def resting(self) -> Iterator[None]:
        """No collection in any thread meanwhile."""
        with self._lock:
            if not self._resting:
                self._was_on = gc.isenabled()
                gc.disable()
            self._resting += 1
        try:
            yield
        finally:
            with self._lock:
                self._resting -= 1
                if not self._resting and self._was_on:
                    gc.enable()


_COLLECTOR = _Collector()


def _tree(body: bytes) -> Element:
    parser = XMLParser()
    try:
        parser.feed(body)
        return parser.close()
    except ParseError as error:
        raise ValueError(str(error)) from error


def _answer(element: Element, method: str, fields: Fields) -> Any:
    cls, _, message = method.partition(".")
    if message == "get_all_records" and cls in fields:
        keep = fields[cls]
        return _status(element, lambda value: {ref: _record(found, keep) for ref, found in _members(value[0])})
    if method == "event.from" and fields:
        by_class = {name.lower(): keep for name, keep in fields.items()}
        return _status(element, lambda value: _batch(value, by_class))
    return _value(element)


def _status(element: Element, convert: Callable[[Element], Any]) -> dict[str, Any]:
    """XAPI's envelope: its ``Value`` converted in its own way, everything else as usual."""
    return {name: convert(found) if name == "Value" else _value(found) for name, found in _members(element[0])}


def _batch(element: Element, by_class: Fields) -> dict[str, Any]:
    return {
        name: [_event(event, by_class) for event in found[0][0]] if name == "events" else _value(found)
        for name, found in _members(element[0])
    }


def _event(element: Element, by_class: Fields) -> dict[str, Any]:
    parts = dict(_members(element[0]))
    keep = by_class.get(_value(parts["class"])) if "class" in parts else None
    return {
        name: _record(found, keep) if name == "snapshot" and keep is not None else _value(found)
        for name, found in parts.items()
    }


def _members(struct: Element) -> list[tuple[str, Element]]:
    return [(member[0].text or "", member[1]) for member in struct]


def _record(element: Element, keep: frozenset[str]) -> dict[str, Any]:
    return {name: _value(member[1]) for member in element[0] if (name := member[0].text or "") in keep}


def _value(element: Element) -> Any:
    if not len(element):
        return element.text or ""
    inner = element[0]
    tag = inner.tag
    if tag == "struct":
        return {member[0].text or "": _value(member[1]) for member in inner}
    if tag == "array":
        return [_value(entry) for entry in inner[0]]
    text = inner.text or ""
    if tag == "string":
        return text
    if tag == "boolean":
        if text not in ("0", "1"):
            raise ValueError("no boolean")
        return text == "1"
    if tag in ("int", "i4", "i8"):
        return int(text)
    if tag == "double":
        return float(text)
    if tag == "dateTime.iso8601":
        return xmlrpc.client.DateTime(text.strip())
    if tag == "nil":
        return None
    if tag == "base64":
        return base64.b64decode(text)
    raise ValueError(f"no XML-RPC value: {tag}")
