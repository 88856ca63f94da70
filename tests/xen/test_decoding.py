"""Answers are decoded as the standard library would, and records no further than anybody reads them."""

from __future__ import annotations

import ast
import gc
import xmlrpc.client
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.lab.xapi.surface import SURFACE
from bot.xen.decoding import decode
from bot.xen.fields import FIELDS
from bot.xen.snapshot import CLASSES

XEN = Path(__file__).resolve().parents[2] / "bot" / "xen"
TEXT = st.text(st.characters(min_codepoint=32, exclude_categories=("Cs", "Co", "Cn")), max_size=20)
VALUES = st.recursive(
    TEXT | st.booleans() | st.integers(-(2**31), 2**31 - 1) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


def written(value: Any) -> bytes:
    return xmlrpc.client.dumps((value,), methodresponse=True).encode()


@given(VALUES)
def test_every_value_arrives_as_with_the_standard_library(value: Any) -> None:
    (expected,), _ = xmlrpc.client.loads(written(value))
    assert decode(written(value)) == expected


@pytest.mark.parametrize(
    "xml",
    [
        "<value>bare</value>",
        "<value></value>",
        "<value/>",
        "<value> <i4>7</i4> </value>",
        "<value><dateTime.iso8601>20250319T04:16:24Z</dateTime.iso8601></value>",
        "<value><array><data></data></array></value>",
        "<value><struct></struct></value>",
    ],
)
def test_xapis_own_spelling_arrives_as_with_the_standard_library(xml: str) -> None:
    body = f'<?xml version="1.0"?><methodResponse><params><param>{xml}</param></params></methodResponse>'
    (expected,), _ = xmlrpc.client.loads(body)
    assert decode(body.encode()) == expected


def test_records_are_cut_down_to_what_is_read() -> None:
    answer = {"Status": "Success", "Value": {"V1": {"uuid": "1", "name_label": "web", "bios_strings": {"a": "b"}}}}
    fields = {"VM": frozenset({"uuid", "name_label"})}
    kept = {"V1": {"uuid": "1", "name_label": "web"}}
    assert decode(written(answer), "VM.get_all_records", fields)["Value"] == kept
    assert decode(written(answer), "VM.get_record", fields) == answer
    event = {"class": "vm", "operation": "mod", "ref": "V1", "snapshot": answer["Value"]["V1"]}  # type: ignore[index]
    gone = {"class": "vm", "operation": "del", "ref": "V2"}
    batch = {"Status": "Success", "Value": {"events": [event, gone], "token": "1,1", "valid_ref_counts": {"vm": 1}}}
    decoded = decode(written(batch), "event.from", fields)["Value"]
    assert decoded == {**batch["Value"], "events": [{**event, "snapshot": kept["V1"]}, gone]}  # type: ignore[dict-item]


def test_a_failure_keeps_its_words_whatever_was_asked() -> None:
    failure = {"Status": "Failure", "ErrorDescription": ["HOST_IS_SLAVE", "10.0.0.1"]}
    for method in ("VM.get_all_records", "event.from"):
        assert decode(written(failure), method, FIELDS) == failure


@pytest.mark.parametrize(
    "body", [b"", b"<html/>", b"<methodResponse/>", b"not xml", b"<methodResponse><params/></methodResponse>"]
)
def test_what_is_no_answer_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        decode(body)


def test_a_fault_is_raised() -> None:
    with pytest.raises(xmlrpc.client.Fault) as caught:
        decode(xmlrpc.client.dumps(xmlrpc.client.Fault(1, "no such method")).encode())
    assert caught.value.faultCode == 1


def test_the_collector_is_on_again_after_a_large_answer() -> None:
    assert gc.isenabled()
    assert decode(written("x" * 200_000)) == "x" * 200_000
    with pytest.raises(ValueError):
        decode(b"<" * 200_000)
    assert gc.isenabled()


def test_every_field_that_is_read_is_kept() -> None:
    assert set(FIELDS) == set(CLASSES)
    kept = frozenset().union(*FIELDS.values())
    known = {name for cls in CLASSES for name in SURFACE.classes[cls].fields}
    # A single record is never cut; `permissions` and `updates` read no records.
    whole = {"tasks.py": {"result", "error_info"}, "transfers.py": {"error_info"}, "permissions.py": {"snapshots"}}
    for path in sorted(XEN.glob("*.py")):
        name = path.name
        tree = ast.parse(path.read_text(encoding="utf-8"))
        read = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
        # Words that happen to be the names of fields that nobody reads from a record.
        words = {"events", "version", "xapi", "platform", "features", "updates"} | whole.get(name, set())
        assert (read & known) - kept - words == set(), name


def test_every_field_that_is_kept_is_xapis() -> None:
    for cls, names in FIELDS.items():
        assert names - set(SURFACE.classes[cls].fields) <= {"origin"}, cls
