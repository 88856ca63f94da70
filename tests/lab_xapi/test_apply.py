"""host.apply_updates: preconditions in their order, effects, pending guidance."""

from __future__ import annotations

import json
import xmlrpc.client
from collections.abc import Callable
from typing import Any

from .client import Client


def test_ha_forbids_it(start: Callable[..., Client]) -> None:
    client = start("small", ha=True)
    assert client.fails("host.apply_updates", client.host("xs-01"), client.checksum()) == ["HA_IS_ENABLED"]


def test_the_checksum_must_be_the_repositorys(small: Client) -> None:
    assert small.fails("host.apply_updates", small.host("xs-01"), "0" * 64) == ["UPDATEINFO_HASH_MISMATCH"]


def test_mandatory_reboot_wants_an_empty_host_and_the_server_disables_it(small: Client) -> None:
    host = small.host("xs-02")
    assert small.fails("host.apply_updates", host, small.checksum()) == ["HOST_EVACUATION_IS_REQUIRED", host]
    assert small.pool.host("xs-02").enabled is False


def test_one_apply_per_pool_and_the_second_fails_at_once(small: Client) -> None:
    for name in ("xs-02", "xs-03"):
        small("host.disable", small.host(name))
    small.do("host.evacuate", small.host("xs-02"))
    first = small("Async.host.apply_updates", small.host("xs-02"), small.checksum())
    assert small.fails("host.apply_updates", small.host("xs-03"), small.checksum()) == ["APPLY_UPDATES_IN_PROGRESS"]
    assert small.fails("pool.sync_updates", small.pool_ref(), False) == ["APPLY_UPDATES_IN_PROGRESS"]
    assert small.finish(first)["status"] == "success"


def test_what_an_apply_leaves_behind(small: Client) -> None:
    small.update_host("xs-01")
    host = small("host.get_record", small.host("xs-01"))
    assert host["last_update_hash"] == small.checksum()
    assert host["latest_synced_updates_applied"] == "yes"
    assert host["enabled"] is False
    assert host["pending_guidances"] == ["reboot_host"]
    assert host["software_version"]["xapi_build"] == "26.1.0"
    entry = next(h for h in small.updates()["hosts"] if h["ref"] == small.host("xs-01"))
    assert (entry["RPMS"], entry["updates"]) == ([], [])


def test_pending_mandatory_guidance_blocks_enable_and_the_next_apply(small: Client) -> None:
    small.update_host("xs-01")
    host = small.host("xs-01")
    code = "HOST_PENDING_MANDATORY_GUIDANCE_NOT_EMPTY"
    assert small.fails("host.enable", host) == [code, host]
    assert small.fails("host.apply_updates", host, small.checksum()) == [code, host]


def test_an_up_to_date_host_is_stamped_at_once(start: Callable[..., Client]) -> None:
    client = start("toolstack-only")
    client.update_host("xs-01", evacuate=False)
    client("host.restart_agent", client.host("xs-01"))
    client.passes(2)
    client.close()
    client.until_enabled("xs-01")
    before = client.clock.now()
    client.do("host.apply_updates", client.host("xs-01"), client.checksum())
    assert (client.clock.now() - before).total_seconds() < 3


def test_a_failed_apply_leaves_the_host_disabled_and_can_be_repeated(small: Client) -> None:
    host = small.pool.host("xs-02")
    host.apply_fails(times=1)
    small("host.disable", host.ref)
    small.do("host.evacuate", host.ref)
    assert small.fails("host.apply_updates", host.ref, small.checksum()) == ["APPLY_UPDATES_FAILED", host.ref]
    assert host.enabled is False
    small.do("host.apply_updates", host.ref, small.checksum())


def test_device_models_are_pending_only_for_vms_that_stayed(start: Callable[..., Client]) -> None:
    client = start("split-guidance")
    stayed = set(client.pool.host("xs-02").resident_vms)
    client.update_host("xs-02", evacuate=False)
    pending = {vm.name for vm in client.pool.vms if any("restart_device_model" in p for p in vm.pending.values())}
    assert pending <= stayed


def test_only_the_coordinators_apply_asks_every_vm_to_restart(start: Callable[..., Client]) -> None:
    client = start("split-guidance")
    assert client.guidance("xs-01") == {
        "mandatory": ["RestartToolstack"],
        "recommended": ["RebootHost"],
        "full": ["RestartVM"],
    }
    client.update_host("xs-01", evacuate=False)
    assert {tuple(vm.pending["full"]) for vm in client.pool.vms} == {("restart_vm",)}
    assert client.pool.host("xs-01").pending["mandatory"] == ["restart_toolstack"]
    assert client.pool.host("xs-01").pending["recommended"] == ["reboot_host"]


def test_a_live_patch_replaces_the_recommended_reboot(start: Callable[..., Client]) -> None:
    client = start("livepatch")
    assert client.guidance("xs-01")["recommended"] == ["RestartToolstack"]
    client.update_host("xs-01", evacuate=False)
    host = client.pool.host("xs-01")
    assert host.pending["recommended"] == ["restart_toolstack"]
    assert host.software_version["xen_livepatches"] == "4.17.5-14.xs8"
    assert host.software_version["xen"] == "4.17.5-11.xs8"


def test_a_failed_live_patch_is_reported_in_the_result_and_stays_pending(start: Callable[..., Client]) -> None:
    client = start("livepatch")
    client.pool.host("xs-02").livepatch_fails()
    record = client.do("host.apply_updates", client.host("xs-02"), client.checksum())
    document = f"<params><param>{record['result']}</param></params>"
    vectors: Any = xmlrpc.client.loads(document)[0][0]
    ((code, patch),) = vectors
    assert code == "APPLY_LIVEPATCH_FAILED"
    assert json.loads(patch)["component"] == "xen"
    assert "reboot_host_on_xen_livepatch_failure" in client.pool.host("xs-02").pending["recommended"]
