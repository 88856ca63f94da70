"""`LabSlack`: the workspace as tests, demos and the command line use it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, TypeVar

from starlette.routing import BaseRoute

from bot.lab.slack.browser import page_routes
from bot.lab.slack.control import control_routes
from bot.lab.slack.conversation import Answer, Message, Modal, names_of
from bot.lab.slack.faults import Faults
from bot.lab.slack.interactions import Interactions
from bot.lab.slack.records import Json, Post, View
from bot.lab.slack.refusal import LabError
from bot.lab.slack.server import ADDRESS, Server, listen, slack_routes
from bot.lab.slack.socket_mode import SocketMode
from bot.lab.slack.web_api import WebApi, refuse_real_token
from bot.lab.slack.workspace import Workspace

T = TypeVar("T")


class LabSlack:
    """A local Slack workspace, served over HTTP and WebSocket and driven from Python.

    Users are named `alice`, `bob`, `carol`, `dave`, `erin`; channels `xs-updates`, `xs-audit`, `random`.
    """

    def __init__(
        self,
        port: int,
        extra_routes: Sequence[BaseRoute],
        rate_limits: bool,
        hints: Sequence[tuple[str, str]],
        bot_token: str | None,
        app_token: str | None,
    ) -> None:
        self.bot_token = bot_token or f"xoxb-lab-{secrets.token_hex(8)}"
        self.app_token = app_token or f"xapp-lab-{secrets.token_hex(8)}"
        for token in (self.bot_token, self.app_token):
            refuse_real_token(token)
        listener = listen(port)
        taken = listener.getsockname()[1]
        self.port: int = taken
        self.port_taken = port != 0 and taken != port
        self.url = f"http://{ADDRESS}:{taken}"
        self.api_url = f"{self.url}/api/"
        self.workspace = Workspace()
        self.faults = Faults()
        self.sockets = SocketMode(self.faults, self.workspace.touch)
        self.api = WebApi(
            self.workspace,
            base_url=self.url,
            bot_token=self.bot_token,
            app_token=self.app_token,
            faults=self.faults,
            open_connection=lambda: f"ws://{ADDRESS}:{taken}/link?ticket={self.sockets.new_ticket()}",
        )
        self.api.enforce_rate_limits = rate_limits
        self.interactions = Interactions(self.workspace, self.sockets, self.url)
        self.hints = list(hints)
        routes = [
            *slack_routes(self.api, self.sockets, self.faults),
            *control_routes(self),
            *page_routes(self),
            *extra_routes,
        ]
        self.server = Server(listener, routes)

    @classmethod
    def start(
        cls,
        port: int = 0,
        extra_routes: Sequence[BaseRoute] = (),
        rate_limits: bool = False,
        hints: Sequence[tuple[str, str]] = (),
        bot_token: str | None = None,
        app_token: str | None = None,
    ) -> LabSlack:
        """Start serving on 127.0.0.1. `port` 0 takes any; a taken one is replaced and `port_taken` says so.

        `extra_routes` are served by the same server; `hints` are the
        `(usage, what it does)` pairs the page offers while somebody types. Raises `LabError` for tokens that
        look real.
        """
        slack = cls(port, extra_routes, rate_limits, hints, bot_token, app_token)
        slack.server.start(slack.sockets.bind)
        return slack

    def stop(self) -> None:
        """Stop serving; idempotent."""
        self.sockets.close_all()
        self.server.stop()

    def __enter__(self) -> LabSlack:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # --- what people do -------------------------------------------------------------------------------------

    def say(
        self, text: str, as_: str = "alice", channel: str = "xs-updates", thread: Message | str | None = None
    ) -> Answer:
        """Type a line; a slash command is sent to the app. Waits for the acknowledgement."""
        user, place = self.workspace.person(as_), self.workspace.place(channel)
        return Answer(self.workspace, self.interactions.say(user, place, text, _ts(thread)))

    def share(self, name: str, content: bytes, as_: str = "alice", channel: str = "xs-updates") -> str:
        """Share a file in a channel; its id."""
        return self.api.files.share(self.workspace.person(as_).id, self.workspace.place(channel).id, name, content)

    def click(
        self, name: str, as_: str = "alice", message: Message | Modal | None = None, confirm: bool = True
    ) -> Answer:
        """Press the button (or choose the overflow option) called `name`: its text or its action id.

        Without `message` it is the newest thing the user sees that has it: the open modal, then messages, then
        Home. `confirm=False` cancels the confirm dialog. Raises `LabError` naming the buttons there are.
        """
        user = self.workspace.person(as_)
        where, field, option = self.interactions.find_clickable(user, name, self._where(message))
        given = option["value"] if option else None
        return Answer(self.workspace, self.interactions.act(user, where, field, given, confirm=confirm))

    def select(
        self,
        name: str,
        option: str | list[str],
        as_: str = "alice",
        message: Message | Modal | None = None,
        confirm: bool = True,
    ) -> Answer:
        """Choose in a select, radio or checkbox element called `name` (label, placeholder, action or block id)."""
        user = self.workspace.person(as_)
        where, field = self.interactions.find_field(user, name, self._where(message))
        return Answer(self.workspace, self.interactions.act(user, where, field, option, confirm=confirm))

    def modal(self, as_: str = "alice", wait: float = 2.0) -> Modal | None:
        """The modal on top of that user's screen, waiting up to `wait` seconds for one; None when there is none.

        Apps acknowledge before they open a modal, hence the wait; `wait=0` looks once.
        """
        user = self.workspace.person(as_).id
        end = time.monotonic() + wait
        while (view := self.workspace.top_view(user)) is None and time.monotonic() < end:
            self.workspace.wait_change(self.workspace.version, min(0.05, end - time.monotonic()))
        return Modal(self.workspace, self.interactions, view) if view is not None else None

    def home(self, user: str, wait: float = 2.0) -> Message | None:
        """Open the app's Home tab as that user and look at it; None when the app published nothing."""
        person = self.workspace.person(user)
        old = self.workspace.homes.get(person.id)
        self.interactions.open_home(person)
        end = time.monotonic() + wait
        while (view := self.workspace.homes.get(person.id)) is old and time.monotonic() < end:
            self.workspace.wait_change(self.workspace.version, min(0.05, end - time.monotonic()))
        if view is None:
            return None
        return Message(Post(view.id, "", view.user, "", view.blocks), names_of(self.workspace))

    # --- what is there --------------------------------------------------------------------------------------

    def messages(self, channel: str = "xs-updates") -> list[Message]:
        """The channel as everybody sees it, oldest first: no ephemerals, thread replies only when broadcast."""
        place = self.workspace.place(channel)
        posts = self.workspace.visible(place.id)
        return self._read([p for p in posts if p.thread_ts in (None, p.ts) or p.broadcast])

    def thread(self, message: Message | str, channel: str = "xs-updates") -> list[Message]:
        """The replies under a message, oldest first, without the message itself."""
        place = message.channel if isinstance(message, Message) else self.workspace.place(channel).id
        ts = _ts(message)
        return self._read([p for p in self.workspace.visible(place) if p.thread_ts == ts and p.ts != ts])

    def ephemerals(self, user: str) -> list[Message]:
        """Everything that only this user sees, oldest first, in all channels."""
        id_ = self.workspace.person(user).id
        with self.workspace.lock:
            found = [p for posts in self.workspace.posts.values() for p in posts.values()]
        return self._read(sorted((p for p in found if p.visible_to == id_), key=lambda p: p.ts))

    @property
    def api_calls(self) -> list[tuple[str, Json]]:
        """Every call of the Web API so far, `(method, arguments)`, without tokens."""
        return self.api.calls

    @property
    def acks(self) -> list[float]:
        """Milliseconds to each acknowledgement so far."""
        return self.sockets.acks

    @property
    def scopes(self) -> set[str]:
        """The bot token's scopes; take one out to see `missing_scope`."""
        return self.api.scopes

    @property
    def enforce_rate_limits(self) -> bool:
        """Whether Slack's rate limits are enforced (HTTP 429)."""
        return self.api.enforce_rate_limits

    @enforce_rate_limits.setter
    def enforce_rate_limits(self, on: bool) -> None:
        self.api.enforce_rate_limits = on

    def wait_for(self, condition: Callable[[], T], timeout: float = 10) -> T:
        """Wait until `condition()` is true and return what it gave; raises `LabError` after `timeout` seconds."""
        end = time.monotonic() + timeout
        while True:
            seen = self.workspace.version
            value = condition()
            if value:
                return value
            left = end - time.monotonic()
            if left <= 0:
                raise LabError(f"Waited {timeout} s in vain.", f"Last messages:\n{self._tail()}")
            self.workspace.wait_change(seen, min(0.05, left))

    def wait_connected(self, timeout: float = 10) -> None:
        """Wait until the app holds a socket."""
        self.wait_for(lambda: self.sockets.connections > 0, timeout)

    # --- what can be changed --------------------------------------------------------------------------------

    def add_to_group(self, group: str, user: str) -> None:
        """Make a person member of a user group."""
        self.workspace.set_group(group, user, member=True)

    def remove_from_group(self, group: str, user: str) -> None:
        """Take a person out of a user group."""
        self.workspace.set_group(group, user, member=False)

    def set_locale(self, locale: str, *people: str) -> None:
        """Set the language of these people's Slack, of everybody's when none is named: ``pt-BR``, for instance."""
        self.workspace.set_locale(locale, people)

    def fault(self, name: str, method: str | None = None, times: int | None = None, seconds: float = 1.0) -> None:
        """Let something go wrong (`faults.FAULTS`), `times` times (default: once; an outage until cleared)."""
        if name == "disconnect":
            self.sockets.refresh()
        elif name == "disconnect_abrupt":
            self.sockets.close_all()
        elif name == "outage":
            self.faults.add(name, None, None, seconds)
            self.sockets.close_all()
        else:
            self.faults.add(name, method, 1 if times is None else times, seconds)

    def clear_faults(self) -> None:
        """Switch all faults off."""
        self.faults.clear()

    def reset(self) -> None:
        """Empty the workspace: messages, views, groups as at the start. Sockets stay."""
        self.workspace.reset()

    # --- parts ----------------------------------------------------------------------------------------------

    def _read(self, posts: list[Post]) -> list[Message]:
        names = names_of(self.workspace)
        return [Message(post, names) for post in posts]

    def _where(self, message: Message | Modal | None) -> Post | View | None:
        if isinstance(message, Modal):
            return message.view
        if message is None:
            return None
        home = next((v for v in self.workspace.homes.values() if v.id == message.ts), None)
        return home or self.workspace.find(message.channel, message.ts) or message.post

    def _tail(self) -> str:
        with self.workspace.lock:
            posts: list[Any] = sorted(
                (p for posts in self.workspace.posts.values() for p in posts.values()), key=lambda p: p.ts
            )[-8:]
        return "\n".join(f"[{m.channel}] {m.user}: {m.plain[:300]}" for m in self._read(posts))


def _ts(message: Message | str | None) -> str | None:
    return message.ts if isinstance(message, Message) else message
