"""What is held against a host after its turn, and what differs between before and after; each with its sentence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.messages.sentences import sentence
from bot.rollout.equipment import SnapshotSchedule
from bot.rollout.gate import accepted, complaints, health_of
from bot.rollout.model import SR, HaSettings, PoolSnapshot, PowerState
from bot.rollout.stock import compare_stocks, stock_of
from tests.unit.rollout.pools import NEW, host, pool_of, vm

NIGHTLY = SnapshotSchedule("OpaqueRef:vmss", "vmss-1", "nightly", True, frozenset({"vm-web"}))


def pool(first: dict[str, Any] | None = None, guest: dict[str, Any] | None = None, **changes: Any) -> PoolSnapshot:
    """Two hosts that have the update, a VM with a living agent on each."""
    updated = {"last_update_hash": NEW, "latest_synced_updates_applied": "yes"}
    hosts = [host(1, **{**updated, **(first or {})}), host(2, **updated)]
    vms = [vm("web", 1, **{"agent_live": True, **(guest or {})}), vm("db", 2, agent_live=True)]
    storage = (SR("OpaqueRef:sr", "sr-1", "nfs", shared=True),)
    return replace(pool_of(hosts, vms, **changes), srs=storage, schedules=(NIGHTLY,))


BEFORE = stock_of(pool({"last_update_hash": ""}))


@pytest.mark.parametrize(
    ("first", "guest", "code"),
    [
        ({}, {}, None),
        ({"live": False, "enabled": False}, {}, "gate.not_live"),
        ({"enabled": False}, {}, "gate.not_enabled"),
        ({"last_update_hash": "", "latest_synced_updates_applied": "no"}, {}, "gate.old_level"),
        ({"last_update_hash": "", "latest_synced_updates_applied": "yes"}, {}, None),
        ({"unplugged_srs": ("sr-1",)}, {}, "gate.storage"),
        ({"links_down": ("eth1",)}, {}, "gate.links"),
        ({"bonds_degraded": ("bond0",)}, {}, "gate.bonds"),
        ({}, {"power_state": PowerState.HALTED, "resident_on": None}, "gate.vms_stopped"),
        ({}, {"agent_live": False}, "gate.agents_silent"),
        ({}, {"agent_live": None}, None),
        ({}, {"resident_on": "host-2"}, None),
    ],
)
def test_what_a_host_lacks_after_its_turn(first: dict[str, Any], guest: dict[str, Any], code: str | None) -> None:
    found = complaints(BEFORE, pool(first, guest), "host-1", NEW)
    assert [reason.code for reason in found] == ([code] if code else [])
    for reason in found:
        assert "xs-01" in sentence(reason)
        assert not sentence(reason).startswith(reason.code)


def test_what_was_so_before_is_nobodys_fault() -> None:
    worse = {"unplugged_srs": ("sr-1",), "links_down": ("eth1",), "bonds_degraded": ("bond0",), "enabled": False}
    before = stock_of(pool(worse, {"agent_live": False}))
    assert complaints(before, pool(worse, {"agent_live": False}), "host-1", NEW) == ()


def test_a_vm_that_people_stopped_while_it_was_owed_is_theirs() -> None:
    stopped = pool(guest={"power_state": PowerState.HALTED, "resident_on": None})
    assert complaints(BEFORE, stopped, "host-1", NEW, frozenset({"vm-web"})) == ()


def test_without_a_stock_only_the_host_itself_counts() -> None:
    assert complaints(None, pool({"links_down": ("eth1",)}, {"agent_live": False}), "host-1", NEW) == ()
    assert [entry.code for entry in complaints(None, pool({"enabled": False}), "host-1", NEW)] == ["gate.not_enabled"]


def test_the_word_of_an_approver_is_kept_with_what_was_wrong() -> None:
    kept = accepted(health_of(BEFORE, pool({"enabled": False}), "host-1", NEW), "bob")
    assert kept["accepted"] == "bob"
    assert kept["complaints"][0]["code"] == "gate.not_enabled"


@pytest.mark.parametrize(
    ("after", "code"),
    [
        (pool(), None),
        (pool(ha=HaSettings(enabled=True)), "compared.setting"),
        (pool(wlb_enabled=True), "compared.setting"),
        (pool({"enabled": False}), "compared.hosts_out"),
        (pool({"live": False}), "compared.hosts_silent"),
        (pool({"unplugged_srs": ("sr-1",)}), "compared.storage"),
        (pool({"links_down": ("eth1",)}), "compared.links"),
        (pool({"bonds_degraded": ("bond0",)}), "compared.bonds"),
        (pool(guest={"power_state": PowerState.HALTED, "resident_on": None}), "compared.vms_stopped"),
        (pool(guest={"resident_on": "host-2"}), "compared.vms_elsewhere"),
        (pool(guest={"agent_live": False}), "compared.agents_silent"),
        (replace(pool(), hosts=pool().hosts[:1]), "compared.hosts_gone"),
        (replace(pool(), hosts=(*pool().hosts, host(3))), "compared.hosts_new"),
        (replace(pool(), vms=pool().vms[:1]), "compared.vms_gone"),
        (replace(pool(), vms=(*pool().vms, vm("new", 1))), "compared.vms_new"),
        (replace(pool(), schedules=()), "compared.schedules_gone"),
        (replace(pool(), schedules=(replace(NIGHTLY, enabled=False),)), "compared.schedules_off"),
    ],
)
def test_before_compared_with_after(after: PoolSnapshot, code: str | None) -> None:
    found = compare_stocks(BEFORE, stock_of(after))
    assert [reason.code for reason in found] == ([code] if code else [])
    for reason in found:
        assert not sentence(reason).startswith(reason.code)


def test_what_got_better_is_told_too_and_many_are_counted() -> None:
    closed = stock_of(pool({"enabled": False}, {"power_state": PowerState.HALTED, "resident_on": None}))
    assert {reason.code for reason in compare_stocks(closed, stock_of(pool()))} == {
        "compared.hosts_in",
        "compared.vms_started",
    }
    crowd = [vm(f"vm{number}", 1, agent_live=True) for number in range(9)]
    gone = compare_stocks(stock_of(replace(pool(), vms=(*pool().vms, *crowd))), stock_of(pool()))
    assert gone[0].params["count"] == 9
    assert str(gone[0].params["names"]).endswith("…")


def test_a_schedule_that_was_off_is_told_when_it_is_on_and_one_nobody_looked_at_is_not() -> None:
    off = stock_of(replace(pool(), schedules=(replace(NIGHTLY, enabled=False),)))
    assert [reason.code for reason in compare_stocks(off, BEFORE)] == ["compared.schedules_on"]
    earlier = {name: entry for name, entry in off.items() if name != "schedules"}
    assert compare_stocks(earlier, BEFORE) == compare_stocks(BEFORE, earlier) == ()


def test_nothing_is_said_without_two_stocks() -> None:
    assert compare_stocks(None, BEFORE) == compare_stocks(BEFORE, None) == ()
