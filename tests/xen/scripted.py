"""A real HTTPS server that answers XML-RPC from a script, for what a well-behaved pool never does on request."""

from __future__ import annotations

import socket
import ssl
import threading
import time
import xmlrpc.client
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.xen.certificates import Certificate

POOL_UUID = "11111111-0000-0000-0000-000000000000"
HOST_UUID = "22222222-0000-0000-0000-000000000000"


class Failure(Exception):
    """Raised by a script to answer like XAPI when it refuses."""


class HangUp(Exception):
    """Raised by a script to close the connection without an answer, the call having arrived."""


class ScriptedXapi:
    """Answers calls from `answers` (a value, or a function of the parameters) and keeps a list of them."""

    def __init__(self, certificate: Certificate) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.agents: set[str] = set()
        self.logins = 0
        self.pages: dict[str, tuple[int, bytes]] = {}
        self.answers: dict[str, Any] = {
            "session.login_with_password": self._login,
            "session.logout": "",
            "pool.get_all": ["OpaqueRef:pool"],
            "pool.get_all_records": {"OpaqueRef:pool": {"uuid": POOL_UUID, "master": "OpaqueRef:host"}},
            "host.get_uuid": HOST_UUID,
        }
        script = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                script._post(self)

            def do_GET(self) -> None:
                script.calls.append((f"GET {self.path}", (self.headers.get("Cookie"),)))
                status, body = script.pages[self.path]
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                return

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.pem)
        self._server = _TlsServer(("127.0.0.1", 0), Handler)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = int(self._server.server_address[1])
        self.url = f"https://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def count(self, method: str) -> int:
        """How often a call has arrived."""
        return sum(1 for name, _ in self.calls if name == method)

    def hang_up_everywhere(self) -> None:
        """Close every connection that is open now, as a toolstack restart does."""
        self._server.hang_up()

    def stop(self) -> None:
        """Stop serving and close everything."""
        self._server.hang_up()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _login(self, *_: Any) -> str:
        self.logins += 1
        return f"OpaqueRef:session-{self.logins}"

    def _post(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        self.agents.add(handler.headers["User-Agent"])
        params, method = xmlrpc.client.loads(body)
        self.calls.append((str(method), params))
        answer = self.answers.get(str(method), Failure("MESSAGE_METHOD_UNKNOWN", str(method)))
        try:
            value = answer(*params) if callable(answer) else answer
            if isinstance(value, Exception):
                raise value
            reply: dict[str, Any] = {"Status": "Success", "Value": value}
        except Failure as failure:
            reply = {"Status": "Failure", "ErrorDescription": list(failure.args)}
        except HangUp:
            handler.close_connection = True
            return
        data = xmlrpc.client.dumps((reply,), methodresponse=True).encode()
        handler.send_response(200)
        handler.send_header("Content-Type", "text/xml")
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)


class _TlsServer(ThreadingHTTPServer):
    """Remembers its connections, so that they can be cut."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._open: set[socket.socket] = set()

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that refuses our certificate, or whose connection we cut, is what these tests are about.
        return

    def hang_up(self) -> None:
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                self._open.discard(connection)


class SilentServer:
    """Accepts connections and never says a word."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._socket.getsockname()[1]}"

    def stop(self) -> None:
        self._socket.close()


def eventually(condition: Callable[[], bool], timeout_s: float = 5.0) -> None:
    """Wait (really) until the condition holds; fails the test when it never does."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)
