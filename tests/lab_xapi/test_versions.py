"""Mixed versions: who may start, what a pool in rolling upgrade refuses."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .client import Client, refused


@pytest.fixture
def mixed(start: Callable[..., Client]) -> Client:
    """The coordinator runs a newer management stack than its members."""
    client = start("split-guidance")
    client.update_host("xs-01", evacuate=False)
    client("host.restart_agent", client.host("xs-01"))
    client.passes(2)
    client.close()
    client.until_enabled("xs-01", "xs-02", "xs-03")
    return client


def flag(client: Client) -> bool:
    return "rolling_upgrade_in_progress" in client("pool.get_other_config", client.pool_ref())


def test_the_flag_rises_with_the_coordinator_and_falls_after_the_last_member(mixed: Client) -> None:
    assert flag(mixed)
    for name in ("xs-02", "xs-03"):
        assert flag(mixed)
        mixed.update_host(name, evacuate=False)
        mixed("host.restart_agent", mixed.host(name))
        mixed.passes(2)
        mixed.until_enabled(name)
    mixed.passes(31)
    assert not flag(mixed)


def test_what_it_forbids(mixed: Client) -> None:
    assert mixed.fails("VM.snapshot", mixed.vm("web-02"), "backup") == ["NOT_SUPPORTED_DURING_UPGRADE"]
    assert mixed.fails("VM.shutdown", mixed.vm("web-02")) == ["NOT_SUPPORTED_DURING_UPGRADE"]
    sr = mixed("pool.get_default_SR", mixed.pool_ref())
    assert mixed.fails("pool.enable_ha", [sr], {}) == ["NOT_SUPPORTED_DURING_UPGRADE"]
    assert mixed.fails("VM.pool_migrate", mixed.vm("web-01"), mixed.host("xs-02"), {}) == [
        "NOT_SUPPORTED_DURING_UPGRADE"
    ]
    mixed.do("VM.clean_shutdown", mixed.vm("web-02"))
    assert mixed.fails("VM.start_on", mixed.vm("web-02"), mixed.host("xs-02"), False, False) == [
        "NOT_SUPPORTED_DURING_UPGRADE"
    ]
    mixed.do("VM.start", mixed.vm("web-02"), False, False)
    assert mixed.pool.vm("web-02").resident_on == "xs-01"


def test_allowed_operations_of_hosts_are_clipped(mixed: Client) -> None:
    mixed("host.disable", mixed.host("xs-02"))
    assert set(mixed("host.get_allowed_operations", mixed.host("xs-02"))) <= {"evacuate", "provision"}
    mixed("Async.host.apply_updates", mixed.host("xs-02"), mixed.checksum())
    assert mixed("host.get_current_operations", mixed.host("xs-02")) == {}
    assert set(mixed("pool.get_current_operations", mixed.pool_ref()).values()) == {"apply_updates"}


def test_a_member_newer_than_its_coordinator_stays_out(start: Callable[..., Client]) -> None:
    client = start("split-guidance")
    client.update_host("xs-02", evacuate=False)
    client("host.restart_agent", client.host("xs-02"))
    client.passes(120)
    assert client.pool.host("xs-02").state == "emergency"
    assert client.pool.host("xs-02").enabled is False
    member = Client(client.pool, client.clock, url=client.pool.host("xs-02").url)
    with refused("HOST_XAPI_VERSION_HIGHER_THAN_COORDINATOR", "26.2.0"):
        member("pool.get_all")
    member.close()
    messages = {message["name"] for message in client("message.get_all_records").values()}
    assert "XAPI_STARTUP_BLOCKED_AS_VERSION_HIGHER_THAN_COORDINATOR" in messages
    with refused("CANNOT_CONTACT_HOST"):
        client("host.enable", client.host("xs-02"))
    assert client.pool.verdict().violations
    # The way out: bring the coordinator to the same version.
    client.update_host("xs-01", evacuate=False)
    client("host.restart_agent", client.host("xs-01"))
    client.passes(2)
    client.close()
    client.until_enabled("xs-01", "xs-02")


def test_restart_vm_is_done_by_a_restart_on_an_updated_host(mixed: Client) -> None:
    mixed.do("VM.clean_reboot", mixed.vm("web-02"))
    assert mixed.pool.vm("web-02").pending["full"] == ["restart_vm"]
    mixed.do("VM.clean_reboot", mixed.vm("web-01"))
    assert mixed.pool.vm("web-01").pending["full"] == []
    mixed.do("VM.clean_shutdown", mixed.vm("web-02"))
    assert mixed.pool.vm("web-02").pending["full"] == []
