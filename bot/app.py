"""The composition root: every part is made here and handed to the others. Nothing happens at import.

`Service` is one whole installation in one process: Slack's listeners, the worker, the clock and the one sender of
messages. `create_app` is the part of it that Slack's Bolt knows.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import logging
import sys
import threading
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from functools import partial
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Self, TypeVar

from slack_bolt import App
from slack_bolt.adapter.socket_mode.websocket_client import SocketModeHandler
from slack_sdk.errors import SlackClientError
from sqlalchemy.engine import make_url
from websocket import WebSocketException

import commands
from bot.authority import SlackAuthority
from bot.clock import Clock
from bot.delivery import Delivery, Homes
from bot.delivery.refusal import UNKNOWN_TOKEN, code_of
from bot.listening import MeasuredApp, hang_up, slack_client
from bot.measures import Measures
from bot.messages.sentences import recorded
from bot.polling import Poller
from bot.readers import Readers
from bot.rollouts import Authority, Rollouts
from bot.settings import PoolSettings, Settings, SettingsError
from bot.time import RealTime, Time
from bot.web import Readiness, WebServer, figures
from bot.web.readiness import SlackAnswers
from bot.worker import engine_of
from bot.xen.address import PoolAddress
from bot.xen.gateway import Gateway
from commands.context import Context
from storage.database import Database
from storage.leadership import Leadership

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Seconds for everybody to leave after `stop`; who has not by then is a daemon thread and ends with the process.
_GOODBYE = 1.5
#: Real seconds between two tries to reach a Slack that was away when the process began.
_CONNECT_AGAIN_S = 5.0
#: Threads for what is not an answer to somebody: polls, reminders, the wish to know.
_BACKGROUND = 16
#: Answers that are worked out at the same time: enough to wait for Slack, few enough not to keep each other, and the
#: acknowledgements, from the one core that Python uses.
_ANSWERS = 6
#: Bundles that are on their way to pools at the same time; each takes up to two hours, others wait.
_UPLOADS = 4
#: Seconds that one thread may compute while others wait for their turn. Python's own five milliseconds add up: an
#: acknowledgement is handed from thread to thread several times.
_SWITCH_S = 0.001
#: Objects made before Python looks for cycles among them; its default is for small programs.
_COLLECT_AFTER = 20_000


def gateway_of(alias: str, pool: PoolSettings, time: Time, measures: Measures | None = None) -> Gateway:
    """The way to one configured pool; connects to nothing yet."""
    return Gateway(
        PoolAddress(
            urls=pool.urls,
            username=pool.username,
            password=pool.password.get_secret_value(),
            ca_file=str(pool.ca_file) if pool.ca_file is not None else None,
            fingerprints=pool.fingerprints,
            ignore_tls=pool.insecure_ignore_tls,
            sync_token=pool.sync_token.get_secret_value(),
            sync_token_id=pool.sync_token_id.get_secret_value(),
            timeout_s=float(pool.timeout_s),
        ),
        time=time,
        name=alias,
        observe=partial(measures.call, alias) if measures is not None else None,
    )


def gateways_of(settings: Settings, time: Time, measures: Measures | None = None) -> dict[str, Gateway]:
    """The way to every configured pool."""
    return {alias: gateway_of(alias, pool, time, measures) for alias, pool in settings.pools.items()}


class Part(Enum):
    """What a process of an installation may do; on SQLite one does it all."""

    WEB = "web"
    """Slack: listens, answers, and sends what waits in the outbox."""
    WORKER = "worker"
    """Drives rollouts."""
    CLOCK = "clock"
    """Everything that happens on a timer."""


EVERYTHING = frozenset(Part)


class Service:
    """One process of an installation, by default all of it.

    `start` begins, `stop` ends within two seconds; usable as a context manager. Processes of other parts, or of the
    same, share the database: rollouts through the engine, messages and timers by electing one that sees to them.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        time: Time | None = None,
        beat_s: float = 5.0,
        parts: Collection[Part] = EVERYTHING,
    ) -> None:
        settings.require_slack()
        self.settings = settings
        self.parts = frozenset(parts)
        self.time = time if time is not None else RealTime()
        self.database = Database.open(settings.database_url)
        self.database.require_upgraded()
        self.measures = Measures()
        self.measures.read_with(lambda: figures(self.database))
        self.gateways = gateways_of(settings, self.time, self.measures)
        self.client = slack_client(settings)
        self.authority: Authority = SlackAuthority(self.client, settings, self.time)
        self.background = ThreadPoolExecutor(_BACKGROUND, thread_name_prefix="background")
        self.answers = ThreadPoolExecutor(_ANSWERS, thread_name_prefix="answers")
        self.uploads = ThreadPoolExecutor(_UPLOADS, thread_name_prefix="uploads")
        self.rollouts = Rollouts(
            self.database,
            self.gateways,
            settings,
            self.time,
            self.authority,
            recorded,
            wake=lambda: self.engine.wake(),
            settle=lambda alias: self.engine.settle(alias),
            follow=self.background.submit,
            polled=lambda alias: self._poll_soon(alias),
        )
        self.engine = engine_of(self.rollouts, works=Part.WORKER in self.parts)
        self.timing, self.sending = Leadership(self.database, "timers"), Leadership(self.database, "messages")
        self.poller = Poller(self.rollouts)
        self.clock = Clock(self.rollouts, self.engine, self.poller, beat_s=beat_s, leads=self.timing.leads)
        # The sender has other channels to serve while one has to wait, and writes down how long that is.
        sender = slack_client(settings, patient=False)
        self.delivery = Delivery(self.database, sender, settings, self.time, leads=self.sending.leads)
        self.readers = Readers(self.client, settings, self.time)
        self.homes = Homes(self.rollouts, sender, leads=self.sending.leads, language=self.readers.language)
        self.app: App = MeasuredApp(self.measures, settings, self.client, self.readers)
        commands.register(
            self.app,
            Context(
                self.rollouts,
                self.authority,
                settings,
                self.time,
                self.readers,
                background=self.answers,
                uploads=self.uploads,
                homes=self.homes,
                deliver=self.delivery.soon,
            ),
        )
        self._socket: SocketModeHandler | None = None
        self._slack_answers = SlackAnswers(self.client)
        self.web: WebServer | None = None
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to work; with the part *web*, connect to Slack as well. While Slack is away everything else goes on.

        Raises `SettingsError` when the web port is taken, or when Slack answers that it does not know our tokens.
        """
        self._open_web()
        self.engine.start()
        if Part.WEB in self.parts:
            self.sending.start()
            self._thread("delivery", lambda: self.delivery.run(self._stop))
            self._thread("homes", lambda: self.homes.run(self._stop))
        if Part.CLOCK in self.parts:
            self.timing.start()
            self.clock.start()
        if Part.WEB in self.parts:
            try:
                connected = self._connect()
            except SettingsError:
                self.stop()
                raise
            if not connected:
                self._thread("connecting", self._connect_later)

    def _connect(self) -> bool:
        """Say hello to Slack; False while it does not answer. Raises `SettingsError` when it refuses our tokens."""
        what = "SLACK_BOT_TOKEN"
        try:
            self.client.auth_test()
            if self.settings.slack.mode == "socket":
                what = "SLACK_APP_TOKEN"
                if self._socket is None:
                    token = self.settings.slack.app_token.get_secret_value()
                    # Of the SDK's clients this one obeys NO_PROXY and notices a lost connection soonest.
                    self._socket = SocketModeHandler(self.app, token)
                self._socket.connect()  # type: ignore[no-untyped-call]
        except (SlackClientError, WebSocketException, OSError) as error:
            code = code_of(error)
            if code in UNKNOWN_TOKEN:
                raise SettingsError(f"Slack refuses {what}: {code}.", "`xsbot doctor` says what to do.") from error
            log.warning("Slack cannot be reached now, everything else goes on: %s", code)
            return False
        return True

    def _connect_later(self) -> None:
        while not self._stop.wait(_CONNECT_AGAIN_S):
            try:
                if self._connect():
                    return
            except SettingsError as error:
                log.error("%s %s", error.sentence, error.hint)

    def _poll_soon(self, alias: str) -> None:
        """Have a pool looked at: by the timers where they are ours, else here and now."""
        if not self.settings.shares_database:
            self.clock.poll_soon(alias)
        elif not self._stop.is_set():
            self.background.submit(self.poller.poll, alias)

    def stop(self) -> None:
        """Take no more effects, say goodbye to Slack, and leave every row as it is."""
        deadline = monotonic() + _GOODBYE
        self._stop.set()
        self.delivery.soon()
        self.engine.stop.set()
        if self.web is not None:
            self.web.stop(max(0.0, deadline - monotonic()))
        self.clock.shut_down()
        # Whoever waits for XAPI's answer is let go; the intent stays open, and the next process looks for the effect.
        for gateway in self.gateways.values():
            gateway.close()
        self.engine.shut_down(deadline)
        self._hang_up()
        for thread in self._threads:
            thread.join(timeout=max(0.0, deadline - monotonic()))
        self.timing.end()
        self.sending.end()
        for threads in (self.background, self.answers, self.uploads):
            threads.shutdown(wait=False, cancel_futures=True)
        self.app.listener_runner.listener_executor.shutdown(wait=False)
        self.database.close()

    def _hang_up(self) -> None:
        if self._socket is None:
            return
        client = self._socket.client
        # From here on a lost connection is what we want, not an error to be logged.
        client.logger = logging.getLogger(f"{__name__}.hung_up")
        client.logger.setLevel(logging.CRITICAL)
        hang_up(client)

    def connected(self) -> bool:
        """Whether Slack and we reach each other as it is, not as the log says.

        The state of the socket; over HTTP, where there is none, whether Slack answers us.
        """
        if self.settings.slack.mode == "http":
            return self._slack_answers()
        return self._socket is not None and bool(self._socket.client.is_connected())

    def _reaches_slack(self) -> bool:
        """A process without the part *web* has nothing to do with Slack, and is ready without it."""
        return Part.WEB not in self.parts or self.connected()

    def _open_web(self) -> None:
        if self.settings.web.port is None:
            return
        self.web = WebServer(
            self.settings.web.host,
            self.settings.web.port,
            measures=self.measures,
            readiness=Readiness(self.database, self.engine.lives, self._reaches_slack),
            slack=self.app if self.settings.slack.mode == "http" and Part.WEB in self.parts else None,
        )
        self.web.start()

    def _thread(self, name: str, work: object) -> None:
        thread = threading.Thread(target=work, name=name, daemon=True)  # type: ignore[arg-type]
        thread.start()
        self._threads.append(thread)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def tune_python() -> None:
    """For a process that does nothing else: let threads take shorter turns, and spare the collector of cycles what was
    imported and never goes away."""
    sys.setswitchinterval(_SWITCH_S)
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 20)


def create_app(settings: Settings) -> App:
    """The Bolt app of an installation, with every listener registered, not yet connected."""
    return Service(settings).app


@contextlib.contextmanager
def only_process(database_url: str) -> Iterator[None]:
    """Hold the lock beside a SQLite database: two processes on one would both drive its rollouts.

    Raises `SettingsError` when another process holds it.
    """
    url = make_url(database_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        yield
        return
    lock = Path(f"{url.database}.lock")
    with lock.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SettingsError(
                f"Another xsbot is running on {url.database}.", "Stop it first, or give this one its own database."
            ) from error
        yield
