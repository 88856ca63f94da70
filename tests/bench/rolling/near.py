"""The gateway's calls without the wire between: no HTTP, no TLS, and no record read from XML twice.

What the bench measures is simulated time, of which the wire takes none. Calls go through the lab's own dispatch, rules,
clock and log (`LabPool.answer`), and come back exactly as the XML-RPC client would have read them: a record is encoded
by the lab, parsed by the standard library, and kept until it changes. Logging in and ``GET /updates`` stay on the wire.
"""

from __future__ import annotations

import xmlrpc.client
from typing import Any

from bot.lab.pool import LabPool
from bot.lab.time import SteppedTime
from bot.lab.xapi.failure import ConnectionAborted, XapiFailure
from bot.lab.xapi.records import EncodedRecord
from bot.lab.xapi.wire import Int32, envelope, value
from bot.xen.address import PoolAddress
from bot.xen.connection import Link, PoolConnection
from bot.xen.errors import unreachable
from bot.xen.gateway import _WITHOUT_DISKS, Gateway
from bot.xen.mirror import Mirror


class Reader:
    """What a client reads of the lab's values."""

    def __init__(self) -> None:
        #: Of each record the form on the wire and what was read from it.
        self._kept: dict[int, tuple[str, Any]] = {}

    def read(self, item: Any) -> Any:
        """The value as an XML-RPC client sees it; not to be changed, since it may be shared."""
        if isinstance(item, EncodedRecord):
            return self._record(item)
        if isinstance(item, dict):
            return {str(name): self.read(entry) for name, entry in item.items()}
        if isinstance(item, list | tuple | set | frozenset):
            return [self.read(entry) for entry in item]
        if isinstance(item, bool | Int32):
            return item if isinstance(item, bool) else int(item)
        if type(item) is str and item.isascii() and item.isprintable():
            return item
        return _parsed(value(item))

    def _record(self, item: EncodedRecord) -> Any:
        row = item.row
        wire, kept = self._kept.get(id(row), (None, None))
        if wire is None or wire is not row.wire:
            kept = _parsed(item)
            if row.wire is not None:
                self._kept[id(row)] = (row.wire, kept)
        return kept


def _parsed(text: str) -> Any:
    (answer,), _ = xmlrpc.client.loads(envelope(text))
    return answer


class _Connection(PoolConnection):
    """The product's connection, whose calls do not travel."""

    pool: LabPool
    reader: Reader

    def once(self, link: Link, method: str, *params: Any, timeout_s: float | None = None) -> Any:
        try:
            return self.reader.read(self.pool.answer(link.endpoint.host, method, [link.handle, *params]))
        except XapiFailure as failure:
            details = failure.description
        except ConnectionAborted:
            raise unreachable(link.endpoint.url, "the connection broke") from None
        raise self.translated(details[:1] if details[0] == "SESSION_INVALID" else details)


def near_gateway(pool: LabPool, address: PoolAddress, time: SteppedTime) -> Gateway:
    """The product's gateway on such a connection."""
    gateway = Gateway(address, time=time, name="bench")
    connection = _Connection(address, time=time, name="bench")
    connection.pool, connection.reader = pool, Reader()
    gateway._connection = connection
    gateway._mirror = Mirror(connection, _WITHOUT_DISKS, time)
    return gateway
