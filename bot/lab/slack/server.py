"""The lab's Slack on the wire: one small web server on 127.0.0.1, in a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from bot.lab.slack.faults import Faults
from bot.lab.slack.records import Json
from bot.lab.slack.refusal import LabError, Refused
from bot.lab.slack.socket_mode import SocketMode
from bot.lab.slack.web_api import SCOPES, WebApi, decode

ADDRESS = "127.0.0.1"


def listen(port: int) -> socket.socket:
    """A listening socket on loopback; on another free port when `port` is taken."""
    for wanted in (port, 0):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((ADDRESS, wanted))
            listener.listen(128)
        except OSError:
            listener.close()
            if wanted == 0:
                raise
            continue
        return listener
    raise LabError("No free port on 127.0.0.1.")


def slack_routes(api: WebApi, sockets: SocketMode, faults: Faults) -> list[BaseRoute]:
    """The routes of the real Slack: Web API, Socket Mode, response addresses, uploads."""

    async def call(request: Request) -> Response:
        method = request.path_params["method"]
        if faults.active("outage"):
            return PlainTextResponse("upstream connect error", status_code=503)
        slow = faults.take("slow", method)
        if slow is not None:
            await asyncio.sleep(slow)
        headers = {"x-oauth-scopes": ",".join(sorted(api.scopes))}
        if method in SCOPES:
            headers["x-accepted-oauth-scopes"] = SCOPES[method]
        try:
            args = decode(request.headers.get("content-type", ""), await _body(request), dict(request.query_params))
            answer = api.call(method, _token(request, args), args)
        except Refused as refusal:
            return _refusal(refusal, headers)
        if faults.take("lost_reply", method) is not None:
            return PlainTextResponse("bad gateway", status_code=502)
        return JSONResponse(answer, headers=headers)

    async def respond(request: Request) -> Response:
        if faults.active("outage"):
            return PlainTextResponse("upstream connect error", status_code=503)
        try:
            body = decode(request.headers.get("content-type", ""), await _body(request), {})
            api.respond(request.path_params["secret"], body)
        except Refused as refusal:
            return JSONResponse({"ok": False, "error": refusal.code}, status_code=404)
        return PlainTextResponse("ok")

    async def upload(request: Request) -> Response:
        content_type = request.headers.get("content-type", "")
        if content_type.startswith("multipart/form-data"):
            return PlainTextResponse("send the bytes as the body", status_code=400)
        stored = api.files.receive(request.path_params["id"], await _body(request))
        return PlainTextResponse("OK - stored" if stored else "wrong size", status_code=200 if stored else 400)

    async def download(request: Request) -> Response:
        file = api.files.read(request.path_params["id"])
        if file is None or file.content is None:
            return PlainTextResponse("not found", status_code=404)
        # Only pictures are shown in the page; everything else could run in its origin.
        shown = file.mimetype in ("image/png", "image/jpeg", "image/gif")
        headers = {"x-content-type-options": "nosniff"} | ({} if shown else {"content-disposition": "attachment"})
        return Response(
            file.content, media_type=file.mimetype if shown else "application/octet-stream", headers=headers
        )

    return [
        Route("/api/{method}", call, methods=["GET", "POST"]),
        Route("/response/{secret}", respond, methods=["POST"]),
        Route("/upload/{id}", upload, methods=["POST"]),
        Route("/files/{id}/{name}", download),
        WebSocketRoute("/link", sockets.serve),
        WebSocketRoute("/link/", sockets.serve),
    ]


async def _body(request: Request) -> bytes:
    """The body of a request; empty when whoever sent it is gone, killed perhaps, and reads no answer."""
    try:
        return await request.body()
    except ClientDisconnect:
        return b""


def _token(request: Request, args: Json) -> str | None:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and token:
        return token.strip()
    given = args.get("token")
    return str(given) if given else None


def _refusal(refusal: Refused, headers: dict[str, str]) -> Response:
    body: Json = {"ok": False, "error": refusal.code, **refusal.fields}
    if refusal.messages:
        body["response_metadata"] = {"messages": refusal.messages}
    if refusal.retry_after is not None:
        return JSONResponse(body, 429, headers | {"Retry-After": str(refusal.retry_after)})
    return JSONResponse(body, headers=headers)


class Server:
    """uvicorn in a background thread. `stop` ends streams and sockets first, so that it is quick."""

    def __init__(self, listener: socket.socket, routes: Sequence[BaseRoute]) -> None:
        # Other names than loopback's are refused: a web page elsewhere must not reach the lab by DNS rebinding.
        guard = Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
        self._listener = listener
        self.port: int = listener.getsockname()[1]
        self._uvicorn = uvicorn.Server(
            uvicorn.Config(
                Starlette(routes=list(routes), middleware=[guard]),
                ws="websockets-sansio",
                lifespan="off",
                log_config=None,
                log_level=None,
                access_log=False,
                timeout_graceful_shutdown=2,
            )
        )
        self._thread = threading.Thread(target=self._run, name="lab-slack", daemon=True)
        self._ready = threading.Event()
        self._on_start: list[Callable[[asyncio.AbstractEventLoop], None]] = []
        self.stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self, *on_start: Callable[[asyncio.AbstractEventLoop], None]) -> None:
        """Serve; returns when requests are answered. `on_start` gets the event loop."""
        self._on_start.extend(on_start)
        self._thread.start()
        if not self._ready.wait(10):
            raise LabError("The lab's Slack did not start within 10 seconds.")

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        for hook in self._on_start:
            hook(self._loop)
        serving: Awaitable[None] = asyncio.ensure_future(self._uvicorn.serve(sockets=[self._listener]))
        while not self._uvicorn.started and not self._uvicorn.should_exit:
            await asyncio.sleep(0.005)
        self._ready.set()
        await serving

    def stop(self) -> None:
        """End streams, close sockets, stop serving, join the thread; idempotent."""
        if not self._thread.is_alive() or self._loop is None:
            return
        self._loop.call_soon_threadsafe(self.stopping.set)
        self._uvicorn.should_exit = True
        self._thread.join(10)
        self._listener.close()
