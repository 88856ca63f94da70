"""A plain JSON-RPC client of a simulated pool, as other products have one; nothing of ours between it and the wire."""

from __future__ import annotations

import base64
import http.client
import itertools
import json
import ssl
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from bot.lab.pool import LabPool
from bot.lab.time import SteppedTime

#: What a client sees while a toolstack is away.
AWAY = (OSError, http.client.HTTPException)


class Refusal(Exception):
    """XAPI refused: its code and parameters."""

    def __init__(self, code: str, params: list[str]) -> None:
        super().__init__(code, *params)
        self.code = code
        self.params = params


class JsonRpc:
    """One session on one host. `version` 1 or 2 of the protocol."""

    def __init__(self, pool: LabPool, clock: SteppedTime, version: int = 2) -> None:
        self.pool = pool
        self.clock = clock
        self.version = version
        self.url = pool.coordinator_url
        self.session = ""
        self._numbers = itertools.count()

    def raw(self, document: dict[str, Any], url: str = "") -> tuple[str, dict[str, Any]]:
        """Post one document; the content type and the answer."""
        status, kind, body = self._send("POST", "/jsonrpc", json.dumps(document).encode(), url or self.url)
        assert status == 200, body
        answer: dict[str, Any] = json.loads(body)
        return kind, answer

    def call(self, method: str, *params: Any, url: str = "") -> Any:
        """One call without a session; raises `Refusal`, and what of `AWAY` the network says."""
        document: dict[str, Any] = {"id": next(self._numbers), "method": method, "params": list(params)}
        if self.version == 2:
            document["jsonrpc"] = "2.0"
        kind, answer = self.raw(document, url)
        # Some clients compare the header as a whole and fall back to XML-RPC otherwise.
        assert kind == "application/json"
        assert answer["id"] == document["id"]
        error = answer.get("error")
        if isinstance(error, list):
            raise Refusal(error[0], error[1:])
        if error is not None:
            assert error["code"] == 1
            raise Refusal(error["message"], error["data"])
        return answer["result"]

    def __call__(self, method: str, *params: Any) -> Any:
        """One call with the session."""
        return self.call(method, self.session, *params)

    def login(self, url: str = "", user: str = "") -> JsonRpc:
        """Log in at a host. Raises `Refusal` (HOST_IS_SLAVE at a member)."""
        target = url or self.url
        self.session = self.call(
            "session.login_with_password", user or self.pool.username, self.pool.password, url=target
        )
        self.url = target
        return self

    def updates(self) -> dict[str, Any]:
        """GET /updates with HTTP Basic, as some clients ask."""
        status, _, body = self._send("GET", "/updates", None, self.url)
        assert status == 200, body
        document: dict[str, Any] = json.loads(body)
        return document

    def passes(self, seconds: float) -> None:
        """Let simulated time pass."""
        self.clock.wait_until(self.clock.now() + timedelta(seconds=seconds))

    def _send(self, method: str, path: str, body: bytes | None, url: str) -> tuple[int, str, bytes]:
        parts = urlsplit(url)
        context = ssl.create_default_context(cafile=str(self.pool.ca_file))
        connection = http.client.HTTPSConnection(parts.hostname or "", parts.port, context=context, timeout=60)
        headers = {"Content-Type": "application/json"}
        if method == "GET":
            word = base64.b64encode(f"{self.pool.username}:{self.pool.password}".encode()).decode()
            headers = {"Authorization": f"Basic {word}"}
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers.get("content-type", ""), answer.read()
        finally:
            connection.close()
