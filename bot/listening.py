"""How we listen to Slack: Bolt's app, whose acknowledgements are measured, and the end of its connection."""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from time import monotonic
from typing import Any, TypeVar

from slack_bolt import App, BoltRequest, BoltResponse
from slack_sdk import WebClient
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler
from slack_sdk.socket_mode.websocket_client import SocketModeClient
from websocket import WebSocketException

from bot.measures import Measures
from bot.messages.language import speaking
from bot.readers import Readers
from bot.settings import Settings

T = TypeVar("T")

#: Bolt's own pool has five threads; five slow listeners would leave the sixth command without an answer.
_LISTENERS = 16
#: Seconds in which a listener that only acknowledges and hands the rest on is done.
_AT_ONCE = 0.005


def slack_client(settings: Settings, *, patient: bool = True) -> WebClient:
    """The client for Slack's Web API; `patient`, it waits when Slack says how long."""
    token = settings.slack.bot_token.get_secret_value()
    if not settings.slack.base_url:
        client = WebClient(token)
    else:
        # A workspace on this machine is never behind the proxy that the environment names for the rest of the world.
        client = WebClient(token, base_url=settings.slack.base_url)
        client.proxy = None
    if patient:
        client.retry_handlers.append(RateLimitErrorRetryHandler(max_retry_count=2))
    return client


def _quiet_bolt() -> logging.Logger:
    """Bolt tells at every start that it has two tokens (the environment's and the client's); they are the same."""
    logger = logging.getLogger("slack_bolt.xsbot")
    logger.setLevel(logging.ERROR)
    return logger


class _Prompt(ThreadPoolExecutor):
    """Bolt's listeners. Bolt hands one over, looks whether it has acknowledged, and sleeps ten milliseconds before it
    looks again; ours acknowledge first of all, so waiting for that moment here spares the sleep."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        # The language is spoken in the listener's thread too.
        future = super().submit(copy_context().run, fn, *args, **kwargs)
        wait([future], timeout=_AT_ONCE)
        return future


def _person(body: Mapping[str, Any]) -> str:
    """Who typed or clicked, "" where nobody did."""
    user = body.get("user")
    return str(body.get("user_id") or (user.get("id", "") if isinstance(user, Mapping) else ""))


class MeasuredApp(App):
    """Bolt's app, with the time to each acknowledgement measured, and each reader spoken to in their language."""

    def __init__(self, measures: Measures, settings: Settings, client: WebClient, readers: Readers) -> None:
        super().__init__(
            client=client,
            # Nobody must reach Slack to begin: rollouts go on while it is down. See `Service._connect`.
            token_verification_enabled=False,
            # Asked for over HTTP only: what comes over the socket was let in by the app token.
            signing_secret=settings.slack.signing_secret.get_secret_value(),
            listener_executor=_Prompt(_LISTENERS, thread_name_prefix="listener"),
            raise_error_for_unhandled_request=False,
            logger=_quiet_bolt(),
        )
        self._measures = measures
        self._readers = readers

    def dispatch(self, req: BoltRequest) -> BoltResponse:
        """Bolt returns as soon as the listener has acknowledged."""
        began = monotonic()
        try:
            with speaking(self._readers.known(_person(req.body))):
                return super().dispatch(req)
        finally:
            self._measures.ack(monotonic() - began)


def hang_up(client: SocketModeClient) -> None:
    """End a Socket Mode connection and its threads at once; may be repeated.

    The SDK's own `close` first waits three seconds for a good-bye that its reading thread has taken, and that thread
    looks up every ten seconds only. Here the socket is shut so that the reader wakes, and each wait is bounded.
    """
    client.closed = True
    client.auto_reconnect_enabled = client.default_auto_reconnect_enabled = False
    runners = (client.current_session_runner, client.current_app_monitor, client.message_processor)
    for runner in runners:
        runner.event.set()
    client.enqueue_message("")  # The queue's reader would wait a second for the next message.
    session = client.current_session
    connection = session.sock if session is not None else None
    if session is not None and connection is not None and connection.sock is not None:
        session.keep_running = False
        # A connection that is gone already needs no good-bye.
        with contextlib.suppress(OSError, WebSocketException):
            connection.send_close()
            connection.sock.shutdown(socket.SHUT_RDWR)
    for runner in runners:
        if runner.thread is not None and runner.thread.is_alive():
            runner.thread.join(timeout=1.0)
    if connection is not None:
        connection.shutdown()  # type: ignore[no-untyped-call]
    client.message_workers.shutdown(wait=False, cancel_futures=True)
