"""The update channel: synchronisation and GET /updates."""

from __future__ import annotations

import json

from .client import Client, refused


def test_the_document_has_the_shape_clients_know(small: Client) -> None:
    document = small.updates()
    assert set(document) == {"xapi-api-version", "hosts", "updates", "hash"}
    assert document["hash"] == small.checksum()
    host = document["hosts"][0]
    assert set(host) == {"ref", "guidance", "RPMS", "updates", "livepatches"}
    assert "xen-hypervisor-4.17.5-13.xs8.x86_64.rpm" in host["RPMS"]
    update = next(u for u in document["updates"] if u["type"] == "SecurityFix")
    assert set(update) == {
        "id", "summary", "description", "special-info", "URL", "type", "issued", "severity", "livepatches",
        "guidance", "title",
    }  # fmt: skip
    assert update["issued"] == "20261103T09:30:00Z"
    assert set(update["guidance"]) == {"mandatory", "recommended", "full", "livepatch"}
    assert "CVE-2026-31415" in update["summary"]


def test_host_guidance_is_cascaded_and_update_guidance_is_not(small: Client) -> None:
    assert small.guidance("xs-02") == {"mandatory": ["RebootHost"], "recommended": [], "full": []}
    qemu = next(u for u in small.updates()["updates"] if "qemu" in u["id"])
    assert qemu["guidance"]["recommended"] == ["RestartDeviceModel"]


def test_who_may_read_it(small: Client) -> None:
    assert small.get("/updates")[0] == 401
    assert small.get("/updates?session_id=OpaqueRef:old")[0] == 401
    assert small.get("/updates", user="xsbot")[0] == 200
    assert small.get("/updates", user="xsbot", password="wrong")[0] == 401
    assert small.get("/updates", user="viewer")[0] == 403


def test_a_subset_of_hosts_can_be_asked_for(small: Client) -> None:
    ref = small.host("xs-03")
    status, body = small.get(f"/updates?session_id={small.ref}&host_refs={ref}")
    assert status == 200
    assert [host["ref"] for host in json.loads(body)["hosts"]] == [ref]
    assert small.get(f"/updates?session_id={small.ref}&host_refs={ref};OpaqueRef:x")[0] == 400


def test_members_do_not_have_the_page_and_neither_has_a_pool_without_repository(small: Client) -> None:
    assert small.get(f"/updates?session_id={small.ref}", host=1)[0] == 404
    small("pool.set_repositories", small.pool_ref(), [])
    assert small.get(f"/updates?session_id={small.ref}")[0] == 404
    assert small.fails("pool.sync_updates", small.pool_ref(), False) == ["NO_REPOSITORY_ENABLED"]


def test_a_synchronisation_asks_every_host(small: Client) -> None:
    small("host.disable", small.host("xs-02"))
    small.do("host.evacuate", small.host("xs-02"))
    small("host.reboot", small.host("xs-02"))
    small.passes(30)
    assert small.fails("pool.sync_updates", small.pool_ref(), False) == [
        "GET_HOST_UPDATES_FAILED",
        small.host("xs-02"),
    ]


def test_a_synchronisation_stamps_pool_and_hosts(small: Client) -> None:
    before = small.clock.now()
    small.do("pool.sync_updates", small.pool_ref(), False)
    assert small("pool.get_last_update_sync", small.pool_ref()).value > before.strftime("%Y%m%dT%H:%M:%SZ")
    assert {h["latest_synced_updates_applied"] for h in small("host.get_all_records").values()} == {"no"}


def test_two_synchronisations_exclude_each_other_at_once(small: Client) -> None:
    small("Async.pool.sync_updates", small.pool_ref(), False)
    assert small("pool.get_current_operations", small.pool_ref()).popitem()[1] == "sync_updates"
    with refused("SYNC_UPDATES_IN_PROGRESS"):
        small("pool.sync_updates", small.pool_ref(), False)


def test_reading_waits_for_a_synchronisation(small: Client) -> None:
    task = small("Async.pool.sync_updates", small.pool_ref(), False)
    small.updates()
    assert small("task.get_status", task) == "success"


def test_after_a_coordinator_restart_a_member_apply_leaves_a_partial_answer(small: Client) -> None:
    small("host.restart_agent", small.host("xs-01"))
    small.passes(2)
    small.close()
    small.until_enabled("xs-01", "xs-02", "xs-03")
    small.update_host("xs-02")
    hosts = small.updates()["hosts"]
    assert [(host["ref"], host["RPMS"]) for host in hosts] == [(small.host("xs-02"), [])]
    small.do("pool.sync_updates", small.pool_ref(), False)
    assert len(small.updates()["hosts"]) == 3


def test_the_schedule_can_be_switched(small: Client) -> None:
    pool = small.pool_ref()
    small("pool.set_update_sync_enabled", pool, False)
    assert small("pool.get_update_sync_enabled", pool) is False
    with refused("INVALID_UPDATE_SYNC_DAY", "9"):
        small("pool.configure_update_sync", pool, "weekly", 9)
    small("pool.configure_update_sync", pool, "daily", 3)
    assert small("pool.get_update_sync_day", pool) == "0"


def test_readiness_lists_what_stands_in_the_way(start) -> None:  # type: ignore[no-untyped-def]
    client: Client = start("pinned")
    vectors = client("pool.check_update_readiness", client.pool_ref(), True)
    assert ["VM_HAS_PCI_ATTACHED", client.vm("render-01")] in vectors
    assert client("pool.check_update_readiness", client.pool_ref(), False) == []
