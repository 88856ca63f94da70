"""Files over HTTP: update bundles up, dumps, exports and host backups down. Streamed, never held in memory.

XAPI answers an upload with 200 before it has read it; what became of it is told by a task. What it sends has no
announced length: it simply ends, and only its content says whether all of it came.
"""

from __future__ import annotations

import http.client
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from bot.xen import updates, wire
from bot.xen.connection import Link, PoolConnection
from bot.xen.errors import HandleGone, SessionLost, XenError, translate, unreachable
from bot.xen.transport import USER_AGENT, HttpsConnection, reach

_log = logging.getLogger(__name__)

_CHUNK = 256 * 1024
#: Seconds without a single byte after which a transfer counts as dead; a host reads its own disk before it sends.
_SILENCE_S = 300.0

#: Page → the permission that XAPI asks for.
PERMISSIONS = {
    "/bundle": "http/put_bundle",
    "/pool/xmldbdump": "http/get_pool_xml_db_sync",
    "/export_metadata": "http/get_export_metadata",
    "/host_backup": "http/get_host_backup",
}


class Transfers:
    """The part of a gateway that moves files. Raises XenError."""

    _connection: PoolConnection

    def fetch(self, page: str, take: Callable[[bytes], object], *, host: str = "", query: str = "") -> int:
        """Hand every piece of a page's file to `take`; how many bytes there were.

        `page` is one of `PERMISSIONS`, `host` the uuid of the host whose own page is meant (default: the
        coordinator's). What `take` raises ends the transfer and is raised.
        """
        connection = self._connection
        address = self._address_of(host) if host else ""
        link = connection.link()
        endpoint = link.endpoint.at(address) if address else link.endpoint
        http_connection = HttpsConnection(endpoint, connection.trust, connection.address.connect_timeout_s, _SILENCE_S)
        fetched = 0
        try:
            answer = self._ask(http_connection, link, page, query)
            while chunk := self._piece(http_connection, link, answer):
                take(chunk)
                fetched += len(chunk)
        finally:
            http_connection.close()
        return fetched

    def upload_bundle(self, path: Path, progress: Callable[[float], object]) -> str:
        """Send an update bundle; the reference of the task that says what became of it.

        `progress` hears the share that was sent, from 0 to 1; what it raises ends the upload and is raised. Raises
        OSError when the file cannot be read. The task of an upload that ended early is gone.
        """
        connection = self._connection
        size = path.stat().st_size
        task = str(connection.effect("task.create", "xsbot: upload of an update bundle", plain_name(path)))
        taken = False
        try:
            self._upload(path, size, task, progress)
            taken = True
        finally:
            if not taken:
                self._drop(task)
        return task

    def _upload(self, path: Path, size: int, task: str, progress: Callable[[float], object]) -> None:
        connection = self._connection
        link = connection.link()
        to = HttpsConnection(link.endpoint, connection.trust, connection.address.connect_timeout_s, _SILENCE_S)
        try:
            # Only what the network does is the pool's fault: the file and who is told of the progress are not.
            with path.open("rb") as source:
                with self._blaming(link, task):
                    self._begin_upload(to, link, task, size)
                sent = 0
                while chunk := source.read(_CHUNK):
                    with self._blaming(link, task):
                        if not self._sent(to, chunk):
                            break  # it hung up early; its answer or the task says why
                    sent += len(chunk)
                    progress(sent / size if size else 1.0)
            with self._blaming(link, task):
                self._check(to.getresponse(), "/bundle")
        finally:
            to.close()

    @contextmanager
    def _blaming(self, link: Link, task: str) -> Iterator[None]:
        try:
            yield
        except (OSError, http.client.HTTPException) as error:
            failed = self._why_refused(task)
            raise failed if failed is not None else reach(link.endpoint, error) from error

    def _drop(self, task: str) -> None:
        """Remove the task of an upload that failed: nobody else ever ends it."""
        try:
            self._connection.effect("task.destroy", task)
        except XenError as error:
            _log.warning("the task of a failed upload stays in the pool's list: %s", error.sentence)

    def _address_of(self, host: str) -> str:
        read = self._connection.read
        return str(read("host.get_address", read("host.get_by_uuid", host)))

    def _ask(self, http_connection: HttpsConnection, link: Link, page: str, query: str) -> http.client.HTTPResponse:
        path = f"{page}?{query}" if query else page
        try:
            # The session goes in a cookie, because paths end up in logs of proxies and in error texts.
            http_connection.request("GET", path, headers=_headers(link))
            answer = http_connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            failed = reach(link.endpoint, error)
            self._connection.lost(link, failed)
            raise failed from error
        try:
            self._check(answer, page)
        except SessionLost as error:
            self._connection.lost(link, error)
            raise
        return answer

    def _piece(self, http_connection: HttpsConnection, link: Link, answer: http.client.HTTPResponse) -> bytes:
        try:
            return answer.read(_CHUNK)
        except (OSError, http.client.HTTPException) as error:
            raise reach(link.endpoint, error) from error

    def _begin_upload(self, to: HttpsConnection, link: Link, task: str, size: int) -> None:
        to.putrequest("PUT", f"/bundle?task_id={quote(task)}")
        for name, value in {**_headers(link), "Content-Length": str(size)}.items():
            to.putheader(name, value)
        to.endheaders()

    @staticmethod
    def _sent(to: HttpsConnection, chunk: bytes) -> bool:
        try:
            to.send(chunk)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def _why_refused(self, task: str) -> XenError | None:
        """The error that XAPI wrote on the task of an upload that broke."""
        try:
            record = self._connection.read("task.get_record", task)
        except HandleGone:
            return None
        words = list(wire.texts(record, "error_info"))
        return self._connection.translated(words) if words else None

    def _check(self, answer: http.client.HTTPResponse, page: str) -> None:
        if answer.status == 200:
            return
        if answer.status == 401:
            raise translate(["SESSION_INVALID"])
        if answer.status == 403:
            raise translate(["RBAC_PERMISSION_DENIED", PERMISSIONS[page]])
        details = updates.error_details(answer.read(64 * 1024))
        if details is not None:
            raise self._connection.translated(details)
        raise unreachable(self._connection.name, f"it answered HTTP {answer.status} to {page}")


def plain_name(path: Path) -> str:
    """A file's name for XAPI's list of tasks."""
    return "".join(char if char.isprintable() else "?" for char in path.name)[:200]


def _headers(link: Link) -> dict[str, str]:
    return {"Cookie": f"session_id={link.handle}", "User-Agent": USER_AGENT}
