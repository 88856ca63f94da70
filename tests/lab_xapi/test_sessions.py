"""Logins, roles, redirects, and what a coordinator restart does to sessions and tasks."""

from __future__ import annotations

import pytest
import XenAPI

from .client import AWAY, Client, refused


def test_a_member_names_the_coordinator_before_it_looks_at_credentials(small: Client) -> None:
    member = XenAPI.Session(small.pool.host("xs-02").url, ignore_ssl=True)
    with refused("HOST_IS_SLAVE", "127.0.1.1"):
        member.xenapi.login_with_password("nobody", "wrong", "1.1", "tests")
    member("close")()


def test_a_wrong_password_takes_five_seconds_and_says_who(small: Client) -> None:
    before = small.clock.now()
    stranger = XenAPI.Session(small.pool.coordinator_url, ignore_ssl=True)
    with refused("SESSION_AUTHENTICATION_FAILED", "xsbot"):
        stranger.xenapi.login_with_password("xsbot", "wrong", "1.1", "tests")
    stranger("close")()
    assert (small.clock.now() - before).total_seconds() == 5


def test_a_reader_may_look_but_not_touch(small: Client) -> None:
    viewer = Client(small.pool, small.clock, user="viewer").login()
    assert viewer("host.get_vms_which_prevent_evacuation", viewer.host("xs-02")) == {}
    with refused("RBAC_PERMISSION_DENIED", "host.disable"):
        viewer("host.disable", viewer.host("xs-02"))
    with refused("RBAC_PERMISSION_DENIED", "host.evacuate"):
        viewer("Async.host.evacuate", viewer.host("xs-02"))
    viewer.close()


@pytest.mark.parametrize(("user", "superuser"), [("xsbot", False), ("viewer", False), ("root", True)])
def test_a_session_lists_what_its_role_may_do(small: Client, user: str, superuser: bool) -> None:
    client = Client(small.pool, small.clock, user=user).login()
    assert client("session.get_is_local_superuser", client.ref) is superuser
    granted = set(client("session.get_rbac_permissions", client.ref))
    assert bool(granted) is not superuser
    assert ("pool.get_all" in granted) is not superuser
    operates = {"host.reboot", "vm.pool_migrate", "http/get_updates"}
    assert granted & operates == (operates if user == "xsbot" else set())
    client.close()


def test_logout_ends_the_session(small: Client) -> None:
    small("session.logout")
    with refused("SESSION_INVALID", small.ref):
        small("pool.get_all")


def test_a_session_expires_after_a_day_without_use(small: Client) -> None:
    small.passes(25 * 3600)
    with refused("SESSION_INVALID"):
        small("pool.get_all")


def test_a_coordinator_restart_forgets_sessions_and_tasks(small: Client) -> None:
    task = small("Async.host.evacuate", small.host("xs-02"))
    small("host.restart_agent", small.host("xs-01"))
    small.passes(3)
    with pytest.raises(AWAY):
        small("pool.get_all")
    small.close()
    small.passes(41)
    with refused("HOST_STILL_BOOTING"):
        small("pool.get_all")
    small.passes(6)
    with refused("SESSION_INVALID", small.ref):
        small("pool.get_all")
    small.login()
    with refused("HANDLE_INVALID", "task", task):
        small("task.get_status", task)
    assert all(vm["current_operations"] == {} for vm in small("VM.get_all_records").values())


def test_members_are_in_emergency_mode_while_the_coordinator_reboots(small: Client) -> None:
    small("host.disable", small.host("xs-01"))
    small.do("host.evacuate", small.host("xs-01"))
    small("host.reboot", small.host("xs-01"))
    small.passes(60)
    member = XenAPI.Session(small.pool.host("xs-02").url, ignore_ssl=True)
    with refused("HOST_STILL_BOOTING"):
        member.xenapi.login_with_password("xsbot", small.pool.password, "1.1", "tests")
    member("close")()
    small.until_enabled("xs-01", "xs-02", "xs-03")
    assert {vm.power_state for vm in small.pool.vms} == {"Running"}


def test_the_log_of_calls_hides_secrets(small: Client) -> None:
    small("Async.pool.sync_updates", small.pool_ref(), False, "tok-abc", "id-abc")
    text = repr(small.pool.calls)
    assert "pool.sync_updates" in text
    for secret in (small.pool.password, small.ref, "tok-abc", "id-abc"):
        assert secret not in text
