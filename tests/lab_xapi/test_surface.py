"""What the lab answers is what XAPI's data model says: messages, parameters, defaults, error codes, enumerations."""

from __future__ import annotations

import ast
import inspect
import xmlrpc.client
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.lab.xapi import api
from bot.lab.xapi.calls import HANDLERS
from bot.lab.xapi.surface import SURFACE, Param

from .client import Client

HERE = Path(inspect.getfile(api)).parent

#: Codes whose parameters differ at run time from what the model says, as the server's own code sends them.
DIFFERENT_AT_RUN_TIME = {
    "SESSION_AUTHENTICATION_FAILED": {2},  # user and message; the model lists none
    "NO_HOSTS_AVAILABLE": {0, 1},  # the VM, when the evacuation planner says it
    "HOST_NOT_ENOUGH_FREE_MEMORY": {1, 2},  # the VM alone, when the evacuation planner says it
}


#: Classes of which the lab has no object.
EMPTY = {"pool_update", "role", "subject"}
#: Conditions that bring objects with them of which there is none otherwise.
MADE_BY = {
    "Bond": {"name": "bond_degraded", "host": "xs-02"},
    "VMSS": {"name": "snapshot_schedule", "vm": "web-01"},
    "VM_group": {"name": "kept_apart"},
    "message": {"name": "disk_full", "host": "xs-02"},
}


def raised() -> Iterator[tuple[str, int | None, str]]:
    """Every refusal in the lab's source: its code, how many parameters it carries (None: only known when it runs)."""
    for path in sorted(HERE.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "XapiFailure" and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    count = None if any(isinstance(arg, ast.Starred) for arg in node.args) else len(node.args) - 1
                    yield str(first.value), count, f"{path.name}:{node.lineno}"


def python_default(param: Param) -> set[object]:
    """What a handler may write for the model's default."""
    if param.type.endswith(" set"):
        return {None, ()}
    if param.type.endswith(" map"):
        return {None}
    return {param.default}


@pytest.mark.parametrize("name", sorted(HANDLERS))
def test_a_message_takes_what_the_model_says(name: str) -> None:
    cls, _, message = name.partition(".")
    model = SURFACE.classes[cls].messages[message]
    taken = list(inspect.signature(HANDLERS[name]).parameters.values())[1:]
    assert [param.name.rstrip("_") for param in taken] == [param.name for param in model.params]
    for mine, said in zip(taken, model.params, strict=True):
        assert (mine.default is not inspect.Parameter.empty) == said.optional, said.name
        if said.optional:
            assert mine.default in python_default(said), said.name


def _documented(code: str) -> str:
    """Storage drivers append a number of their own to the one code that the model lists for them."""
    return "SR_BACKEND_FAILURE" if code.startswith("SR_BACKEND_FAILURE_") else code


def test_every_refusal_is_one_that_xapi_knows() -> None:
    found = list(raised())
    assert len(found) > 100
    assert [where for code, _, where in found if _documented(code) not in SURFACE.errors] == []


def test_refusals_carry_as_many_parameters_as_xapi_sends() -> None:
    for code, count, where in raised():
        documented = SURFACE.errors[_documented(code)]
        if code in DIFFERENT_AT_RUN_TIME:
            assert count is None or count in DIFFERENT_AT_RUN_TIME[code], where
        elif count is not None and documented is not None:
            assert count == len(documented), (where, code, documented)


def test_the_model_is_whole() -> None:
    """The distilled table was not cut: classes, messages and errors that clients rely on are all there."""
    assert {"pool", "host", "VM", "Repository", "task", "event", "session", "SR", "PBD"} <= SURFACE.classes.keys()
    assert sum(len(entry.messages) for entry in SURFACE.classes.values()) > 1000
    assert len(SURFACE.errors) == 635
    for entry in SURFACE.classes.values():
        for field in entry.fields.values():
            kind = field.type.split()
            if kind[0] == "enum" and len(kind) == 2:
                assert field.default in ("", *SURFACE.enums[kind[1]]), (entry.name, field.name)


def test_snapshot_schedules_are_as_the_model_has_them() -> None:
    """The published model leaves this class out of its excerpt; looked up in the server's own data model (VMSS)."""
    schedule = SURFACE.classes["VMSS"]
    assert schedule.fields["enabled"].blank() is True
    assert {name for name, field in schedule.fields.items() if not field.writable} == {"uuid", "last_run_time", "VMs"}
    for name in ("set_enabled", "set_schedule", "add_to_schedule", "remove_from_schedule", "snapshot_now"):
        assert schedule.messages[name].roles == {"pool-admin", "pool-operator"}, name
        assert not schedule.messages[name].has_async, name
    assert schedule.messages["set_last_run_time"].roles == frozenset()
    assert "read-only" in schedule.messages["get_all_records"].roles


def fits(value: object, kind: str) -> bool:
    """Whether a value as the official module hands it out is of the model's type."""
    words = kind.split()
    if kind.endswith(" map"):
        keys, values = kind.removesuffix(" map").strip("()").split(" -> ")
        return isinstance(value, dict) and all(fits(k, keys) and fits(v, values) for k, v in value.items())
    if words[-1] == "set":
        return isinstance(value, list) and all(fits(entry, kind.removesuffix(" set")) for entry in value)
    if words[0] == "enum":
        return value in SURFACE.enums[words[1]]
    if words[-1] == "ref":
        return isinstance(value, str) and value.startswith("OpaqueRef:")
    if kind == "int":
        return isinstance(value, str) and value.lstrip("-").isdigit()
    known = {"string": str, "bool": bool, "float": float, "datetime": xmlrpc.client.DateTime}
    return isinstance(value, known[kind])


@pytest.mark.parametrize("name", sorted(set(SURFACE.classes) - {"event", "session"}))
def test_records_have_the_fields_and_types_of_the_model(small: Client, name: str) -> None:
    if name == "task":
        small("Async.host.evacuate", small.host("xs-02"))
        small.passes(10)
    if name in MADE_BY:
        small.pool.fault(**MADE_BY[name])
    records = small(f"{name}.get_all_records")
    fields = SURFACE.classes[name].fields
    for record in records.values():
        assert record.keys() == fields.keys()
        assert {field: record[field] for field in fields if not fits(record[field], fields[field].type)} == {}
    assert records or name in EMPTY


def test_only_trailing_parameters_may_be_left_out() -> None:
    for entry in SURFACE.classes.values():
        for message in entry.messages.values():
            optional = [param.optional for param in message.params]
            assert optional == sorted(optional), f"{entry.name}.{message.name}"
