"""JSON-RPC as XAPI speaks it, both versions, and what other clients build on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.lab.pool import LabPool
from bot.lab.time import SteppedTime
from bot.lab.xapi.surface import SURFACE
from tests.interop.jsonrpc import AWAY, JsonRpc, Refusal


@pytest.fixture(scope="module")
def pool() -> Iterator[tuple[LabPool, SteppedTime]]:
    clock = SteppedTime()
    with LabPool.start(scenario="small", time=clock) as started:
        yield started, clock
        assert started.world.kernel.crashes == []


@pytest.fixture(params=[1, 2])
def client(pool: tuple[LabPool, SteppedTime], request: pytest.FixtureRequest) -> JsonRpc:
    return JsonRpc(*pool, version=request.param).login()


def test_every_class_is_listed_and_every_object_of_it_read(client: JsonRpc) -> None:
    methods = client.call("system.listMethods")
    assert not [name for name in methods if name.startswith("Async.")]
    assert {"pool.sync_updates", "host.apply_updates", "event.from", "event.inject"} <= set(methods)
    listed = sorted(name.partition(".")[0] for name in methods if name.endswith(".get_all_records"))
    assert len(listed) > 15
    for cls in listed:
        records = client(f"{cls}.get_all_records")
        assert set(records) == set(client(f"{cls}.get_all"))
        for record in records.values():
            assert record.keys() == SURFACE.classes[cls].fields.keys(), cls


def test_types_are_native(client: JsonRpc) -> None:
    (pool,) = client("pool.get_all_records").values()
    assert pool["ha_enabled"] is True
    assert pool["update_sync_day"] == 5
    assert pool["last_update_sync"].endswith("Z")
    host = client("host.get_all_records")[pool["master"]]
    assert isinstance(host["memory_overhead"], int)
    assert float(host["other_config"]["agent_start_time"]) > 0
    assert all("cores-per-socket" in vm["platform"] for vm in client("VM.get_all_records").values() if vm["platform"])


def test_refusals_have_the_shape_of_their_version(pool: tuple[LabPool, SteppedTime]) -> None:
    client = JsonRpc(*pool).login()
    asked = {"id": "x", "method": "host.get_record", "params": [client.session, "OpaqueRef:gone"]}
    assert client.raw(asked)[1] == {"id": "x", "result": None, "error": ["HANDLE_INVALID", "host", "OpaqueRef:gone"]}
    assert client.raw({"jsonrpc": "2.0", **asked})[1] == {
        "jsonrpc": "2.0",
        "id": "x",
        "error": {"code": 1, "message": "HANDLE_INVALID", "data": ["host", "OpaqueRef:gone"]},
    }


def test_a_member_names_its_coordinator_before_it_looks_at_credentials(client: JsonRpc) -> None:
    with pytest.raises(Refusal) as caught:
        client.call("session.login_with_password", "nobody", "wrong", url=client.pool.hosts[1].url)
    assert (caught.value.code, caught.value.params) == ("HOST_IS_SLAVE", [client.pool.hosts[0].address])


def test_counts_of_references_are_numbers_and_right(client: JsonRpc) -> None:
    first = client("event.from", ["*"], "", 0.1)
    counts = first["valid_ref_counts"]
    for cls, count in counts.items():
        name = next(known for known in SURFACE.classes if known.lower() == cls)
        assert count == len(client(f"{name}.get_all")), cls
    assert {event["operation"] for event in first["events"]} == {"add"}
    assert all(event["class"] == event["class"].lower() for event in first["events"])


def test_an_injected_event_is_seen_and_changes_nothing(client: JsonRpc) -> None:
    (ref,) = client("pool.get_all")
    before = client("pool.get_record", ref)
    token = client("event.from", ["pool"], "", 0.1)["token"]
    client("event.inject", "pool", ref)
    (event,) = client("event.from", ["pool"], token, 5.1)["events"]
    assert (event["operation"], event["ref"], event["snapshot"]) == ("mod", ref, before)


def test_an_asynchronous_result_is_a_fragment_of_xml(client: JsonRpc) -> None:
    (pool,) = client("pool.get_all")
    task = client("Async.pool.sync_updates", pool, False)
    while (record := client("task.get_record", task))["status"] == "pending":
        client.passes(5)
    assert record["status"] == "success", record
    assert record["result"] == f"<value>{client('Repository.get_hash', update_repository(client))}</value>"
    client("task.destroy", task)


def update_repository(client: JsonRpc) -> str:
    return next(str(ref) for ref, entry in client("Repository.get_all_records").items() if entry["update"])


@pytest.mark.parametrize("version", [1, 2])
def test_before_dispatch_the_second_version_frames_the_first_ones_error(version: int) -> None:
    clock = SteppedTime()
    with LabPool.start(scenario="small", time=clock, number=4) as pool:
        client = JsonRpc(pool, clock, version).login()
        client("host.restart_agent", client("host.get_by_name_label", "xs-01")[0])
        for _ in range(600):
            client.passes(1)
            try:
                _, answer = client.raw({"id": 1, "method": "pool.get_all", "params": ["x"], "jsonrpc": "2.0"})
            except AWAY:
                continue
            break
        assert answer == {"jsonrpc": "2.0", "id": 1, "error": ["HOST_STILL_BOOTING"]}
