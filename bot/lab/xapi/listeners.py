"""The hosts' sockets: one TLS listener per host, and a plain one that only says where that is.

Both are closed and reopened as the host's toolstack goes and comes.
"""

from __future__ import annotations

import asyncio
import socket

import uvicorn
from starlette.applications import Starlette
from uvicorn.server import ServerState

from bot.lab.certificates import HostCertificate

_TRIES = 50


def bind_all(addresses: list[str], port: int) -> list[socket.socket]:
    """Listening sockets on one port that is free on every address; `port=0` looks for one."""
    for attempt in range(_TRIES):
        sockets: list[socket.socket] = []
        try:
            wanted = port
            for address in addresses:
                sockets.append(bind(address, wanted))
                wanted = sockets[0].getsockname()[1]
            return sockets
        except OSError:
            for opened in sockets:
                opened.close()
            if port or attempt == _TRIES - 1:
                raise
    raise AssertionError("unreachable")


def bind(address: str, port: int) -> socket.socket:
    """One listening socket; connections queue in it until a server takes over."""
    # The protocol is named because asyncio switches Nagle's algorithm off only where it sees TCP by name;
    # with it every answer would wait 40 ms for a delayed acknowledgement.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address, port))
        listening.listen(128)
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening


class Listener:
    """One host's TLS endpoint, and the plain one beside it; `plain_port` is 0 before the first opening."""

    def __init__(self, app: Starlette, address: str, port: int, certificate: HostCertificate) -> None:
        self._address = address
        self._port = port
        self._config = uvicorn.Config(
            app,
            ssl_certfile=str(certificate.certificate_file),
            ssl_keyfile=str(certificate.key_file),
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            date_header=False,
            timeout_keep_alive=3600,
        )
        self._config.load()
        self._state = ServerState()
        self._server: asyncio.Server | None = None
        self._starting: asyncio.Task[None] | None = None
        self._plain: asyncio.Server | None = None
        self.plain_port = 0

    def open(self, listening: socket.socket | None = None) -> None:
        """Listen from now on (connections are accepted at once, served from the next turn of the loop)."""
        waiting = listening if listening is not None else bind(self._address, self._port)
        plain = bind(self._address, self.plain_port)
        self.plain_port = plain.getsockname()[1]
        self._starting = asyncio.get_running_loop().create_task(self._serve(waiting, plain))

    async def _serve(self, listening: socket.socket, plain: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(self._protocol, sock=listening, ssl=self._config.ssl)
            self._plain = await asyncio.start_server(self._moved, sock=plain)
        except asyncio.CancelledError:
            # One that is served already belongs to its server, which `close` ends.
            for opened, server in ((listening, self._server), (plain, self._plain)):
                if server is None:
                    opened.close()
            raise

    async def _moved(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Whatever is asked without TLS has moved to where there is some; nothing else is read or done."""
        try:
            words = (await reader.readline()).split()
            path = words[1].decode("ascii") if len(words) > 1 and words[1].startswith(b"/") else "/"
            answer = f"HTTP/1.1 301 Moved Permanently\r\nLocation: https://{self._address}:{self._port}{path}\r\n"
            writer.write(f"{answer}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
        except (ConnectionError, ValueError):
            return  # whoever asked has left, or spoke no HTTP
        finally:
            writer.close()

    def _protocol(self) -> asyncio.Protocol:
        return self._config.http_protocol_class(  # type: ignore[call-arg]
            config=self._config, server_state=self._state, app_state={}
        )

    def close(self) -> None:
        """Stop listening and break every connection."""
        if self._starting is not None and not self._starting.done():
            self._starting.cancel()
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._plain is not None:
            self._plain.close()
            self._plain = None
        self.reset()

    def reset(self) -> None:
        """Break every open connection."""
        for connection in list(self._state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()
