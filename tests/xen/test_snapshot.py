"""Records as they come over the wire become a typed snapshot."""

from __future__ import annotations

import xmlrpc.client
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.rollout.guidance import Task
from bot.rollout.model import PowerState
from bot.xen import wire
from bot.xen.snapshot import PoolRecords, names_of, snapshot_of

NULL = "OpaqueRef:NULL"
STAMP = xmlrpc.client.DateTime("20250319T04:16:24Z")
NEVER = xmlrpc.client.DateTime("19700101T00:00:00Z")


def records(**changes: Any) -> PoolRecords:
    """A pool of one host with one VM, in XAPI's spelling: integers are text."""
    classes: dict[str, dict[str, dict[str, Any]]] = {
        "pool": {
            "P": {
                "uuid": "pool",
                "name_label": "lab",
                "master": "H1",
                "ha_enabled": True,
                "ha_statefiles": ["VDI-state", "VDI-state", "VDI-gone"],
                "ha_configuration": {"timeout": "60"},
                "ha_host_failures_to_tolerate": "1",
                "ha_allow_overcommit": False,
                "wlb_enabled": True,
                "update_sync_enabled": True,
                "last_update_sync": STAMP,
                "repositories": ["R-base", "R-normal"],
                "other_config": {"auto_poweron": "true", "xsbot:rollout": "here/42"},
                "current_operations": {"task": "sync_updates"},
            }
        },
        "host": {
            "H1": {
                "uuid": "host-1",
                "name_label": "xs-01",
                "address": "10.0.0.1",
                "enabled": True,
                "metrics": "M1",
                "memory_overhead": "7000000000",
                "other_config": {"boot_time": "1732087200.5", "agent_start_time": "1732087300."},
                "software_version": {
                    "product_version": "8.4.0",
                    "platform_version": "3.4.0",
                    "xapi": "26.1",
                    "xapi_build": "26.1.3",
                    "xen": "4.17.5-12",
                },
                "pending_guidances": ["reboot_host"],
                "pending_guidances_recommended": ["restart_toolstack"],
                "pending_guidances_full": [],
                "last_update_hash": "abc",
                "latest_synced_updates_applied": "no",
                "last_software_update": NEVER,
                "current_operations": {},
            }
        },
        "host_metrics": {"M1": {"live": True, "memory_total": "274877906944"}},
        "VM": {
            "V1": {
                "uuid": "vm-1",
                "name_label": "web-01",
                "power_state": "Running",
                "resident_on": "H1",
                "affinity": NULL,
                "memory_dynamic_max": "8589934592",
                "memory_overhead": "10485760",
                "pending_guidances_full": ["restart_vm"],
                "allowed_operations": ["pool_migrate"],
                "other_config": {"auto_poweron": "true"},
                "attached_PCIs": [],
                "VGPUs": ["G"],
                "is_a_template": False,
            },
            "V2": {"uuid": "vm-2", "power_state": "Halted", "resident_on": NULL, "attached_PCIs": ["PCI"]},
            "T": {"uuid": "template", "power_state": "Halted", "is_a_template": True},
            "S": {"uuid": "snapshot", "power_state": "Halted", "is_a_snapshot": True},
            "D": {"uuid": "dom0", "power_state": "Running", "is_control_domain": True},
        },
        "SR": {
            "S1": {"uuid": "sr-shared", "name_label": "nfs", "type": "nfs", "shared": True},
            "S2": {"uuid": "sr-local", "name_label": "Local storage", "type": "lvm", "shared": False},
            "S3": {"uuid": "sr-tools", "name_label": "Tools", "type": "iso", "shared": False, "is_tools_sr": True},
        },
        "PBD": {
            "B1": {"host": "H1", "SR": "S1", "currently_attached": True},
            "B2": {"host": "H1", "SR": "S2", "currently_attached": False},
        },
        "VBD": {
            "X1": {"VM": "V1", "VDI": "VDI-shared", "empty": False},
            "X2": {"VM": "V1", "VDI": "VDI-local", "empty": False},
            "X3": {"VM": "V1", "VDI": "VDI-tools", "empty": False, "type": "CD"},
            "X4": {"VM": "V1", "VDI": NULL, "empty": True, "type": "CD"},
        },
        "VDI": {
            "VDI-state": {"SR": "S1"},
            "VDI-shared": {"SR": "S1"},
            "VDI-local": {"SR": "S2"},
            "VDI-tools": {"SR": "S3"},
        },
        "network": {"N1": {"uuid": "network-1", "name_label": "Storage network"}},
        "Repository": {
            "R-base": {"uuid": "base", "name_label": "Base", "update": False, "hash": ""},
            "R-normal": {"uuid": "normal", "name_label": "Normal", "update": True, "hash": "abc", "origin": "remote"},
            "R-off": {"uuid": "off", "name_label": "Early", "update": True, "hash": "def"},
        },
        "task": {
            "K1": {"name_label": "Async.host.evacuate", "status": "pending", "progress": 0.5, "resident_on": "H1"},
            "K2": {"name_label": "Async.VM.start", "status": "pending", "other_config": {"xsbot": "true"}},
            "K3": {"name_label": "Async.VM.stop", "status": "success"},
        },
    }
    for name, update in changes.items():
        classes[name] = {ref: {**classes[name].get(ref, {}), **fields} for ref, fields in update.items()}
    return PoolRecords(classes, datetime(2025, 3, 19, 5, 0, tzinfo=UTC), frozenset({"K1"}))


def test_the_pool() -> None:
    found = snapshot_of(records())
    pool = found.pool
    assert (pool.uuid, pool.name, pool.coordinator, pool.claim) == ("pool", "lab", "host-1", "here/42")
    assert pool.ha.enabled
    assert pool.ha.heartbeat_srs == ("sr-shared",)
    assert pool.ha.configuration == (("timeout", "60"),)
    assert pool.ha.failures_to_tolerate == 1
    assert pool.last_update_sync == datetime(2025, 3, 19, 4, 16, 24, tzinfo=UTC)
    assert pool.current_operations == {"sync_updates"}
    assert pool.auto_poweron == "true"
    assert found.taken_at == datetime(2025, 3, 19, 5, 0, tzinfo=UTC)


def test_a_host() -> None:
    (host,) = snapshot_of(records()).hosts
    assert host.is_coordinator
    assert host.live
    assert (host.memory_total, host.memory_overhead) == (274877906944, 7000000000)
    assert (host.boot_time, host.agent_start_time) == (1732087200.5, 1732087300.0)
    assert (host.version.xapi, host.version.platform, host.version.xen) == ("26.1.3", "3.4.0", "4.17.5-12")
    assert host.pending.mandatory == {Task.REBOOT_HOST}
    assert host.pending.recommended == {Task.RESTART_TOOLSTACK}
    assert host.last_software_update is None
    assert host.unplugged_srs == ("sr-local",)


def test_vms_are_what_users_call_vms() -> None:
    found = snapshot_of(records())
    assert [vm.uuid for vm in found.vms] == ["vm-2", "vm-1"]
    running, halted = found.vm("vm-1"), found.vm("vm-2")
    assert running is not None
    assert halted is not None
    assert (running.resident_on, halted.resident_on) == ("host-1", None)
    assert running.power_state is PowerState.RUNNING
    assert running.memory == 8589934592 + 10485760
    assert running.pending.full == {Task.RESTART_VM}
    assert (running.has_pci, halted.has_pci) == (False, True)
    assert (running.has_vgpu, halted.has_vgpu) == (True, False)
    assert running.auto_poweron


def test_a_disk_on_storage_of_one_host_ties_a_vm_the_tools_cd_does_not() -> None:
    vm = snapshot_of(records()).vm("vm-1")
    assert vm is not None
    assert vm.local_srs == ("sr-local",)


def test_the_repository_is_the_enabled_one_that_carries_updates() -> None:
    repository = snapshot_of(records()).repository
    assert repository is not None
    assert (repository.uuid, repository.hash) == ("normal", "abc")


@pytest.mark.parametrize("enabled", [[], ["R-base"], ["R-normal", "R-off"]])
def test_none_or_several_repositories_are_no_repository(enabled: list[str]) -> None:
    assert snapshot_of(records(pool={"P": {"repositories": enabled}})).repository is None


def test_tasks_are_those_that_run_and_ours_are_known() -> None:
    tasks = snapshot_of(records()).tasks
    assert [(task.name, task.ours) for task in tasks] == [("Async.host.evacuate", True), ("Async.VM.start", True)]
    assert tasks[0].resident_on == "host-1"
    foreign = snapshot_of(PoolRecords(records().classes, datetime(2025, 1, 1, tzinfo=UTC))).tasks
    assert [task.ours for task in foreign] == [False, True]


def test_never_synced() -> None:
    assert snapshot_of(records(pool={"P": {"last_update_sync": NEVER}})).pool.last_update_sync is None


def test_a_host_without_metrics_does_not_count_as_live() -> None:
    assert not snapshot_of(records(host={"H1": {"metrics": NULL}})).hosts[0].live


def test_names_for_references() -> None:
    names = names_of(records())
    assert names["N1"] == "Storage network"
    assert (names["V1"], names["H1"], names["S2"], names["V2"]) == ("web-01", "xs-01", "Local storage", "vm-2")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("20250319T04:16:24Z", datetime(2025, 3, 19, 4, 16, 24, tzinfo=UTC)),
        ("2025-03-19T04:16:24Z", datetime(2025, 3, 19, 4, 16, 24, tzinfo=UTC)),
        ("19700101T00:00:00Z", None),
        ("", None),
        ("yesterday", None),
    ],
)
def test_moments(written: str, read: datetime | None) -> None:
    assert wire.moment(written) == read
    assert wire.moment(xmlrpc.client.DateTime(written) if written else written) == read


def test_numbers_that_are_none_count_as_zero() -> None:
    assert wire.integer({"a": "12"}, "a") == 12
    assert wire.integer({"a": ""}, "a") == wire.integer({}, "a") == 0
    assert wire.number({"a": "x"}, "a") == 0.0
