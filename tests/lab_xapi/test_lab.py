"""The lab around the wire: scenarios, faults, verdict, control routes."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import XenAPI
from starlette.applications import Starlette
from starlette.routing import Mount

from bot.lab.pool import LabError, LabPool
from bot.lab.scenario import ScenarioError, scenario_names, scenario_titles
from bot.lab.time import SteppedTime
from bot.lab.xapi.faults import FAULTS, FaultError

from .client import Client, refused

SIZES = {
    "small": (3, 12), "single": (1, 4), "livepatch": (3, 12), "toolstack-only": (3, 12), "split-guidance": (3, 12),
    "tight": (3, 12), "pinned": (3, 8), "large": (16, 200),
}  # fmt: skip


@pytest.mark.parametrize("name", scenario_names())
def test_every_scenario_starts_synchronised_and_with_updates(start: Callable[..., Client], name: str) -> None:
    client = start(name, ha=True)
    document = client.updates()
    assert document["hash"] == client.checksum()
    assert all(host["updates"] for host in document["hosts"])
    verdict = client.pool.verdict()
    assert (verdict.hosts, verdict.vms) == SIZES[name]
    assert verdict.vms_home
    assert verdict.ha_restored
    assert not verdict.all_updated
    assert scenario_titles()[name]


def test_an_unknown_scenario_names_the_known_ones() -> None:
    with pytest.raises(ScenarioError, match="small"):
        LabPool.start(scenario="huge", time=SteppedTime())


def test_a_taken_port_is_said_plainly(small: Client) -> None:
    with pytest.raises(LabError, match=str(small.pool.port)):
        LabPool.start(scenario="small", time=SteppedTime(), port=small.pool.port)


def test_a_rolling_update_by_hand_and_its_verdict(start: Callable[..., Client]) -> None:
    client = start("small", ha=True)
    homes = {vm.name: vm.resident_on for vm in client.pool.vms}
    record = client("pool.get_record", client.pool_ref())
    srs = [client("VDI.get_SR", vdi) for vdi in record["ha_statefiles"]]
    client("pool.set_update_sync_enabled", client.pool_ref(), False)
    client("pool.disable_ha")
    for name in ("xs-01", "xs-02", "xs-03"):
        client.update_host(name)
        client("host.reboot", client.host(name))
        client.passes(15)
        client.close()
        client.until_enabled("xs-01", "xs-02", "xs-03")
    client.passes(31)
    for vm, home in homes.items():
        if client.pool.vm(vm).resident_on != home:
            client.do("VM.pool_migrate", client.vm(vm), client.host(home), {})
    client.do("pool.enable_ha", srs, record["ha_configuration"])
    assert client.pool.verdict().settings_changed == ["update_sync_enabled"]
    client("pool.set_update_sync_enabled", client.pool_ref(), True)
    verdict = client.pool.verdict()
    assert verdict.reboots_by_host == {"xs-01": 1, "xs-02": 1, "xs-03": 1}
    assert verdict.ha_restored
    assert verdict.settings_restored
    assert verdict.vms_home
    assert verdict.all_updated
    assert verdict.vm_downtime == {}
    assert verdict.violations == []
    assert 1800 < verdict.makespan_s < 4500


def test_somebody_elses_synchronisation_changes_the_checksum(small: Client) -> None:
    before = small.checksum()
    small.pool.fault("foreign_sync")
    foreign = [t for t in small("task.get_all_records").values() if "sync_updates" in t["name_label"]]
    assert [task["status"] for task in foreign] == ["pending"]
    small.passes(130)
    assert small.checksum() != before
    assert small.fails("host.apply_updates", small.host("xs-01"), before) == ["UPDATEINFO_HASH_MISMATCH"]
    assert any("openssl" in update["id"] for update in small.updates()["updates"])


def test_a_failing_synchronisation(small: Client) -> None:
    small.pool.fault("sync_fails", times=1)
    assert small.fails("pool.sync_updates", small.pool_ref(), False) == ["REPOSYNC_FAILED"]
    small.do("pool.sync_updates", small.pool_ref(), False)


def test_a_slow_coordinator(small: Client) -> None:
    small.pool.fault("coordinator_slow", seconds=20)
    before = small.clock.now()
    small("pool.get_all")
    assert small.clock.now() - before == timedelta(seconds=20)


def test_dropped_connections(small: Client) -> None:
    token = small("event.from", ["vm"], "", 0.0)["token"]
    working, go_on = threading.Event(), threading.Event()
    # A second participant that works: the clock stands still, so only the reset can end the first poll.
    worker = threading.Thread(target=lambda: _work(small, working, go_on))
    timers = [
        threading.Timer(0.05, lambda: small.pool.fault("drop_connections")),
        threading.Timer(0.3, go_on.set),
    ]
    with small.clock.participant():
        worker.start()
        working.wait(timeout=10)
        for timer in timers:
            timer.start()
        # Python's XML-RPC transport sends a call once more when its connection is reset, and says nothing.
        small("event.from", ["vm"], token, 60.0)
        for thread in (worker, *timers):
            thread.join()
    outcomes = [call.outcome for call in small.pool.calls if call.method == "event.from"]
    assert outcomes == ["ok", "connection lost", "ok"]


def _work(client: Client, working: threading.Event, until: threading.Event) -> None:
    with client.clock.participant():
        working.set()
        until.wait(timeout=10)


def test_a_vm_that_somebody_starts_on_a_host(small: Client) -> None:
    small.do("host.evacuate", small.host("xs-02"))
    small.pool.vm("web-01").started_by_somebody("xs-02")
    small.passes(60)
    assert small.pool.host("xs-02").resident_vms == ["web-01"]


def test_unknown_faults_and_missing_names_are_explained(small: Client) -> None:
    with pytest.raises(FaultError, match="host_never_returns"):
        small.pool.fault("earthquake")
    with pytest.raises(FaultError, match="xs-01"):
        small.pool.fault("apply_fails")


def test_the_control_routes(small: Client) -> None:
    app = Starlette(routes=[Mount("/control/pool", routes=small.pool.control_routes())])

    async def talk() -> None:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://lab/control/pool") as web:
            state = (await web.get("/state")).json()
            assert [host["name"] for host in state["hosts"]] == ["xs-01", "xs-02", "xs-03"]
            assert len(state["vms"]) == 12
            assert (await web.get("/fault")).json().keys() == FAULTS.keys()
            answer = await web.post("/fault", json={"name": "apply_fails", "host": "xs-02", "times": 1})
            assert answer.json() == {"ok": True}
            assert (await web.post("/fault", json={"name": "earthquake"})).status_code == 400
            assert (await web.post("/fault", content=b"nonsense")).status_code == 400
            assert "pool.disable_ha" in {call["method"] for call in (await web.get("/calls")).json()}
            effects = (await web.get("/effects")).json()
            assert effects[-1]["kind"] == "fault"
            assert (await web.get(f"/effects?from={len(effects)}")).json() == []
            assert (await web.get("/verdict")).json()["hosts"] == 3

    asyncio.run(talk())


def test_calls_the_lab_does_not_simulate_say_so(small: Client) -> None:
    root = Client(small.pool, small.clock, user="root").login()
    with refused("INTERNAL_ERROR", "the lab does not simulate pool.rotate_secret"):
        root("pool.rotate_secret")
    root.close()


def test_every_fault_and_condition_is_on_the_page() -> None:
    page = (Path(__file__).parents[2] / "docs" / "lab.md").read_text(encoding="utf-8")
    described = set(re.findall(r"^\| `([a-z_]+)` \| ", page.split("## The Slack workspace")[0], flags=re.MULTILINE))
    assert set(FAULTS) <= described


def test_a_coordinator_that_nobody_reaches_works_on(small: Client) -> None:
    task = small("Async.host.evacuate", small.host("xs-02"))
    small.pool.fault("unreachable")
    small.close()
    with pytest.raises(OSError):
        small("pool.get_all")
    small.passes(300)
    small.pool.fault("unreachable", on=False)
    assert small("task.get_status", task) == "success"


def test_an_answer_that_is_lost_belongs_to_a_call_that_was_carried_out(small: Client) -> None:
    small.pool.fault("answers_lost", times=1)
    small("pool.get_all")
    # Python's XML-RPC transport sends a call once more when its connection is reset.
    with pytest.raises(XenAPI.Failure, match="MAP_DUPLICATE_KEY"):
        small("pool.add_to_other_config", small.pool_ref(), "folder", "lab")
    outcomes = [call.outcome for call in small.pool.calls if call.method == "pool.add_to_other_config"]
    assert outcomes == ["ok", "MAP_DUPLICATE_KEY"]


def test_a_guest_that_does_not_stop_keeps_running(small: Client) -> None:
    small.pool.fault("vm_stop_fails", vm="web-01", times=2)
    for method in ("VM.suspend", "VM.clean_shutdown"):
        assert small.fails(method, small.vm("web-01")) == [
            "VM_FAILED_SHUTDOWN_ACKNOWLEDGMENT",
            small.vm("web-01"),
        ]
    assert small.pool.vm("web-01").power_state == "Running"
    small.do("VM.suspend", small.vm("web-01"))
