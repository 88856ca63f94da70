"""The routes, and uvicorn in a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import threading

import uvicorn
from slack_bolt import App
from slack_bolt.adapter.starlette.handler import to_bolt_request, to_starlette_response
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bot.errors import XsbotError
from bot.measures import Measures
from bot.settings import SettingsError
from bot.web.readiness import Readiness

#: Slack's requests are a few kilobytes; a form with everything filled in has some hundred.
_LARGEST = 1_000_000
_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


class WebServer:
    """Serves from `start` to `stop`. With `slack`, Slack's requests are taken at ``/slack/events``."""

    def __init__(
        self, host: str, port: int, *, measures: Measures, readiness: Readiness, slack: App | None = None
    ) -> None:
        self._measures = measures
        self._readiness = readiness
        self._slack = slack
        self._listener = _listen(host, port)
        self.host = host
        self.port: int = self._listener.getsockname()[1]
        self._uvicorn = uvicorn.Server(
            uvicorn.Config(
                Starlette(routes=self._routes()),
                ws="none",
                lifespan="off",
                log_config=None,
                log_level=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=1,
            )
        )
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)

    def start(self) -> None:
        """Serve; returns when requests are answered."""
        self._thread.start()
        if not self._ready.wait(10):
            raise XsbotError("The web server did not start within ten seconds.", "Is the machine out of memory?")

    def stop(self, timeout: float = 1.5) -> None:
        """Take no more requests, answer those that are here, and end; may be repeated."""
        self._uvicorn.should_exit = True
        if self._thread.is_alive():
            self._thread.join(timeout)
        self._listener.close()

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        serving = asyncio.ensure_future(self._uvicorn.serve(sockets=[self._listener]))
        while not self._uvicorn.started and not serving.done():
            await asyncio.sleep(0.005)
        self._ready.set()
        await serving

    def _routes(self) -> list[Route]:
        routes = [
            Route("/healthz", self._healthy, methods=["GET"]),
            Route("/readyz", self._is_ready, methods=["GET"]),
            Route("/metrics", self._figures, methods=["GET"]),
        ]
        if self._slack is not None:
            routes.append(Route("/slack/events", self._from_slack, methods=["POST"]))
        return routes

    async def _healthy(self, _request: Request) -> Response:
        """The process runs; nothing else is asked, so that a lost database gets nobody killed."""
        return PlainTextResponse("ok\n")

    async def _is_ready(self, _request: Request) -> Response:
        parts = await run_in_threadpool(self._readiness.ask)
        return JSONResponse(
            {"ready": all(parts.values()), **parts}, 200 if all(parts.values()) else 503, {"Cache-Control": "no-store"}
        )

    async def _figures(self, _request: Request) -> Response:
        return Response(await run_in_threadpool(self._measures.text), media_type=_PROMETHEUS)

    async def _from_slack(self, request: Request) -> Response:
        """Hand the request to Bolt, which checks its signature first.

        In a thread: Bolt waits for the listener's acknowledgement, and other requests must not wait with it.
        """
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > _LARGEST:
                return PlainTextResponse("too large\n", status_code=413)
        try:
            asked = to_bolt_request(request, bytes(body))
        except UnicodeDecodeError:
            return PlainTextResponse("not UTF-8\n", status_code=400)
        assert self._slack is not None
        return to_starlette_response(await run_in_threadpool(self._slack.dispatch, asked))


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        raise SettingsError(
            f"The bot cannot listen on {host}, port {port}: {error.strerror or error}.",
            "Choose another web.port, or end what uses this one.",
        ) from error
