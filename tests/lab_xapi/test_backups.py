"""What can be fetched from a pool for safekeeping: the database, VM metadata, control domains; and its limits."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from xml.etree import ElementTree

import pytest

from .client import Client


def fetched(client: Client, path: str, host: int = 0) -> bytes:
    status, body = client.get(path, user="keeper", host=host)
    assert status == 200, body
    return body


def rows(dump: bytes, table: str) -> list[ElementTree.Element]:
    found = ElementTree.fromstring(dump).find(f"table[@name='{table}']")
    assert found is not None
    return list(found)


def test_the_dump_has_every_host_and_vm(small: Client) -> None:
    dump = fetched(small, "/pool/xmldbdump")
    assert {row.get("uuid") for row in rows(dump, "host")} == {host.uuid for host in small.pool.hosts}
    assert {vm.name for vm in small.pool.vms} < {str(row.get("name__label")) for row in rows(dump, "VM")}


def test_while_versions_are_mixed_the_dump_is_a_stub(start: Callable[[str], Client]) -> None:
    client = start("split-guidance")
    client.update_host("xs-01", evacuate=False)
    client("host.restart_agent", client.host("xs-01"))
    client.passes(10)
    client.until_enabled("xs-01")
    client.passes(60)
    dump = fetched(client, "/pool/xmldbdump")
    assert rows(dump, "host") == rows(dump, "VM") == []


def test_metadata_is_a_tar_without_disks(small: Client) -> None:
    with tarfile.open(fileobj=io.BytesIO(fetched(small, "/export_metadata?all=true"))) as archive:
        assert archive.getnames() == ["ova.xml"]
        ova = archive.extractfile("ova.xml")
        assert ova is not None
        assert b"db-01" in ova.read()


def test_a_host_is_backed_up_at_its_own_address_with_the_coordinators_session(small: Client) -> None:
    keeper = Client(small.pool, small.clock, user="keeper").login()
    status, body = small.get(f"/host_backup?session_id={keeper.ref}", host=1)
    keeper.close()
    assert status == 200
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        inventory = archive.extractfile("etc/xensource-inventory")
        assert inventory is not None
        assert small.pool.hosts[1].uuid.encode() in inventory.read()


@pytest.mark.parametrize("path", ["/pool/xmldbdump", "/host_backup"])
def test_only_a_pool_admin_may(small: Client, path: str) -> None:
    assert small.get(path, user="xsbot")[0] == 403
    assert small.get(path)[0] == 401
    assert small.get(path, user="root")[0] == 200


def test_a_member_has_no_database(small: Client) -> None:
    assert small.get("/pool/xmldbdump", user="keeper", host=1)[0] == 404


def test_backups_can_fail_and_can_end_half_way(small: Client) -> None:
    whole = fetched(small, "/pool/xmldbdump")
    small.pool.fault("backup_fails", times=1)
    assert small.get("/pool/xmldbdump", user="keeper")[0] == 500
    small.pool.fault("backup_truncated", times=1)
    half = fetched(small, "/pool/xmldbdump")
    assert len(half) < 0.6 * len(whole)
    with pytest.raises(ElementTree.ParseError):
        ElementTree.fromstring(half)
    assert rows(fetched(small, "/pool/xmldbdump"), "host")
