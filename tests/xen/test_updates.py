"""`GET /updates` is understood in its new and its old shape, and CVE ids are found in its texts."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from bot.rollout.guidance import Guidance, Level, Task
from bot.xen.updates import cves_in, error_details, parse_updates

HOSTS = {"OpaqueRef:a": "uuid-a", "OpaqueRef:b": "uuid-b"}

NEW = {
    "xapi-api-version": "2.23",
    "hosts": [
        {
            "ref": "OpaqueRef:b",
            "guidance": {"mandatory": ["EvacuateHost"], "recommended": ["RebootHost"], "full": ["RestartVM"]},
            "RPMS": ["xen-hypervisor-4.17.5-13.xs8.x86_64.rpm"],
            "updates": ["upd-1"],
            "livepatches": [
                {
                    "component": "xen",
                    "base_build_id": "9f",
                    "base_version": "4.17.5",
                    "base_release": "12",
                    "to_version": "4.17.5",
                    "to_release": "13",
                }
            ],
        },
        {"ref": "OpaqueRef:a", "guidance": {"mandatory": [], "recommended": [], "full": []}},
        {"ref": "OpaqueRef:gone", "RPMS": ["x.rpm"]},
    ],
    "updates": [
        {
            "id": "upd-1",
            "title": "Security update for Xen",
            "summary": "Fixes cve-2026-1234 and CVE-2025-40001",
            "description": "CVE-2026-1234 lets a guest do harm.",
            "special-info": "See also CVE-2024-99999",
            "URL": "None",
            "type": "SecurityFix",
            "issued": "20240926T08:30:08Z",
            "severity": "High",
            "livepatches": [],
            "guidance": {"mandatory": [], "recommended": ["RebootHost"], "full": [], "livepatch": ["RestartToolstack"]},
        },
        {"id": "upd-2", "severity": "None"},
    ],
    "hash": "abc123",
}

OLD = {
    "hosts": [
        {
            "ref": "OpaqueRef:a",
            "recommended-guidance": ["RestartToolstack"],
            "absolute-guidance": ["RebootHost"],
            "RPMS": ["xapi-core-23.9.rpm"],
            "updates": ["upd-0"],
        }
    ],
    "updates": [
        {
            "id": "upd-0",
            "summary": "Older",
            "recommended-guidance": "RestartToolstack",
            "absolute-guidance": "RebootHost",
            "livepatch-guidance": "",
            "severity": "None",
        }
    ],
    "hash": "old",
}


def test_the_new_shape() -> None:
    found = parse_updates(json.dumps(NEW).encode(), HOSTS)
    assert found.checksum == "abc123"
    assert [entry.host for entry in found.hosts] == ["uuid-a", "uuid-b"]
    host = found.for_host("uuid-b")
    assert host is not None
    assert host.guidance == Guidance(
        frozenset({Task.EVACUATE_HOST}), frozenset({Task.REBOOT_HOST}), frozenset({Task.RESTART_VM})
    )
    assert host.livepatches == ("xen 4.17.5-12 -> 4.17.5-13",)
    first, second = found.updates
    assert first.issued == datetime(2024, 9, 26, 8, 30, 8, tzinfo=UTC)
    assert first.cves == ("CVE-2024-99999", "CVE-2025-40001", "CVE-2026-1234")
    assert first.livepatch_guidance == {Task.RESTART_TOOLSTACK}
    assert (first.url, first.severity) == ("", "High")
    assert (second.title, second.severity, second.cves) == ("", "", ())


def test_the_old_shape_absolute_guidance_is_what_full_means_now() -> None:
    found = parse_updates(json.dumps(OLD).encode(), HOSTS)
    host = found.for_host("uuid-a")
    assert host is not None
    assert host.guidance.at(Level.RECOMMENDED) == {Task.RESTART_TOOLSTACK}
    assert host.guidance.at(Level.FULL) == {Task.RESTART_TOOLSTACK, Task.REBOOT_HOST}
    assert found.updates[0].guidance == host.guidance
    assert found.updates[0].livepatch_guidance == frozenset()


def test_a_host_that_is_missing_stays_unknown() -> None:
    found = parse_updates(json.dumps(OLD).encode(), HOSTS)
    assert found.for_host("uuid-b") is None


def test_a_word_nobody_knows_counts_as_a_reboot() -> None:
    document = {"hash": "x", "hosts": [{"ref": "OpaqueRef:a", "guidance": {"mandatory": ["Levitate"]}}]}
    host = parse_updates(json.dumps(document).encode(), HOSTS).for_host("uuid-a")
    assert host is not None
    assert host.guidance.mandatory == {Task.REBOOT_HOST}


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"hash": 3}'])
def test_anything_else_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse_updates(body, HOSTS)


def test_nonsense_inside_is_left_out() -> None:
    document = {"hash": "x", "hosts": [1, {"ref": []}, {}], "updates": [None, {"id": ""}, {"title": "no id"}]}
    found = parse_updates(json.dumps(document).encode(), HOSTS)
    assert (found.hosts, found.updates) == ((), ())


def test_cves_are_listed_once_and_in_order_of_their_numbers() -> None:
    assert cves_in("CVE-2023-20593, CVE-2023-4949", "cve-2022-40982", "CVE-2023-20593") == (
        "CVE-2022-40982",
        "CVE-2023-4949",
        "CVE-2023-20593",
    )


def test_the_error_in_a_failing_handlers_page() -> None:
    page = b"<html><body><h1>HTTP 500 internal server error</h1>GET_HOST_UPDATES_FAILED: [ OpaqueRef:1 ]</body></html>"
    assert error_details(page) == ["GET_HOST_UPDATES_FAILED", "OpaqueRef:1"]
    assert error_details(b"GET_UPDATES_FAILED: [  ]") == ["GET_UPDATES_FAILED"]
    assert error_details(b"<h1>Bad Gateway</h1>") is None
