"""The wire: envelopes, types, protocol errors, addresses and certificates."""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
import ssl
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import XenAPI

from .client import Client, refused


def post(client: Client, path: str, body: bytes, kind: str = "text/xml", length: bool = True) -> tuple[int, bytes, str]:
    context = ssl.create_default_context(cafile=str(client.pool.ca_file))
    connection = http.client.HTTPSConnection("127.0.1.1", client.pool.port, context=context)
    try:
        if length:
            connection.request("POST", path, body, {"Content-Type": kind})
        else:
            connection.request("POST", path, iter([body]), {"Content-Type": kind}, encode_chunked=True)
        response = connection.getresponse()
        return response.status, response.read(), response.headers["content-type"]
    finally:
        connection.close()


def test_integers_are_bare_strings_and_dates_are_compact(small: Client) -> None:
    metrics = small("host_metrics.get_all_records")
    assert {record["memory_total"] for record in metrics.values()} == {str(256 << 30)}
    pool = small("pool.get_record", small.pool_ref())
    assert pool["last_update_sync"].value == "20261120T03:00:00Z"
    assert pool["update_sync_enabled"] is True


def test_refs_are_opaque_and_objects_are_found_by_uuid_and_label(small: Client) -> None:
    ref = small("host.get_by_uuid", small.pool.host("xs-02").uuid)
    assert ref.startswith("OpaqueRef:")
    assert small("host.get_by_name_label", "xs-02") == [ref]
    assert small("host.get_address", ref) == "127.0.1.2"


def test_refusals_come_with_http_200(small: Client) -> None:
    status, body, kind = post(
        small,
        "/RPC2",
        b"<methodCall><methodName>pool.get_all</methodName><params><param><value>nobody</value></param></params>"
        b"</methodCall>",
    )
    assert (status, kind.split(";")[0]) == (200, "text/xml")
    assert b"<value>Failure</value>" in body
    assert b"<value>SESSION_INVALID</value><value>nobody</value>" in body


@pytest.mark.parametrize("body", [b"not xml", b"<methodCall><methodName></methodName></methodCall>", b"x" * 307201])
def test_malformed_and_oversized_bodies_get_an_html_error(small: Client, body: bytes) -> None:
    status, answer, kind = post(small, "/", body)
    assert status == 500
    assert kind.startswith("text/html")
    assert b"<html>" in answer


def test_a_request_needs_a_length(small: Client) -> None:
    assert post(small, "/", b"<methodCall/>", length=False)[0] == 500


def test_dispatch_errors(small: Client) -> None:
    with refused("RBAC_PERMISSION_DENIED", "host.call_extension"):
        small("host.make_coffee")
    root = Client(small.pool, small.clock, user="root").login()
    with refused("MESSAGE_METHOD_UNKNOWN", "host.make_coffee"):
        root("host.make_coffee")
    root.close()
    with refused("MESSAGE_PARAMETER_COUNT_MISMATCH", "host.evacuate", "1", "0"):
        small("host.evacuate")
    with refused("HANDLE_INVALID", "host", "OpaqueRef:gone"):
        small("host.get_record", "OpaqueRef:gone")
    with refused("UUID_INVALID", "VM", "no-such"):
        small("VM.get_by_uuid", "no-such")


def test_the_underscore_spelling_works(small: Client) -> None:
    assert small("host_get_name_label", small.host("xs-01")) == "xs-01"


def test_maps_refuse_duplicate_keys_and_forgive_missing_ones(small: Client) -> None:
    pool = small.pool_ref()
    small("pool.add_to_other_config", pool, "xsbot:rollout", "42")
    with refused("MAP_DUPLICATE_KEY", "pool", "other_config", small.pool.uuid, "xsbot:rollout"):
        small("pool.add_to_other_config", pool, "xsbot:rollout", "43")
    small("pool.remove_from_other_config", pool, "xsbot:rollout")
    small("pool.remove_from_other_config", pool, "xsbot:rollout")
    assert "xsbot:rollout" not in small("pool.get_other_config", pool)


def test_the_official_module_works_unchanged(small: Client) -> None:
    session = XenAPI.Session(small.pool.coordinator_url, ignore_ssl=True)
    session.xenapi.login_with_password(small.pool.username, small.pool.password, "1.1", "tests")
    assert {record["name_label"] for record in session.xenapi.host.get_all_records().values()} == {
        "xs-01",
        "xs-02",
        "xs-03",
    }
    session.xenapi.session.logout()
    session("close")()


def test_json_rpc_speaks_native_types(small: Client) -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": 7, "method": "VM.get_all_records", "params": [small.ref]}).encode()
    status, answer, kind = post(small, "/jsonrpc", body, "application/json")
    assert (status, kind) == (200, "application/json")
    record = json.loads(answer)["result"][small.vm("db-01")]
    assert record["memory_static_max"] == 16 << 30
    assert record["is_control_domain"] is False
    bad = json.dumps({"jsonrpc": "2.0", "id": 8, "method": "VM.get_record", "params": [small.ref, "OpaqueRef:x"]})
    assert json.loads(post(small, "/jsonrpc", bad.encode(), "application/json")[1])["error"] == {
        "code": 1,
        "message": "HANDLE_INVALID",
        "data": ["VM", "OpaqueRef:x"],
    }


def test_every_host_has_its_own_address_and_pinned_certificate(small: Client) -> None:
    context = ssl.create_default_context(cafile=str(small.pool.ca_file))
    seen = set()
    for host in small.pool.hosts:
        with (
            socket.create_connection((host.address, small.pool.port)) as plain,
            context.wrap_socket(plain, server_hostname=host.address) as secure,
        ):
            der = secure.getpeercert(binary_form=True)
        assert der is not None
        assert hashlib.sha256(der).hexdigest() == host.fingerprint
        seen.add(host.fingerprint)
    assert len(seen) == 3


def plainly(client: Client, host: str, request: bytes) -> bytes:
    """What the host answers without TLS."""
    address = urlsplit(client.pool.host(host).plain_url)
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=10) as connection:
        connection.sendall(request)
        answer = b""
        while piece := connection.recv(4096):
            answer += piece
        return answer


@pytest.mark.parametrize("host", ["xs-01", "xs-02"])
def test_plain_http_is_sent_to_https(small: Client, host: str) -> None:
    secure = small.pool.host(host).url
    answer = plainly(small, host, b"GET /updates?session_id=x HTTP/1.1\r\nHost: xs\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 301 Moved Permanently\r\n")
    assert f"Location: {secure}/updates?session_id=x\r\n".encode() in answer
    # A call is not carried out on the way, and what is no HTTP gets no further.
    calls = len(small.pool.calls)
    login = b"POST /RPC2 HTTP/1.1\r\nContent-Length: 9\r\n\r\n<methodCall>"
    assert f"Location: {secure}/RPC2\r\n".encode() in plainly(small, host, login)
    assert b" 301 " in plainly(small, host, b"hello\n")
    assert len(small.pool.calls) == calls


def test_plain_http_goes_and_comes_with_the_toolstack(small: Client) -> None:
    before = small.pool.host("xs-02").plain_url
    small("host.restart_agent", small.host("xs-02"))
    small.clock.wait_until(small.clock.now() + timedelta(seconds=5))
    with pytest.raises(OSError):
        plainly(small, "xs-02", b"GET / HTTP/1.1\r\n\r\n")
    small.clock.wait_until(small.clock.now() + timedelta(minutes=5))
    assert small.pool.host("xs-02").plain_url == before
    assert b" 301 " in plainly(small, "xs-02", b"GET / HTTP/1.1\r\n\r\n")
