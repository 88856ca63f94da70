"""The web side of one simulated host: XML-RPC at `/` and `/RPC2`, JSON-RPC at `/jsonrpc`, and the HTTP pages."""

from __future__ import annotations

import asyncio
import base64
import binascii
import html
import json
import re
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from datetime import datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from bot.lab.journal import Call
from bot.lab.xapi import wire
from bot.lab.xapi.api import Api, NoSuchAsync
from bot.lab.xapi.calls import Account
from bot.lab.xapi.failure import ConnectionAborted, XapiFailure
from bot.lab.xapi.kernel import Process, Steps
from bot.lab.xapi.machine import DOWN, EMERGENCY, STARTING, STOPPED, Machine
from bot.lab.xapi.records import for_json
from bot.lab.xapi.sessions import HTTP_ROLES
from bot.lab.xapi.surface import SURFACE
from bot.lab.xapi.tasks import describe
from bot.lab.xapi.transfers import Transfers
from bot.lab.xapi.updates import get_updates

#: XAPI refuses longer request bodies with an HTML error.
BODY_LIMIT = 300 * 1024
#: What makes the answer of an HTTP page, once the account was found to be allowed.
Page = Callable[[Request, Account], Awaitable[Response]]
#: Messages that change nothing on the pool: what is lost with their answers is asked again.
_LOOKS = re.compile(r"(Async\.)?(session|event|task|system)\.|(Async\.)?\w+\.(get_|assert_|compute_)")
#: Waits for the caller to hang up.
HungUp = Callable[[], Coroutine[Any, Any, None]]
_SECRET_PARAMS = {"session_id", "password", "pwd", "token", "token_id"}


class HostSite:
    """What one host answers over HTTP."""

    def __init__(self, api: Api, machine: Machine) -> None:
        self._api = api
        self._world = api.world
        self._machine = machine
        self.app = Starlette(
            routes=[
                Route("/", self._xmlrpc, methods=["POST"]),
                Route("/RPC2", self._xmlrpc, methods=["POST"]),
                Route("/jsonrpc", self._jsonrpc, methods=["POST"]),
                Route("/updates", self._updates, methods=["GET"]),
                *Transfers(self, api, machine).routes(),
            ]
        )

    # ------------------------------------------------------------------ RPC

    async def _body(self, request: Request) -> bytes | None:
        length = request.headers.get("content-length", "")
        if not length.isdigit() or int(length) > BODY_LIMIT:
            return None
        try:
            return await request.body()
        except ClientDisconnect:
            return None  # Nobody is there any more to read the answer.

    async def _xmlrpc(self, request: Request) -> Response:
        body = await self._body(request)
        if body is None:
            return _broken("the request has no length or is too long")
        try:
            method, params = wire.parse(body)
        except wire.MalformedRequest as error:
            return _broken(str(error))
        try:
            answer = wire.success(await self._call(request, method, params))
        except XapiFailure as refusal:
            answer = wire.failure(refusal.description)
        except NoSuchAsync as error:
            answer = wire.fault(1, f"no such asynchronous method: {error}")
        except ConnectionAborted:
            return _gone()
        return Response(answer, media_type="text/xml")

    async def _jsonrpc(self, request: Request) -> Response:
        body = await self._body(request)
        try:
            call = json.loads(body or b"")
            method, params, ident = str(call["method"]), list(call.get("params") or []), call["id"]
        except (ValueError, KeyError, TypeError) as error:
            return _broken(str(error))
        second = call.get("jsonrpc") == "2.0"
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": ident} if second else {"id": ident}
        try:
            result = for_json(await self._call(request, method, params))
            answer["result"] = "" if result is None else result
            if not second:
                answer["error"] = None
        except (XapiFailure, NoSuchAsync) as refusal:
            code, *rest = describe(refusal)
            if self._machine.state in (EMERGENCY, STARTING):
                # Said before the call is looked at: in the second version's frame, but as the first one's array.
                answer = {"jsonrpc": "2.0", "id": ident, "error": [code, *rest]}
            elif second:
                answer["error"] = {"code": 1, "message": code, "data": rest}
            else:
                answer |= {"result": None, "error": [code, *rest]}
        except ConnectionAborted:
            return _gone()
        # Exactly this content type, without a character set: some clients compare it.
        return Response(json.dumps(answer).encode(), headers={"content-type": "application/json"})

    async def _call(self, request: Request, method: str, params: list[Any]) -> Any:
        return await self.answer(method, params, lambda: _disconnect(request))

    async def answer(self, method: str, params: list[Any], hung_up: HungUp) -> Any:
        """What the host answers to a call, however it came: XAPI's value before it is put into wire form.

        Raises `XapiFailure` for a refusal, `NoSuchAsync`, and `ConnectionAborted` when the host goes away meanwhile.
        `hung_up` ends when the caller does not wait for the answer any more.
        """
        world, at = self._world, self._world.now
        if self._machine.state in (STOPPED, DOWN):
            raise ConnectionAborted
        if world.faults.coordinator_slow and world.is_coordinator(self._machine):
            await self._held(hung_up, world.kernel.spawn(_nap(world.faults.coordinator_slow)))
        user = self._user(params)
        answer: Any = None
        try:
            answer, _ = self._api.call(self._machine, method, params)
            world.settle()
            if isinstance(answer, Process):
                answer = await self._held(hung_up, answer)
        except (XapiFailure, NoSuchAsync) as refusal:
            self._note(at, user, method, params, describe(refusal)[0])
            raise
        except ConnectionAborted:
            self._note(at, user, method, params, "connection lost")
            if method == "event.from" and isinstance(answer, Process):
                answer.kill(ConnectionAborted())
            raise
        except Exception as error:
            self._note(at, user, method, params, "INTERNAL_ERROR")
            world.kernel.report(error)
            raise XapiFailure(*describe(error)) from error
        finally:
            world.settle()
        self._note(at, user, method, params, "ok")
        if not _LOOKS.match(method) and world.faults.takes_answer():
            world.network.reset(self._machine.name)
            raise ConnectionAborted
        return answer

    async def _held(self, hung_up: HungUp, process: Process) -> Any:
        """Keep the call open until its process ends; the caller counts as waiting meanwhile."""
        if not process.done:
            time = self._world.kernel.time
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            parked = True

            def ended(_: Process) -> None:
                nonlocal parked
                if parked:
                    parked = False
                    time.unpark()
                if not future.done():
                    future.set_result(None)

            process.when_done(ended)
            time.park()
            gone = asyncio.ensure_future(hung_up())
            try:
                await asyncio.wait({future, gone}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                gone.cancel()
                with suppress(asyncio.CancelledError):
                    await gone
                if not process.done:
                    ended(process)
            if not process.done:
                # The client hung up. A long poll ends with it; an operation goes on, as it does in XAPI.
                raise ConnectionAborted
        if process.error is not None:
            raise process.error
        return process.result

    # ------------------------------------------------------------------ GET /updates

    async def page(
        self, request: Request, name: str, permission: str, answer: Page, *, any_host: bool = False
    ) -> Response:
        """One HTTP page: who may see it, what it answers, and a line in the log of calls. `any_host`: members too."""
        world, at = self._world, self._world.now
        query = {key: "<session>" if key == "session_id" else text for key, text in request.query_params.items()}
        user, response = await self._answer_page(request, permission, answer, any_host)
        called = f"{request.method} {name}"
        world.journal.calls.append(Call(at, user, self._machine.name, called, (query,), str(response.status_code)))
        world.settle()
        return response

    async def _answer_page(
        self, request: Request, permission: str, answer: Page, any_host: bool
    ) -> tuple[str, Response]:
        world = self._world
        if self._machine.state in (STOPPED, DOWN):
            return "", _gone()
        refusal = self._api.refused_at_door(self._machine)
        if refusal is not None and not (any_host and refusal.code == "HOST_IS_SLAVE"):
            # Only the coordinator has most pages; a starting coordinator answers with an error page.
            return "", _not_found() if not world.is_coordinator(self._machine) else _error(refusal)
        account = self._http_account(request)
        if account is None:
            return "", HTMLResponse(
                "<html><body>unauthorised</body></html>", 401, {"www-authenticate": 'Basic realm="xapi"'}
            )
        if account.role not in HTTP_ROLES[permission]:
            return account.name, HTMLResponse("<html><body>forbidden</body></html>", 403)
        try:
            return account.name, await answer(request, account)
        except XapiFailure as failed:
            missing = {"NO_REPOSITORY_ENABLED", "INVALID_REPOMD_XML", "INVALID_UPDATEINFO_XML"}
            return account.name, _not_found() if failed.code in missing else _error(failed)
        except ConnectionAborted:
            return account.name, _gone()

    async def carry_out(self, request: Request, steps: Steps) -> Any:
        """Run steps for an HTTP page; they end with the coordinator's toolstack, as calls do."""
        process = self._world.kernel.spawn(steps)
        if not process.done:
            self._world.running[process] = self._machine.ref
            process.when_done(self._world.forget)
        return await self._held(lambda: _disconnect(request), process)

    async def _updates(self, request: Request) -> Response:
        return await self.page(request, "/updates", "http/get_updates", self._answer_updates)

    async def _answer_updates(self, request: Request, account: Account) -> Response:
        world = self._world
        refs = [ref for ref in request.query_params.get("host_refs", "").split(";") if ref]
        if any(ref not in world.db.tables["host"] for ref in refs):
            return HTMLResponse("<html><body>bad request</body></html>", 400)
        document = await self.carry_out(request, get_updates(world, world.unique(), refs or None))
        body = json.dumps(document).encode()
        return Response(body, headers={"content-type": "application/json", "connection": "close"})

    def _http_account(self, request: Request) -> Account | None:
        session = request.query_params.get("session_id") or request.cookies.get("session_id")
        if session:
            try:
                return self._api.sessions.account(session)
            except XapiFailure:
                return None
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            user, _, password = base64.b64decode(text, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return self._api.sessions.authenticate(user, password)

    # ------------------------------------------------------------------ the log

    def _user(self, params: list[Any]) -> str:
        row = self._world.db.tables["session"].get(str(params[0])) if params else None
        return str(row.fields["auth_user_name"]) if row is not None else ""

    def _note(self, at: datetime, user: str, method: str, params: list[Any], outcome: str) -> None:
        shown = _redacted(method, params)
        self._world.journal.calls.append(Call(at, user, self._machine.name, method, shown, outcome))


def _redacted(method: str, params: list[Any]) -> tuple[Any, ...]:
    """Parameters without session refs, passwords and tokens."""
    name = method.removeprefix("Async.")
    if "login" in name:
        return (*params[:1], *("<password>" for _ in params[1:2]), *params[2:])
    cls, _, message = name.partition(".")
    known = SURFACE.classes[cls].messages.get(message) if cls in SURFACE.classes else None
    names = [param.name for param in known.params] if known is not None else []
    shown: list[Any] = ["<session>"] if params else []
    for index, item in enumerate(params[1:]):
        secret = index < len(names) and names[index] in _SECRET_PARAMS and item
        shown.append("<secret>" if secret else wire.plain(item))
    return tuple(shown)


async def _disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _nap(seconds: float) -> Steps:
    yield seconds


def _broken(text: str) -> Response:
    return HTMLResponse(f"<html><body><h1>HTTP 500 internal server error</h1>{html.escape(text)}</body></html>", 500)


def _error(refusal: XapiFailure) -> Response:
    return _broken(f"{refusal.code}: [ {'; '.join(refusal.params)} ]")


def _not_found() -> Response:
    return Response(b"", 404)


def _gone() -> Response:
    return Response(b"", 503, {"connection": "close"})
