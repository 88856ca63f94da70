"""The Web API: tokens, scopes, rate limits, faults, and which method answers.

One `WebApi.call` is one HTTP request to /api/<method>, already decoded. It never blocks: it runs on the event loop.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from bot.lab.slack.directory import APP_ID, BOT_ID, BOT_USER, TEAM_DOMAIN, TEAM_ID
from bot.lab.slack.faults import Faults, RateLimits
from bot.lab.slack.files_api import Files
from bot.lab.slack.messages_api import Messages
from bot.lab.slack.people_api import People
from bot.lab.slack.records import Json
from bot.lab.slack.refusal import LabError, Refused
from bot.lab.slack.views_api import Views
from bot.lab.slack.workspace import Workspace

Method = Callable[[Json], Json]

_REAL_TOKEN = re.compile(r"xox[abeprs]-\d+-|xapp-\d-A[0-9A-Z]+-\d+-|xoxe\.")

SCOPES: Mapping[str, str] = {
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "chat.delete": "chat:write",
    "chat.postEphemeral": "chat:write",
    "usergroups.list": "usergroups:read",
    "usergroups.users.list": "usergroups:read",
    "users.info": "users:read",
    "users.list": "users:read",
    "conversations.info": "channels:read",
    "conversations.list": "channels:read",
    "conversations.members": "channels:read",
    "conversations.open": "im:write",
    "files.info": "files:read",
    "files.getUploadURLExternal": "files:write",
    "files.completeUploadExternal": "files:write",
    "pins.add": "pins:write",
    "reactions.add": "reactions:write",
}
"""The bot scope that each method needs; methods that are not here need none."""

ALL_SCOPES = tuple(sorted({*SCOPES.values(), "commands"}))


def refuse_real_token(token: str) -> None:
    """Raise `LabError` for something that could be a token of a real workspace."""
    if _REAL_TOKEN.match(token):
        raise LabError(
            "This looks like the token of a real Slack workspace, and this is the lab.",
            "Take it out of the environment or the configuration; the lab makes its own tokens.",
        )


class WebApi:
    """All methods of the lab's Slack."""

    def __init__(
        self,
        workspace: Workspace,
        *,
        base_url: str,
        bot_token: str,
        app_token: str,
        faults: Faults,
        open_connection: Callable[[], str],
    ) -> None:
        self.calls: list[tuple[str, Json]] = []
        self.scopes: set[str] = set(ALL_SCOPES)
        self.rate_limits = RateLimits()
        self.enforce_rate_limits = False
        self.files = Files(workspace, base_url)
        self._workspace = workspace
        self._base_url = base_url
        self._bot_token = bot_token
        self._app_token = app_token
        self._faults = faults
        self._open_connection = open_connection
        self._lock = threading.Lock()
        self._methods: dict[str, Method] = {
            "auth.test": self._auth_test,
            "api.test": lambda args: {"args": args},
            **Messages(workspace, base_url).methods(),
            **Views(workspace).methods(),
            **People(workspace).methods(),
            **self.files.methods(),
        }

    @property
    def methods(self) -> tuple[str, ...]:
        """The names of all methods, sorted."""
        return tuple(sorted([*self._methods, "apps.connections.open"]))

    def call(self, method: str, token: str | None, args: Json) -> Json:
        """Answer one call; raises `Refused`. Every call is recorded, a refused one too, without its token."""
        args = {key: value for key, value in args.items() if key != "token"}
        with self._lock:
            self.calls.append((method, args))
        if method != "apps.connections.open" and method not in self._methods:
            raise Refused("unknown_method")
        self._authorise(method, token)
        self._faults.refuse(method)
        if self.enforce_rate_limits:
            wait = self.rate_limits.take(method, str(args.get("channel", "")))
            if wait is not None:
                raise Refused("ratelimited", retry_after=wait)
        if method == "apps.connections.open":
            return {"ok": True, "url": self._open_connection()}
        needed = SCOPES.get(method)
        if needed is not None and needed not in self.scopes:
            raise Refused("missing_scope", fields={"needed": needed, "provided": ",".join(sorted(self.scopes))})
        with self._workspace.lock:
            return {"ok": True, **self._methods[method](args)}

    def _authorise(self, method: str, token: str | None) -> None:
        if not token:
            raise Refused("not_authed")
        try:
            refuse_real_token(token)
        except LabError as error:
            raise Refused("invalid_auth", [f"[ERROR] {error}"]) from error
        wanted = self._app_token if method == "apps.connections.open" else self._bot_token
        if token != wanted:
            swapped = token in (self._app_token, self._bot_token)
            raise Refused("not_allowed_token_type" if swapped else "invalid_auth")

    def _auth_test(self, args: Json) -> Json:
        del args
        return {
            "url": f"{self._base_url}/",
            "team": "Rehearsal lab",
            "team_id": TEAM_ID,
            "user": "xsbot",
            "user_id": BOT_USER,
            "bot_id": BOT_ID,
            "app_id": APP_ID,
            "domain": TEAM_DOMAIN,
            "is_enterprise_install": False,
        }

    # --- response_url ---------------------------------------------------------------------------------------

    def respond(self, secret: str, body: Json) -> None:
        """One post to a response address. Raises `Refused` (`used_url`, `expired_url`, or a size)."""
        with self._workspace.lock:
            Messages(self._workspace, self._base_url).respond(secret, body)


def decode(content_type: str, body: bytes, query: Mapping[str, str]) -> Json:
    """The arguments of a call from its query and its JSON or form body; nested JSON in a form is unpacked."""
    args: Json = dict(query)
    if content_type.startswith("application/json"):
        try:
            given: Any = json.loads(body or b"{}")
        except ValueError as error:
            raise Refused("invalid_json") from error
        if not isinstance(given, dict):
            raise Refused("json_not_object")
        args |= given
    elif body:
        args |= dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    for key in ("blocks", "view", "files", "metadata", "attachments"):
        if isinstance(args.get(key), str):
            try:
                args[key] = json.loads(args[key])
            except ValueError as error:
                code = "invalid_blocks_format" if key == "blocks" else "invalid_arguments"
                raise Refused(code) from error
    return args
