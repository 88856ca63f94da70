"""Disabling, enabling, rebooting, restarting toolstacks: who comes back when, and how."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .client import AWAY, Client, refused


def stamps(client: Client, name: str) -> tuple[float, float]:
    config = client("host.get_other_config", client.host(name))
    return float(config["boot_time"]), float(config["agent_start_time"])


def test_a_disabled_host_enables_itself_at_its_next_start(small: Client) -> None:
    small("host.disable", small.host("xs-02"))
    small("host.restart_agent", small.host("xs-02"))
    small.passes(2)
    small.until_enabled("xs-02")


def test_unless_it_was_told_to_stay_out(small: Client) -> None:
    small("host.disable", small.host("xs-02"), False)
    small("host.restart_agent", small.host("xs-02"))
    small.passes(120)
    assert small.pool.host("xs-02").state == "up"
    assert small.pool.host("xs-02").enabled is False
    small("host.enable", small.host("xs-02"))
    assert small.pool.host("xs-02").enabled is True


def test_a_toolstack_restart_answers_at_once_and_keeps_vms_running(small: Client) -> None:
    before, vms = stamps(small, "xs-02"), small.pool.host("xs-02").resident_vms
    started = small.clock.now()
    small("host.restart_agent", small.host("xs-02"))
    assert small.clock.now() == started
    small.passes(2)
    small.until_enabled("xs-02")
    after = stamps(small, "xs-02")
    assert after[0] == before[0]
    assert after[1] > before[1]
    assert small.pool.host("xs-02").resident_vms == vms


def test_a_toolstack_restart_ends_the_migrations_of_its_host(small: Client) -> None:
    moving = small("Async.VM.pool_migrate", small.vm("db-02"), small.host("xs-01"), {})
    elsewhere = small("Async.VM.pool_migrate", small.vm("db-01"), small.host("xs-03"), {})
    assert small("task.get_resident_on", moving) == small.host("xs-02")
    small("host.restart_agent", small.host("xs-02"))
    assert small.finish(moving)["status"] == "cancelled"
    assert small.finish(elsewhere)["status"] == "success"
    assert small.pool.vm("db-02").resident_on == "xs-02"
    assert small("VM.get_current_operations", small.vm("db-02")) == {}


def test_a_reboot_needs_a_disabled_host(small: Client) -> None:
    with refused("HOST_NOT_DISABLED"):
        small("host.reboot", small.host("xs-02"))


def test_a_reboot_answers_quickly_and_live_stays_true(small: Client) -> None:
    host = small.host("xs-02")
    metrics = small("host.get_metrics", host)
    before = stamps(small, "xs-02")
    small("host.disable", host)
    small.do("host.evacuate", host)
    small("host.reboot", host)
    small.passes(5)
    assert small.pool.host("xs-02").state == "up"
    small.passes(60)
    assert small.pool.host("xs-02").state == "down"
    assert small("host_metrics.get_live", metrics) is True
    names = {task["name_label"]: task["status"] for task in small("task.get_all_records").values()}
    assert names["Host is rebooting"] == "pending"
    with refused("CANNOT_CONTACT_HOST", host):
        small("host.enable", host)
    small.until_enabled("xs-02")
    after = stamps(small, "xs-02")
    assert after[0] > before[0]
    assert after[1] > before[1]
    names = {task["name_label"]: task["status"] for task in small("task.get_all_records").values()}
    assert names["Host is rebooting"] == "cancelled"
    assert small("host.get_current_operations", host) == {}


def test_the_sockets_of_a_rebooting_host_refuse(small: Client) -> None:
    small("host.disable", small.host("xs-02"))
    small.do("host.evacuate", small.host("xs-02"))
    small("host.reboot", small.host("xs-02"))
    small.passes(15)
    member = Client(small.pool, small.clock, url=small.pool.host("xs-02").url)
    with pytest.raises(AWAY):
        member("pool.get_all")
    member.close()


def test_boot_time_is_written_before_the_host_is_enabled(small: Client) -> None:
    host, before = small.host("xs-02"), stamps(small, "xs-02")
    small("host.disable", host)
    small.do("host.evacuate", host)
    small("host.reboot", host)
    while stamps(small, "xs-02")[0] == before[0]:
        small.passes(1)
    assert small("host.get_enabled", host) is False
    with refused("HOST_STILL_BOOTING"):
        small("host.enable", host)
    small.until_enabled("xs-02")


def test_after_ten_silent_minutes_a_host_counts_as_dead(small: Client) -> None:
    small.pool.host("xs-03").never_returns()
    host = small.host("xs-03")
    small("host.disable", host)
    small.do("host.evacuate", host)
    small("host.reboot", host)
    small.passes(590)
    assert small("host_metrics.get_live", small("host.get_metrics", host)) is True
    small.passes(60)
    assert small("host_metrics.get_live", small("host.get_metrics", host)) is False
    with refused("HOST_OFFLINE", host):
        small("host.enable", host)
    small.pool.host("xs-03").never_returns(on=False)
    small.until_enabled("xs-03")


def test_a_reboot_clears_what_waited_for_it(small: Client) -> None:
    small.update_host("xs-01")
    small("host.reboot", small.host("xs-01"))
    small.passes(15)
    small.close()
    small.until_enabled("xs-01", "xs-02", "xs-03")
    assert small.pool.host("xs-01").pending == {"mandatory": [], "recommended": [], "full": []}
    version = small.pool.host("xs-01").software_version
    assert (version["xapi_build"], version["xen"]) == ("26.1.3", "4.17.5-13.xs8")


def test_a_toolstack_restart_clears_only_its_own(start: Callable[..., Client]) -> None:
    client = start("split-guidance")
    client.update_host("xs-01", evacuate=False)
    client("host.restart_agent", client.host("xs-01"))
    client.passes(2)
    client.close()
    client.until_enabled("xs-01", "xs-02", "xs-03")
    assert client.pool.host("xs-01").pending["mandatory"] == []
    assert client.pool.host("xs-01").pending["recommended"] == ["reboot_host"]
    version = client.pool.host("xs-01").software_version
    assert (version["xapi_build"], version["xen"]) == ("26.2.0", "4.17.5-11.xs8")


def test_vms_left_on_a_rebooted_host_are_really_shut_down(start: Callable[..., Client]) -> None:
    client = start("pinned")
    client("host.disable", client.host("xs-03"))
    client("host.reboot", client.host("xs-03"))
    client.passes(400)
    assert client.pool.vm("render-01").power_state == "Halted"
    assert client.pool.vm("mail-01").power_state == "Running"
    verdict = client.pool.verdict()
    assert verdict.violations == [
        "xs-03 was rebooted while web-03, render-01, mail-01 ran on it",
        "render-01 was shut down by the reboot of xs-03",
    ]
    assert set(verdict.vm_downtime) == {"render-01"}


def test_marked_vms_start_with_their_host_unless_the_pool_forbids_it(start: Callable[..., Client]) -> None:
    client = start("single")
    for vm in ("web-01", "db-01", "mail-01"):
        client.do("VM.clean_shutdown", client.vm(vm))
    client("host.disable", client.host("xs-01"))
    client("host.reboot", client.host("xs-01"))
    client.passes(15)
    client.close()
    client.until_enabled("xs-01")
    # Even the one that was off before the reboot: that is why a careful client switches this off first.
    assert {vm.power_state for vm in client.pool.vms} == {"Running"}


def test_a_host_that_only_apply_disabled_is_enabled_behind_your_back(start: Callable[..., Client]) -> None:
    client = start("livepatch")
    client.do("host.apply_updates", client.host("xs-02"), client.checksum())
    client("host.disable", client.host("xs-03"))
    client("host.restart_agent", client.host("xs-01"))
    client.passes(2)
    client.close()
    client.until_enabled("xs-01")
    client.passes(5)
    assert client.pool.host("xs-02").enabled is True
    assert client.pool.host("xs-03").enabled is False


def test_without_its_coordinator_a_pool_waits_and_vms_run_on(small: Client) -> None:
    small.pool.host("xs-01").never_returns()
    small("host.disable", small.host("xs-01"))
    small.do("host.evacuate", small.host("xs-01"))
    small("host.reboot", small.host("xs-01"))
    small.passes(3600)
    small.close()
    assert [host.state for host in small.pool.hosts] == ["down", "emergency", "emergency"]
    assert {vm.power_state for vm in small.pool.vms} == {"Running"}
    small.pool.host("xs-01").never_returns(on=False)
    small.until_enabled("xs-01", "xs-02", "xs-03")


def test_a_host_that_loses_power_takes_its_vms_with_it_and_boots_again(small: Client) -> None:
    small.pool.fault("power_fails", host="xs-02")
    assert small.pool.host("xs-02").state == "down"
    assert {small.pool.vm(name).power_state for name in ("web-02", "db-02", "git-01", "ci-01")} == {"Halted"}
    small.passes(700)
    assert small.pool.host("xs-02").enabled
    assert small.pool.verdict().reboots == 0
    assert [effect.host for effect in small.pool.effects if effect.kind == "host_lost_power"] == ["xs-02"]


def test_power_that_fails_in_the_middle_of_a_reboot_makes_one_boot(small: Client) -> None:
    small.do("host.evacuate", small.host("xs-02"))
    small("host.disable", small.host("xs-02"))
    small("host.reboot", small.host("xs-02"))
    small.passes(5)
    small.pool.fault("power_fails", host="xs-02")
    small.passes(1500)
    assert [effect.kind for effect in small.pool.effects if effect.kind in ("host_rebooted", "host_booted")] == [
        "host_booted"
    ]
    assert small.pool.host("xs-02").state == "up"


def test_a_toolstack_that_somebody_else_restarts(small: Client) -> None:
    small.pool.fault("toolstack_restarts", host="xs-02")
    small.passes(120)
    (effect,) = [effect for effect in small.pool.effects if effect.kind == "toolstack_restarted"]
    assert (effect.host, effect.detail) == ("xs-02", {"by": "somebody"})
