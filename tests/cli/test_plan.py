"""`xsbot plan`: what an update would do, what is in its way, and who is missing a role."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.lab.pool import LabPool
from tests.cli.configuration import configured, secrets
from tests.cli.machine import Said, xsbot

#: What may be called without leaving anything behind.
#: The plugin is asked how much room a disk has, and changes nothing.
_LOOKS = (".get_", "message.get", "host.call_plugin", "session.", "host.get_vms_which", "GET /updates", "event.from")


def plan(directory: Path, pool: LabPool, *options: str, username: str = "xsbot") -> Said:
    path = configured(directory, pool, username=username)
    return xsbot("--config", path, "plan", "lab", *options, environ=secrets(pool.password))


def test_a_plan_says_what_would_happen_and_touches_nothing(tmp_path: Path, small: LabPool) -> None:
    told = plan(tmp_path, small)
    assert told.code == 0, told.out + told.err
    assert "3 hosts, 3 reboots" in told.out
    for host in ("xs-01", "xs-02", "xs-03"):
        assert host in told.out
    assert "blocks:" not in told.out
    assert "role" not in told.out
    assert small.effects == []
    assert [call.method for call in small.calls if not any(look in call.method for look in _LOOKS)] == []
    assert [path.name for path in tmp_path.iterdir()] == ["xsbot.toml"]  # no database is made either


def test_a_lone_host_is_blocked_by_its_vms_unless_they_may_stop(tmp_path: Path, single: LabPool) -> None:
    told = plan(tmp_path, single)
    assert told.code == 1
    blocking = [line for line in told.out.splitlines() if "blocks:" in line]
    for vm in ("mail-01", "web-01", "db-01"):
        assert any(vm in line for line in blocking)

    suspended = plan(tmp_path, single, "--stopped-vms", "suspend")
    assert suspended.code == 0, suspended.out
    assert "blocks:" not in suspended.out
    assert any("mail-01" in line and "suspend" in line for line in suspended.out.splitlines())
    assert single.effects == []


def test_an_account_without_the_role_is_told_which_one_it_needs(tmp_path: Path, small: LabPool) -> None:
    told = plan(tmp_path, small, username="viewer")
    assert told.code == 2
    assert "lacks the role pool-operator" in told.out
    for call in ("http/get_updates", "host.reboot", "vm.pool_migrate"):
        assert call in told.out
    assert "host.get_vms_which_prevent_evacuation" not in told.out
    assert "pool-operator" in told.err


@pytest.mark.parametrize("alias", ["lba", "prod"])
def test_an_unknown_pool_is_named(tmp_path: Path, small: LabPool, alias: str) -> None:
    path = configured(tmp_path, small)
    told = xsbot("--config", path, "plan", alias, environ=secrets(small.password))
    assert told.code == 2
    assert alias in told.err
    assert "lab" in told.err
