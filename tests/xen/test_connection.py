"""The way to a pool: what is sent once, what is asked again, and who is believed."""

from __future__ import annotations

import logging
import threading
import time as real
import traceback
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.rollout.action import ApplyUpdates, DisableHost, RebootHost, SetWlb
from bot.rollout.model import Host, Pool, PoolSnapshot
from bot.time import RealTime
from bot.xen.address import Endpoint, PoolAddress
from bot.xen.errors import (
    TIMEOUT,
    HostNotEmpty,
    LoginRefused,
    PoolClaimed,
    Refused,
    SessionLost,
    TlsRefused,
    Unreachable,
    XenError,
    translate,
)
from bot.xen.gateway import Gateway
from bot.xen.trust import normalise, seen_fingerprint
from tests.xen.certificates import Certificate
from tests.xen.conftest import PASSWORD, Connect
from tests.xen.scripted import HOST_UUID, Failure, HangUp, ScriptedXapi, SilentServer, eventually

HOST = Host(ref="OpaqueRef:host", uuid=HOST_UUID, name="xs-01", address="127.0.0.1", is_coordinator=True)
SNAPSHOT = PoolSnapshot(
    datetime(2026, 1, 1, tzinfo=UTC), Pool(ref="OpaqueRef:pool", uuid="p", name="lab", coordinator=HOST_UUID), (HOST,)
)


class HandTime:
    """A clock that a test moves by hand."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def wait_until(self, deadline: datetime, wake: threading.Event | None = None) -> bool:
        raise AssertionError("the gateway does not wait")


# --- once and no more -------------------------------------------------------------------------------------------------


def test_a_reboot_is_not_repeated_when_the_session_is_gone(xapi: ScriptedXapi, connect: Connect) -> None:
    xapi.answers["host.get_resident_VMs"] = []
    xapi.answers["host.reboot"] = Failure("SESSION_INVALID", "OpaqueRef:session-1")
    gateway = connect(xapi.url)
    with pytest.raises(SessionLost):
        gateway.begin(RebootHost(host=HOST_UUID), SNAPSHOT)
    assert xapi.count("host.reboot") == 1
    assert xapi.logins == 1


def test_a_reboot_is_not_repeated_when_the_connection_breaks_before_the_answer(
    xapi: ScriptedXapi, connect: Connect
) -> None:
    xapi.answers["host.get_resident_VMs"] = []
    xapi.answers["host.reboot"] = HangUp()
    gateway = connect(xapi.url)
    with pytest.raises(Unreachable) as caught:
        gateway.begin(RebootHost(host=HOST_UUID), SNAPSHOT)
    assert caught.value.transient
    assert xapi.count("host.reboot") == 1


def test_after_that_the_next_call_logs_in_again(xapi: ScriptedXapi, connect: Connect) -> None:
    xapi.answers["pool.set_wlb_enabled"] = Failure("SESSION_INVALID", "OpaqueRef:session-1")
    gateway = connect(xapi.url)
    with pytest.raises(SessionLost):
        gateway.begin(SetWlb(enabled=False), SNAPSHOT)
    xapi.answers["pool.set_wlb_enabled"] = ""
    assert gateway.begin(SetWlb(enabled=False), SNAPSHOT) is None
    assert xapi.logins == 2
    assert xapi.calls[-1] == ("pool.set_wlb_enabled", ("OpaqueRef:session-2", "OpaqueRef:pool", False))


def test_an_effect_over_a_connection_that_died_while_idle_is_sent_over_a_new_one(
    xapi: ScriptedXapi, connect: Connect
) -> None:
    gateway = connect(xapi.url)
    xapi.answers["pool.set_wlb_enabled"] = ""
    gateway.begin(SetWlb(enabled=False), SNAPSHOT)
    xapi.hang_up_everywhere()
    real.sleep(0.05)
    gateway.begin(SetWlb(enabled=True), SNAPSHOT)
    assert xapi.count("pool.set_wlb_enabled") == 2


def test_looking_is_asked_again_with_a_new_session(xapi: ScriptedXapi, connect: Connect) -> None:
    answers = iter([Failure("SESSION_INVALID", "OpaqueRef:session-1"), {"status": "success", "result": ""}])
    xapi.answers["task.get_record"] = lambda *_: next(answers)
    assert connect(xapi.url).task("OpaqueRef:task").state == "success"
    assert xapi.logins == 2


def test_looking_is_asked_again_only_once(xapi: ScriptedXapi, connect: Connect) -> None:
    xapi.answers["task.get_record"] = HangUp()
    with pytest.raises(Unreachable):
        connect(xapi.url).task("OpaqueRef:task")
    assert xapi.count("task.get_record") == 2


def test_looking_in_vain_searches_for_the_coordinator_only_once(xapi: ScriptedXapi, connect: Connect) -> None:
    xapi.answers["session.login_with_password"] = HangUp()
    with pytest.raises(Unreachable):
        connect(xapi.url).task("OpaqueRef:task")
    assert xapi.count("session.login_with_password") == 1


def test_a_task_nobody_knows_is_gone(xapi: ScriptedXapi, connect: Connect) -> None:
    xapi.answers["task.get_record"] = Failure("HANDLE_INVALID", "task", "OpaqueRef:task")
    assert connect(xapi.url).task("OpaqueRef:task").state == "gone"


# --- finding the coordinator ------------------------------------------------------------------------------------------


def test_a_member_leads_to_the_coordinator_and_the_configured_port_is_kept(
    xapi: ScriptedXapi, connect: Connect
) -> None:
    logins = iter([Failure("HOST_IS_SLAVE", "127.0.0.1"), "OpaqueRef:session"])
    xapi.answers["session.login_with_password"] = lambda *_: next(logins)
    xapi.answers["pool.set_wlb_enabled"] = ""
    # The member is known by another name; the coordinator's address comes without a port.
    gateway = connect(f"https://localhost:{xapi.port}")
    gateway.begin(SetWlb(enabled=True), SNAPSHOT)
    assert xapi.count("session.login_with_password") == 2


def test_without_a_coordinator_the_pool_is_unreachable_for_now(xapi: ScriptedXapi, connect: Connect) -> None:
    xapi.answers["session.login_with_password"] = Failure("HOST_STILL_BOOTING")
    with pytest.raises(Unreachable) as caught:
        connect(xapi.url, "https://127.0.0.1:1").repository_state()
    assert caught.value.transient
    assert "lab" in caught.value.sentence


def test_a_coordinator_that_lost_its_role_sends_us_looking_for_the_new_one(
    xapi: ScriptedXapi, connect: Connect
) -> None:
    """It may stay in emergency mode for good, because it is newer than its successor."""
    gateway = connect(xapi.url)
    said = iter([Failure("HOST_XAPI_VERSION_HIGHER_THAN_COORDINATOR", "26.2.0"), {}])
    xapi.answers["task.get_record"] = lambda *_: next(said)
    gateway._connection.read("task.get_record", "OpaqueRef:task")
    assert xapi.logins == 2


def test_members_that_name_each_other_do_not_send_us_in_circles(xapi: ScriptedXapi, connect: Connect) -> None:
    xapi.answers["session.login_with_password"] = Failure("HOST_IS_SLAVE", "127.0.0.1")
    with pytest.raises(Unreachable):
        connect(xapi.url).repository_state()
    assert xapi.count("session.login_with_password") == 1


def test_another_pool_behind_the_same_address_is_refused(xapi: ScriptedXapi, connect: Connect) -> None:
    gateway = connect(xapi.url)
    xapi.answers["task.get_record"] = {"status": "pending"}
    gateway.task("OpaqueRef:t")
    xapi.answers["pool.get_all_records"] = {"OpaqueRef:other": {"uuid": "another", "master": "OpaqueRef:host"}}
    xapi.answers["task.get_record"] = Failure("SESSION_INVALID", "x")
    with pytest.raises(Refused) as caught:
        gateway.task("OpaqueRef:t")
    assert caught.value.code == "XSBOT_WRONG_POOL"


@pytest.mark.failure("login-refused")
def test_a_refused_login_is_not_tried_again_at_once(xapi: ScriptedXapi, connect: Connect) -> None:
    xapi.answers["session.login_with_password"] = Failure("SESSION_AUTHENTICATION_FAILED", "root", "wrong")
    clock = HandTime()
    gateway = connect(xapi.url, time=clock)
    for _ in range(3):
        with pytest.raises(LoginRefused):
            gateway.repository_state()
    assert xapi.count("session.login_with_password") == 1
    clock.moment += timedelta(seconds=61)
    with pytest.raises(LoginRefused):
        gateway.repository_state()
    assert xapi.count("session.login_with_password") == 2


def test_only_https_addresses_are_accepted() -> None:
    assert Endpoint.parse("https://xs-01.example.com") == Endpoint("xs-01.example.com", 443)
    assert Endpoint.parse("xs-01.example.com:8443").port == 8443
    assert Endpoint("10.0.0.1", 4443).at("fd00::1").url == "https://[fd00::1]:4443"
    with pytest.raises(ValueError, match="https"):
        Endpoint.parse("http://xs-01.example.com")


# --- time limits ------------------------------------------------------------------------------------------------------


def test_a_silent_server_does_not_hold_us(connect: Connect) -> None:
    server = SilentServer()
    try:
        began = real.monotonic()
        with pytest.raises(Unreachable):
            connect(server.url, timeout_s=0.3, connect_timeout_s=0.3).repository_state()
        assert real.monotonic() - began < 3
    finally:
        server.stop()


def test_an_answer_that_does_not_come_is_a_time_out_and_not_asked_for_again(
    xapi: ScriptedXapi, connect: Connect
) -> None:
    release = threading.Event()

    def hang(*_: Any) -> dict[str, Any]:
        release.wait(10)
        return {}

    xapi.answers["task.get_record"] = hang
    try:
        with pytest.raises(Unreachable) as caught:
            connect(xapi.url, timeout_s=0.3).task("OpaqueRef:task")
    finally:
        release.set()
    assert caught.value.code == TIMEOUT
    assert xapi.count("task.get_record") == 1


def test_a_slow_answer_does_not_cost_the_session(xapi: ScriptedXapi, connect: Connect) -> None:
    release = threading.Event()
    xapi.answers["task.get_record"] = lambda *_: {"status": "pending"} if release.wait(10) else {}
    gateway = connect(xapi.url, timeout_s=0.3)
    with pytest.raises(Unreachable):
        gateway.task("OpaqueRef:task")
    release.set()
    assert gateway.task("OpaqueRef:task").state == "pending"
    assert xapi.logins == 1


# --- whom we believe --------------------------------------------------------------------------------------------------


def reachable(connect: Connect, xapi: ScriptedXapi, **trust: Any) -> bool:
    xapi.answers["task.get_record"] = {"status": "pending"}
    options = {"fingerprints": (), **trust}
    return connect(xapi.url, **options).task("OpaqueRef:t").state == "pending"


def test_an_account_lacks_what_its_permissions_do_not_name(xapi: ScriptedXapi, connect: Connect) -> None:
    xapi.answers |= {
        "session.get_is_local_superuser": False,
        "session.get_rbac_permissions": ["host.disable", "vm.pool_migrate"],
    }
    gateway = connect(xapi.url)
    assert gateway.missing_permissions(["host.disable", "VM.pool_migrate", "host.reboot"]) == ("host.reboot",)
    xapi.answers["session.get_is_local_superuser"] = True
    assert gateway.missing_permissions(["host.reboot"]) == ()


def test_the_pinned_certificate_is_accepted(xapi: ScriptedXapi, connect: Connect, certificate: Certificate) -> None:
    colons = ":".join(certificate.fingerprint[i : i + 2] for i in range(0, 64, 2)).upper()
    assert reachable(connect, xapi, fingerprints=(colons,))
    assert reachable(connect, xapi, fingerprints={HOST_UUID: certificate.fingerprint})


@pytest.mark.failure("tls-refused")
def test_another_certificate_is_refused_before_the_password_is_sent(xapi: ScriptedXapi, connect: Connect) -> None:
    with pytest.raises(TlsRefused) as caught:
        reachable(connect, xapi, fingerprints=("0" * 64,))
    assert xapi.calls == []
    assert not caught.value.transient
    assert "fingerprint" in caught.value.hint


def test_a_certificate_pinned_for_another_host_is_refused(
    xapi: ScriptedXapi, connect: Connect, certificate: Certificate
) -> None:
    with pytest.raises(TlsRefused):
        reachable(connect, xapi, fingerprints={"some-other-host": certificate.fingerprint})
    assert xapi.calls[-1][0] == "session.logout"


def test_the_authority_that_signed_the_certificate(
    xapi: ScriptedXapi, connect: Connect, certificate: Certificate
) -> None:
    assert reachable(connect, xapi, ca_file=str(certificate.authority))


def test_without_any_trust_the_systems_authorities_decide(xapi: ScriptedXapi, connect: Connect) -> None:
    with pytest.raises(TlsRefused):
        reachable(connect, xapi)
    assert xapi.calls == []


def test_tls_is_ignored_only_when_asked_by_name(xapi: ScriptedXapi, connect: Connect) -> None:
    assert reachable(connect, xapi, ignore_tls=True)


def test_a_ca_file_that_is_not_there_is_named() -> None:
    with pytest.raises(TlsRefused, match="/no/such/file"):
        configure(ca_file="/no/such/file")


def test_a_fingerprint_that_is_none_is_named() -> None:
    with pytest.raises(TlsRefused, match="no SHA-256 fingerprint"):
        configure(fingerprints=("abc",))
    assert normalise("SHA256 Fingerprint=" + "AB:" * 31 + "AB") == "ab" * 32


def configure(**trust: Any) -> None:
    Gateway(PoolAddress(("https://127.0.0.1",), "root", "x", **trust), time=RealTime(), name="lab")


def test_anybodys_fingerprint_can_be_looked_at(xapi: ScriptedXapi, certificate: Certificate) -> None:
    assert seen_fingerprint(Endpoint.parse(xapi.url)) == certificate.fingerprint
    with pytest.raises(Unreachable):
        seen_fingerprint(Endpoint("127.0.0.1", 1))


# --- secrets ----------------------------------------------------------------------------------------------------------


def test_no_secret_is_shown_anywhere(xapi: ScriptedXapi, connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    gateway = connect(xapi.url, sync_token="t0ken-of-the-cdn", sync_token_id="id")
    xapi.answers["Async.pool.sync_updates"] = lambda *params: Failure("INTERNAL_ERROR", f"bad call {params}")
    shown: list[str] = [repr(gateway), repr(gateway._connection.address), str(gateway._connection.address)]
    with pytest.raises(XenError) as caught:
        gateway.sync()
    shown += [str(caught.value), repr(caught.value), *caught.value.params, *traceback.format_exception(caught.value)]
    xapi.answers["session.login_with_password"] = lambda *params: Failure("INTERNAL_ERROR", f"login failed: {params}")
    with pytest.raises(XenError) as caught:
        connect(xapi.url).repository_state()
    shown += [str(caught.value), *caught.value.params, *traceback.format_exception(caught.value)]
    text = "\n".join([*shown, caplog.text])
    for secret in (PASSWORD, "t0ken-of-the-cdn", "OpaqueRef:session"):
        assert secret not in text
    assert "***" in text


def test_our_user_agent_is_the_same_for_every_call(xapi: ScriptedXapi, connect: Connect) -> None:
    reachable(connect, xapi, ignore_tls=True)
    (agent,) = xapi.agents
    assert agent.startswith("xsbot/")


# --- verbs ------------------------------------------------------------------------------------------------------------


def test_an_older_xapi_knows_disable_with_one_parameter_only(xapi: ScriptedXapi, connect: Connect) -> None:
    def disable(_session: str, host: str, *more: Any) -> Any:
        return Failure("MESSAGE_PARAMETER_COUNT_MISMATCH", "host.disable", "1", "2") if more else ""

    xapi.answers["host.disable"] = disable
    connect(xapi.url).begin(DisableHost(host=HOST_UUID), SNAPSHOT)
    assert [params[1:] for name, params in xapi.calls if name == "host.disable"] == [
        ("OpaqueRef:host", False),
        ("OpaqueRef:host",),
    ]


def test_a_host_with_vms_is_never_rebooted(xapi: ScriptedXapi, connect: Connect) -> None:
    xapi.answers |= {
        "host.get_resident_VMs": ["OpaqueRef:dom0", "OpaqueRef:web"],
        "VM.get_is_control_domain": lambda _session, vm: vm == "OpaqueRef:dom0",
        "VM.get_name_label": "web-01",
        "host.get_name_label": "xs-01",
    }
    with pytest.raises(HostNotEmpty, match="web-01") as caught:
        connect(xapi.url).begin(RebootHost(host=HOST_UUID), SNAPSHOT)
    assert caught.value.code == "XSBOT_HOST_NOT_EMPTY"
    assert xapi.count("host.reboot") == 0


def test_a_task_that_cannot_be_marked_has_begun_all_the_same(xapi: ScriptedXapi, connect: Connect) -> None:
    xapi.answers["Async.host.apply_updates"] = "OpaqueRef:task"
    xapi.answers["task.add_to_other_config"] = Failure("HANDLE_INVALID", "task", "OpaqueRef:task")
    gateway = connect(xapi.url)
    assert gateway.begin(ApplyUpdates(host=HOST_UUID, checksum="abc"), SNAPSHOT) == "OpaqueRef:task"


def test_an_object_that_left_the_pool_is_named(xapi: ScriptedXapi, connect: Connect) -> None:
    with pytest.raises(XenError, match="no host with the uuid elsewhere"):
        connect(xapi.url).begin(DisableHost(host="elsewhere"), SNAPSHOT)


def test_of_two_that_claim_at_once_one_wins(xapi: ScriptedXapi, connect: Connect) -> None:
    seen = iter([{}, {"xsbot:rollout": "other/7"}])
    xapi.answers["pool.get_other_config"] = lambda *_: next(seen)
    xapi.answers["pool.add_to_other_config"] = Failure("MAP_DUPLICATE_KEY", "pool", "other_config")
    with pytest.raises(PoolClaimed) as caught:
        connect(xapi.url).claim("ours/1")
    assert caught.value.owner == "other/7"


def test_a_foreign_claim_is_left_where_it_is(xapi: ScriptedXapi, connect: Connect) -> None:
    xapi.answers["pool.get_other_config"] = {"xsbot:rollout": "other/7"}
    gateway = connect(xapi.url)
    for verb in (gateway.claim, gateway.release):
        with pytest.raises(PoolClaimed, match="other/7"):
            verb("ours/1")
    xapi.answers["pool.get_other_config"] = {"xsbot:rollout": "ours/1"}
    gateway.claim("ours/1")
    assert xapi.count("pool.add_to_other_config") == xapi.count("pool.remove_from_other_config") == 0


# --- updates over HTTP ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "repositories", "code"),
    [
        (403, b"", 1, "RBAC_PERMISSION_DENIED"),
        (404, b"", 0, "NO_REPOSITORY_ENABLED"),
        (404, b"", 1, "INVALID_UPDATEINFO_XML"),
        (404, b"", 2, "MULTIPLE_UPDATE_REPOSITORIES_ENABLED"),
        (500, b"<html>GET_HOST_UPDATES_FAILED: [ OpaqueRef:host ]</html>", 1, "GET_HOST_UPDATES_FAILED"),
        (500, b"<html>what?</html>", 1, "XSBOT_UNREACHABLE"),
        (200, b"not json", 1, "INVALID_UPDATEINFO_XML"),
        (401, b"", 1, "SESSION_INVALID"),
    ],
)
def test_why_there_is_no_list_of_updates(
    xapi: ScriptedXapi, connect: Connect, status: int, body: bytes, repositories: int, code: str
) -> None:
    refs = [f"OpaqueRef:repo-{n}" for n in range(repositories)]
    pool = {"uuid": "11111111-0000-0000-0000-000000000000", "master": "OpaqueRef:host", "repositories": refs}
    xapi.answers |= {
        "host.get_all_records": {},
        "pool.get_all_records": {"OpaqueRef:pool": pool},
        "Repository.get_all_records": {ref: {"update": True} for ref in refs},
    }
    xapi.pages["/updates"] = (status, body)
    with pytest.raises(XenError) as caught:
        connect(xapi.url).updates()
    assert caught.value.code == code


# --- threads and the end ----------------------------------------------------------------------------------------------


def test_threads_share_one_session_and_get_in_nobodys_way(xapi: ScriptedXapi, connect: Connect) -> None:
    xapi.answers["task.get_record"] = lambda _session, ref: {"status": "success", "result": ref}
    gateway = connect(xapi.url)
    wrong: list[str] = []

    def look(number: int) -> None:
        for turn in range(5):
            ref = f"OpaqueRef:{number}-{turn}"
            if gateway.task(ref).result != ref:
                wrong.append(ref)

    threads = [threading.Thread(target=look, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert xapi.logins == 1


def test_closing_logs_out_and_ends_a_call_that_lasts(xapi: ScriptedXapi, connect: Connect) -> None:
    gone = threading.Event()

    def lasting(*_: Any) -> Any:
        gone.wait(5)
        return Failure("SESSION_INVALID", "x")

    def logout(*_: Any) -> str:
        gone.set()
        return ""

    xapi.answers["pool.set_wlb_enabled"] = lasting
    xapi.answers["session.logout"] = logout
    gateway = connect(xapi.url)
    errors: list[XenError] = []

    def wait() -> None:
        try:
            gateway.begin(SetWlb(enabled=False), SNAPSHOT)
        except XenError as error:
            errors.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    eventually(lambda: xapi.count("pool.set_wlb_enabled") == 1)
    gateway.close()
    thread.join(5)
    assert [error.code for error in errors] == ["SESSION_INVALID"]
    with pytest.raises(Unreachable) as caught:
        gateway.repository_state()
    assert caught.value.code == translate(["XSBOT_CLOSED"]).code
