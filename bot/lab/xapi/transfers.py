"""The HTTP pages that move files: dump of the database, export of VM metadata, backup of a host, update bundles."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from bot.lab.xapi import wire
from bot.lab.xapi.api import Api
from bot.lab.xapi.bundle import MOST, contents
from bot.lab.xapi.calls import Account
from bot.lab.xapi.failure import XapiFailure
from bot.lab.xapi.kernel import Steps
from bot.lab.xapi.machine import Machine
from bot.lab.xapi.operations import claim_pool, release_pool
from bot.lab.xapi.surface import SURFACE
from bot.lab.xapi.updates import assert_one_repository, take_in
from bot.lab.xapi.world import World

if TYPE_CHECKING:
    from bot.lab.xapi.server import HostSite

#: Simulated seconds: reading the database, exporting metadata, and packing a control domain.
_DUMP, _EXPORT, _HOST = 2.0, 3.0, 60.0
#: What lives in the coordinator's memory alone and is in no dump.
_NOT_DUMPED = {"session", "task", "message", "event", "VM_metrics"}
_MANIFEST = (
    "<manifest>"
    '<pair key="schema_major_vsn" value="5"/><pair key="schema_minor_vsn" value="909"/>'
    '<pair key="generation_count" value="{generation}"/>'
    "</manifest>"
)


class Transfers:
    """The file pages of one host."""

    def __init__(self, site: HostSite, api: Api, machine: Machine) -> None:
        self._site = site
        self._api = api
        self._machine = machine

    def routes(self) -> list[Route]:
        """What to mount beside the other pages."""
        return [
            Route("/pool/xmldbdump", self._dump, methods=["GET"]),
            Route("/export_metadata", self._export, methods=["GET"]),
            Route("/host_backup", self._backup, methods=["GET"]),
            Route("/bundle", self._bundle, methods=["PUT"]),
        ]

    async def _dump(self, request: Request) -> Response:
        world = self._api.world
        answer = self._file(_DUMP, lambda: dump(world), "text/xml")
        return await self._site.page(request, "/pool/xmldbdump", "http/get_pool_xml_db_sync", answer)

    async def _export(self, request: Request) -> Response:
        world = self._api.world
        wanted = request.query_params

        def made() -> bytes:
            if wanted.get("all") == "true":
                return metadata(world, [ref for ref in world.db.refs("VM") if not world.is_dom0(ref)])
            refs = [ref for ref, vm in world.db.items("VM") if wanted.get("uuid") == vm["uuid"]]
            if not refs:
                raise XapiFailure("UUID_INVALID", "VM", wanted.get("uuid", ""))
            return metadata(world, refs)

        answer = self._file(_EXPORT, made, "application/octet-stream")
        return await self._site.page(request, "/export_metadata", "http/get_export_metadata", answer)

    async def _backup(self, request: Request) -> Response:
        answer = self._file(_HOST, lambda: dom0(self._api.world, self._machine), "application/octet-stream")
        return await self._site.page(request, "/host_backup", "http/get_host_backup", answer, any_host=True)

    def _file(
        self, seconds: float, make: Callable[[], bytes], kind: str
    ) -> Callable[[Request, Account], Awaitable[Response]]:
        async def answer(request: Request, account: Account) -> Response:
            faults = self._api.world.faults
            await self._site.carry_out(request, _pause(seconds))
            body = make()
            if faults.takes_backup_failure():
                raise XapiFailure("INTERNAL_ERROR", "Unix.Unix_error(Unix.EIO, read, )")
            if faults.takes_truncation():
                body = body[: len(body) // 2]
            response = Response(body, headers={"content-type": kind, "connection": "close"})
            # XAPI streams these: nobody is told how long they are, they simply end.
            del response.headers["content-length"]
            return response

        return answer

    # ------------------------------------------------------------------ bundles

    async def _bundle(self, request: Request) -> Response:
        return await self._site.page(request, "/bundle", "http/put_bundle", self._receive)

    async def _receive(self, request: Request, account: Account) -> Response:
        """The answer says only that the bytes arrived; what became of them is on the task."""
        world = self._api.world
        if not request.headers.get("content-length", "").isdigit():
            return HTMLResponse("<html><body>bad request</body></html>", 400)
        content = bytearray()
        try:
            async for chunk in request.stream():
                if len(content) <= MOST:
                    content += chunk
        except ClientDisconnect:
            content = bytearray()
        task = request.query_params.get("task_id", "")
        process = world.kernel.spawn(_take_bundle(world, bytes(content), task or world.unique()))
        if not process.done:
            world.running[process] = self._machine.ref
            process.when_done(world.forget)
        if task in world.db.tables["task"]:
            self._api.tasks.follow(task, process)
        return Response(b"", 200)


def _pause(seconds: float) -> Steps:
    yield seconds


def _take_bundle(world: World, content: bytes, key: str) -> Steps:
    yield from claim_pool(world, "sync_bundle", key)
    try:
        assert_one_repository(world)
        if world.db.get("Repository", world.repository, "origin") != "bundle":
            raise XapiFailure("BUNDLE_REPO_NOT_ENABLED")
        ids = contents(content)
        yield world.takes("sync")
        known = {update.id: update for update in (*world.published, *world.scenario.later)}
        if world.faults.takes_sync() or not ids or not set(ids) <= known.keys():
            raise XapiFailure("BUNDLE_SYNC_FAILED")
        try:
            take_in(world, tuple(known[name] for name in ids))
        except XapiFailure as error:
            raise XapiFailure("BUNDLE_SYNC_FAILED") from error
    finally:
        release_pool(world, key)


# ---------------------------------------------------------------------- what the files hold


def dump(world: World) -> bytes:
    """The pool's database; the stub that XAPI hands out instead while the rolling-upgrade flag is set."""
    tables = [name for name in SURFACE.classes if name not in _NOT_DUMPED]
    lines = ["<?xml version='1.0' encoding='UTF-8'?>", "<database>"]
    lines.append(_MANIFEST.format(generation=1 if world.rolling else world.db.generation))
    for name in sorted(tables):
        rows = [] if world.rolling else [_row(ref, record) for ref, record in world.db.items(name)]
        lines += [f'<table name="{name}">', *rows, "</table>"]
    return "\n".join([*lines, "</database>"]).encode()


def _row(ref: str, record: dict[str, object]) -> str:
    shown = (f"{_column(name)}={quoteattr(str(wire.plain(value)))}" for name, value in record.items())
    return f"<row ref={quoteattr(ref)} {' '.join(shown)}/>"


def _column(name: str) -> str:
    """Columns join the parts of nested fields with two underscores."""
    for prefix in ("name", "memory", "VCPUs", "snapshot"):
        if name.startswith(f"{prefix}_"):
            return f"{prefix}__{name[len(prefix) + 1 :]}"
    return name


def metadata(world: World, refs: list[str]) -> bytes:
    """A tar with one `ova.xml` that describes VMs without their disks."""
    objects = [{"class": "VM", "id": ref, "snapshot": world.db.record("VM", ref)} for ref in refs]
    document = wire.envelope(wire.value({"version": {"xapi_major": "1", "xapi_minor": "20"}, "objects": objects}))
    return _tar({"ova.xml": document})


def dom0(world: World, machine: Machine) -> bytes:
    """A tar of the control domain's files."""
    inventory = f"INSTALLATION_UUID='{machine.uuid}'\nMANAGEMENT_ADDRESS_TYPE='IPv4'\n"
    role = "master" if world.is_coordinator(machine) else f"slave:{world.coordinator.address}"
    return _tar(
        {
            "etc/xensource-inventory": inventory.encode(),
            "etc/xensource/pool.conf": role.encode(),
            "var/lib/xcp/state.db": dump(world),
        }
    )


def _tar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
