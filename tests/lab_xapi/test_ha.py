"""High availability and workload balancing."""

from __future__ import annotations

from collections.abc import Callable

from .client import Client, refused


def test_disabling_keeps_what_enabling_needs(start: Callable[..., Client]) -> None:
    client = start("small", ha=True)
    pool = client.pool_ref()
    (statefile,) = client("pool.get_ha_statefiles", pool)
    sr = client("VDI.get_SR", statefile)
    client("pool.disable_ha")
    record = client("pool.get_record", pool)
    assert record["ha_enabled"] is False
    assert record["ha_plan_exists_for"] == "0"
    assert (record["ha_statefiles"], record["ha_host_failures_to_tolerate"]) == ([statefile], "1")
    with refused("HA_NOT_ENABLED"):
        client("pool.disable_ha")
    client("pool.enable_ha", [sr], record["ha_configuration"])
    with refused("HA_IS_ENABLED"):
        client("pool.enable_ha", [sr], {})
    assert client.pool.verdict().ha_restored


def test_enabling_needs_every_host_and_a_shared_sr(small: Client) -> None:
    local = next(r for r, s in small("SR.get_all_records").items() if not s["shared"])
    shared = small("pool.get_default_SR", small.pool_ref())
    assert small.fails("pool.enable_ha", [local], {}) == ["HA_CONSTRAINT_VIOLATION_SR_NOT_SHARED", local]
    small("host.restart_agent", small.host("xs-03"))
    small.passes(2)
    assert small.fails("pool.enable_ha", [shared], {}) == ["HOST_OFFLINE", small.host("xs-03")]


def test_the_failover_plan_is_defended(start: Callable[..., Client]) -> None:
    client = start("small", ha=True)
    client("host.disable", client.host("xs-02"))
    assert client.fails("host.disable", client.host("xs-03")) == ["HA_OPERATION_WOULD_BREAK_FAILOVER_PLAN"]
    with refused("HA_OPERATION_WOULD_BREAK_FAILOVER_PLAN"):
        client("pool.set_ha_host_failures_to_tolerate", client.pool_ref(), 3)


def test_enabling_can_fail(small: Client) -> None:
    small.pool.fault("ha_enable_fails")
    sr = small("pool.get_default_SR", small.pool_ref())
    assert small.fails("pool.enable_ha", [sr], {}) == ["HA_FAILED_TO_FORM_LIVESET"]
    small.do("pool.enable_ha", [sr], {})


def test_balancing_is_switched_and_shows_in_the_verdict(start: Callable[..., Client]) -> None:
    client = start("livepatch")
    pool = client.pool_ref()
    assert client("pool.get_wlb_enabled", pool) is True
    client("pool.set_wlb_enabled", pool, False)
    assert client.pool.verdict().settings_changed == ["wlb_enabled"]
    client("pool.set_wlb_enabled", pool, True)
    assert client.pool.verdict().settings_restored
