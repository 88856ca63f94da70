"""Socket Mode: tickets, sockets, envelopes and their acknowledgements.

An app may hold up to ten sockets; each payload goes to one of them. An envelope that is not acknowledged within
three seconds of real time is lost for the app (the user is told), except for events, which are sent once more.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.websockets import WebSocket, WebSocketDisconnect

from bot.lab.slack.directory import APP_ID
from bot.lab.slack.faults import Faults
from bot.lab.slack.records import Json

ACK_SECONDS = 3.0
MAX_SOCKETS = 10
DRAIN_SECONDS = 10.0


@dataclass(slots=True)
class _Link:
    socket: WebSocket
    # Asked to reconnect: gets no new payloads, so that none is lost in the change-over.
    draining: bool = False
    # None ends the link.
    outbox: asyncio.Queue[str | None] = field(default_factory=asyncio.Queue)


@dataclass(slots=True)
class _Pending:
    started: float
    done: threading.Event = field(default_factory=threading.Event)
    ms: float | None = None
    payload: Json | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of an envelope. `error` is Slack's word for a failure, else None."""

    ms: float | None
    payload: Json | None
    error: str | None = None


class SocketMode:
    """The server's end of all the app's sockets."""

    def __init__(self, faults: Faults, on_change: Callable[[], None]) -> None:
        self.acks: list[float] = []
        self._faults = faults
        self._on_change = on_change
        self._tickets: set[str] = set()
        self._links: list[_Link] = []
        self._turn = 0
        self._pending: dict[str, _Pending] = {}
        self._lock = threading.Lock()
        self._arrived = threading.Condition(self._lock)
        self._loop: asyncio.AbstractEventLoop | None = None

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """The event loop that owns the sockets."""
        self._loop = loop

    def new_ticket(self) -> str:
        """A single-use right to connect."""
        ticket = secrets.token_urlsafe(16)
        self._tickets.add(ticket)
        return ticket

    @property
    def connections(self) -> int:
        """How many sockets take payloads."""
        with self._lock:
            return len(self._ready())

    def _ready(self) -> list[_Link]:
        return [link for link in self._links if not link.draining]

    # --- a socket -------------------------------------------------------------------------------------------

    async def serve(self, socket: WebSocket) -> None:
        """One socket from upgrade to close."""
        ticket = socket.query_params.get("ticket", "")
        if ticket not in self._tickets or self._faults.active("outage"):
            await socket.close(code=1008)
            return
        self._tickets.discard(ticket)
        await socket.accept()
        link = _Link(socket)
        with self._lock:
            full = len(self._links) >= MAX_SOCKETS
            if not full:
                self._links.append(link)
                self._arrived.notify_all()
            number = len(self._links)
        if full:
            await socket.send_text(json.dumps({"type": "disconnect", "reason": "too_many_websockets"}))
            await socket.close()
            return
        if self._faults.take("no_hello", "") is None:
            await socket.send_text(json.dumps(_hello(number)))
        self._close_draining()
        self._on_change()
        sender = asyncio.create_task(self._send(link))
        receiver = asyncio.create_task(self._receive(link))
        try:
            await asyncio.wait({sender, receiver}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            with self._lock:
                self._links.remove(link)
                self._arrived.notify_all()
            for task in (sender, receiver):
                task.cancel()
            await asyncio.gather(sender, receiver, return_exceptions=True)
            self._on_change()

    async def _send(self, link: _Link) -> None:
        while (text := await link.outbox.get()) is not None:
            await link.socket.send_text(text)
            if link.draining:
                # For an app that neither reconnects nor closes.
                asyncio.get_running_loop().call_later(DRAIN_SECONDS, link.outbox.put_nowait, None)
        await link.socket.close(code=1000)

    async def _receive(self, link: _Link) -> None:
        try:
            while True:
                self._acknowledge(await link.socket.receive_text())
        except WebSocketDisconnect:
            return

    def _acknowledge(self, text: str) -> None:
        try:
            message = json.loads(text)
            pending = self._pending.get(message["envelope_id"])
        except (ValueError, KeyError, TypeError):
            # Slack ignores what is not an acknowledgement; some clients send keep-alive texts.
            return
        if pending is None or pending.done.is_set():
            return
        pending.ms = (time.monotonic() - pending.started) * 1000
        pending.payload = message.get("payload")
        self.acks.append(pending.ms)
        pending.done.set()

    # --- to the app -----------------------------------------------------------------------------------------

    def deliver(self, kind: str, payload: Json, *, accepts_payload: bool = True) -> Delivery:
        """Send one envelope and wait for its acknowledgement; blocks the calling thread up to 3 s."""
        envelope_id = secrets.token_hex(16)
        envelope: Json = {
            "envelope_id": envelope_id,
            "type": kind,
            "payload": payload,
            "accepts_response_payload": accepts_payload,
        }
        if kind == "events_api":
            envelope |= {"retry_attempt": 0, "retry_reason": ""}
        delivery = self._deliver_once(envelope)
        if delivery.error == "operation_timeout" and kind == "events_api":
            delivery = self._deliver_once(envelope | {"retry_attempt": 1, "retry_reason": "timeout"})
        return delivery

    def _deliver_once(self, envelope: Json) -> Delivery:
        pending = _Pending(time.monotonic())
        with self._lock:
            # Only a change-over is waited for; with no socket at all the user is told at once.
            self._arrived.wait_for(lambda: self._ready() or not self._links, timeout=ACK_SECONDS)
            ready = self._ready()
            if not ready:
                return Delivery(None, None, "dispatch_failed")
            self._turn += 1
            link = ready[self._turn % len(ready)]
            self._pending[envelope["envelope_id"]] = pending
        self._put(link, json.dumps(envelope))
        arrived = pending.done.wait(ACK_SECONDS)
        with self._lock:
            self._pending.pop(envelope["envelope_id"], None)
        if not arrived:
            return Delivery(None, None, "operation_timeout")
        return Delivery(pending.ms, pending.payload)

    def refresh(self) -> None:
        """Ask the app to reconnect, as Slack does every few hours: a warning, then a close."""
        warning = json.dumps({"type": "disconnect", "reason": "refresh_requested", "debug_info": {}})
        with self._lock:
            links = self._ready()
            for link in links:
                link.draining = True
        for link in links:
            self._put(link, warning)

    def close_all(self) -> None:
        """Close every socket without a word."""
        with self._lock:
            links = list(self._links)
        for link in links:
            self._put(link, None)

    def _close_draining(self) -> None:
        # A successor is there. Some clients (the built-in one) read from it only once the old socket is closed.
        with self._lock:
            old = [link for link in self._links if link.draining]
        for link in old:
            self._put(link, None)

    def _put(self, link: _Link, text: str | None) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(link.outbox.put_nowait, text)


def _hello(number: int) -> Json:
    return {
        "type": "hello",
        "num_connections": number,
        "debug_info": {"host": "lab", "build_number": 1, "approximate_connection_time": 18060},
        "connection_info": {"app_id": APP_ID},
    }
