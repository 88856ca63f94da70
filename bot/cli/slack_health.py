"""What can be wrong between an installation and Slack, looked at in the order to mend it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import websocket
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.authority import explained
from bot.cli.examined import Examined, failed
from bot.errors import XsbotError
from bot.listening import slack_client
from bot.manifest import SCOPES
from bot.settings import EVERYBODY, Settings
from bot.settings.rules import is_group
from bot.time import RealTime

#: Slack refuses signatures that are five minutes off; long before that, times in the audit trail mislead.
_SKEW_S = 60.0
#: Real seconds for Slack to greet a new socket.
_HELLO_S = 10.0
_AWAY = (SlackClientError, OSError)
#: No message has this time stamp: Slack then says whether it knows the channel.
_NO_MESSAGE = "1000000000.000000"


def slack_health(settings: Settings, environ: Mapping[str, str], *, post: bool = False) -> Iterator[Examined]:
    """Tokens, scopes, clock, proxy, socket, channels, people and groups. `post`: a line into each channel."""
    try:
        settings.require_slack()
    except XsbotError as error:
        yield failed("Slack settings", error)
        return
    yield _proxy(settings, environ)
    client = slack_client(settings)
    try:
        answer = client.auth_test()
    except SlackApiError as error:
        code = _code(error)
        yield Examined("Slack bot token", False, f"Slack says {code}.", _remedy(code))
        return
    except _AWAY as error:
        remedy = "Look at the network; behind a proxy, set HTTPS_PROXY for the process."
        if client.proxy:
            remedy = f"The proxy {_shown(client.proxy)} has to let CONNECT to slack.com and wss-*.slack.com through."
        yield Examined("Slack", False, f"cannot be reached: {type(error).__name__}.", remedy)
        return
    yield Examined("Slack bot token", True, f"workspace {answer.get('team')}, bot {answer.get('user')}")
    headers = {name.lower(): value for name, value in (answer.headers or {}).items()}
    granted = {scope.strip() for scope in str(headers.get("x-oauth-scopes", "")).split(",")}
    missing = sorted(set(SCOPES) - granted)
    yield Examined(
        "Slack scopes",
        not missing,
        "all there" if not missing else f"missing: {', '.join(missing)}",
        "Add them under “OAuth & Permissions” and reinstall the app; `xsbot manifest` prints what is needed.",
    )
    yield from _clock(str(headers.get("date", "")), RealTime().now())
    if settings.slack.mode == "http":
        told = "Slack calls this bot; only Slack can try the signing secret: press any button, or type /xs help."
        yield Examined("Slack over HTTP", True, told)
    else:
        yield from _socket(settings, client)
    yield from _channels(settings, client, post)
    yield from _groups(settings, client, granted)
    if "users:read" in granted:
        yield from _people(settings, client)


def _proxy(settings: Settings, environ: Mapping[str, str]) -> Examined:
    """The proxy that the client for Slack takes from the environment; it does not look at NO_PROXY."""
    if settings.slack.base_url:
        return Examined("proxy", True, "none is used for a workspace on this machine")
    names = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")
    name = next((name for name in names if environ.get(name, "").strip()), "")
    if not name:
        return Examined("proxy", True, "none in the environment; Slack is reached directly")
    url, shown = environ[name].strip(), f"{name}={_shown(environ[name].strip())}"
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        return Examined("proxy", False, f"{shown} is no address", f"Write {name}=http://proxy.example.com:3128.")
    if "slack.com" in (environ.get("NO_PROXY") or environ.get("no_proxy") or ""):
        return Examined(
            "proxy",
            False,
            f"{shown} is used for Slack although NO_PROXY names slack.com: Slack's client does not look at NO_PROXY",
            f"To reach Slack directly, leave {name} out of the environment of xsbot; pools never use it.",
        )
    return Examined("proxy", True, f"{shown} is used for Slack, for pools never")


def _shown(url: str) -> str:
    """The proxy's address without its name and password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "") if parts.hostname else "…"


def _clock(said: str, now: datetime) -> Iterator[Examined]:
    """This machine's clock against the one that Slack's answer carries."""
    try:
        skew = (now - parsedate_to_datetime(said)).total_seconds()
    except ValueError:
        return  # An answer without a date tells nothing.
    how = "ahead of" if skew > 0 else "behind"
    yield Examined(
        "clock",
        abs(skew) <= _SKEW_S,
        "agrees with Slack's" if abs(skew) <= _SKEW_S else f"is {abs(skew):.0f} s {how} Slack's",
        "Have the machine's clock set by NTP: from five minutes on, what Slack signs is refused, and times mislead.",
    )


def _socket(settings: Settings, client: WebClient) -> Iterator[Examined]:
    try:
        opened = client.apps_connections_open(app_token=settings.slack.app_token.get_secret_value())
    except SlackApiError as error:
        code = _code(error)
        yield Examined("Slack app-level token", False, f"Slack says {code}.", _remedy(code))
        return
    except _AWAY as error:
        yield Examined("Slack app-level token", False, f"not checked: {type(error).__name__}.", "Look at the network.")
        return
    yield Examined("Slack app-level token", True, "Socket Mode opens")
    yield _greeted(str(opened["url"]), client.proxy)


def _greeted(url: str, proxy: str | None) -> Examined:
    """Opens the socket, waits for Slack's `hello`, and closes it. A running bot keeps its own."""
    what = "Slack socket"
    remedy = (
        "A firewall or proxy lets HTTPS through but no WebSocket: allow wss://wss-primary.slack.com and "
        "wss://wss-backup.slack.com."
    )
    way: dict[str, Any] = {"http_no_proxy": ["*"]}
    if proxy:
        parts = urlsplit(proxy)
        way = {"http_proxy_host": parts.hostname, "http_proxy_port": parts.port or 80, "proxy_type": "http"}
        if parts.username:
            way["http_proxy_auth"] = (parts.username, parts.password or "")
    try:
        connection = websocket.create_connection(url, timeout=_HELLO_S, **way)
    except (websocket.WebSocketException, OSError) as error:
        return Examined(what, False, f"cannot be opened: {type(error).__name__}.", remedy)
    try:
        greeting = json.loads(connection.recv())
    except (websocket.WebSocketException, OSError, ValueError) as error:
        return Examined(what, False, f"opens, but Slack's hello was not seen: {type(error).__name__}.", remedy)
    finally:
        connection.close()
    if greeting.get("type") != "hello":
        reason = str(greeting.get("reason", greeting.get("type", "nothing")))
        return Examined(what, False, f"Slack closed it: {reason}.", _remedy(reason))
    others = int(greeting.get("num_connections", 1)) - 1
    told = f"; {others} other socket(s) of this app are open" if others > 0 else ""
    return Examined(what, True, f"Slack says hello{told}")


def _channels(settings: Settings, client: WebClient, post: bool) -> Iterator[Examined]:
    """Every channel of the configuration: whether Slack knows it, or whether the bot may post there."""
    wanted = {settings.slack.audit_channel: "the audit"}
    for alias, pool in settings.pools.items():
        wanted.setdefault(pool.channel, f"pool {alias}")
    for name, digest in settings.digests.items():
        wanted.setdefault(digest.channel, f"digest {name}")
    for channel, whose in wanted.items():
        if channel:
            yield _posted(client, channel, whose) if post else _known(client, channel, whose)


def _posted(client: WebClient, channel: str, whose: str) -> Examined:
    what = f"channel {channel} ({whose})"
    try:
        client.chat_postMessage(channel=channel, text="xsbot doctor: this channel can be posted to.")
    except SlackApiError as error:
        code = _code(error)
        return Examined(what, False, f"Slack says {code}.", _remedy(code))
    except _AWAY as error:
        return Examined(what, False, f"not checked: {type(error).__name__}.", "Look at the network.")
    return Examined(what, True, "a line was posted")


def _known(client: WebClient, channel: str, whose: str) -> Examined:
    what = f"channel {channel} ({whose})"
    if channel.startswith("#"):
        return Examined(what, True, "is given by its name; `xsbot doctor --post` tells whether the bot is in it")
    try:
        client.chat_getPermalink(channel=channel, message_ts=_NO_MESSAGE)
    except SlackApiError as error:
        code = _code(error)
        if code != "message_not_found":
            return Examined(what, False, f"Slack says {code}.", _remedy(code))
    except _AWAY as error:
        return Examined(what, False, f"not checked: {type(error).__name__}.", "Look at the network.")
    return Examined(what, True, "exists; `xsbot doctor --post` tells whether the bot is in it")


def _entries(settings: Settings) -> list[str]:
    """Everybody whom the roles name, groups and people, each once."""
    roles = [settings.roles, *(pool.roles for pool in settings.pools.values() if pool.roles is not None)]
    named = [
        entry
        for role in roles
        for entry in (*role.viewer, *role.requester, *role.approver, *role.admin, *role.emergency)
    ]
    named += [entry for policy in settings.policies.values() for entry in policy.approver]
    return list(dict.fromkeys(entry for entry in named if entry != EVERYBODY))


def _groups(settings: Settings, client: WebClient, granted: Collection[str]) -> Iterator[Examined]:
    """User groups, and channels whose members hold a role, as far as the scopes let us look."""
    for group in _entries(settings):
        is_channel = group.startswith("C")
        if not is_group(group) or ("channels:read" if is_channel else "usergroups:read") not in granted:
            continue
        what = f"members of channel {group}" if is_channel else f"user group {group}"
        try:
            people: list[Any] = (
                client.conversations_members(channel=group, limit=200).get("members")
                if is_channel
                else client.usergroups_users_list(usergroup=group).get("users")
            ) or []
        except SlackApiError as error:
            yield Examined(what, False, *explained(group, _code(error)))
        except _AWAY as error:
            yield Examined(what, False, f"not checked: {type(error).__name__}.", "Look at the network.")
        else:
            yield Examined(what, bool(people), f"{len(people)} people", "Put somebody in, or name another group.")


def _people(settings: Settings, client: WebClient) -> Iterator[Examined]:
    for person in (entry for entry in _entries(settings) if not is_group(entry)):
        what = f"person {person}"
        try:
            user: dict[str, Any] = client.users_info(user=person).get("user") or {}
        except SlackApiError as error:
            yield Examined(what, False, f"Slack says {_code(error)}.", "Correct the member id in [roles].")
        except _AWAY as error:
            yield Examined(what, False, f"not checked: {type(error).__name__}.", "Look at the network.")
        else:
            gone = bool(user.get("deleted"))
            yield Examined(what, not gone, "left the workspace" if gone else str(user.get("name")), "Take the id out.")


def _code(error: SlackApiError) -> str:
    return str(error.response.get("error", ""))


def _remedy(code: str) -> str:
    return {
        "invalid_auth": "Copy the token again; it may have been revoked.",
        "token_revoked": "The token was revoked: install the app again and copy the new one.",
        "token_expired": "The app rotates its tokens: switch that off, as in the manifest, and reinstall.",
        "not_authed": "The token is empty.",
        "not_allowed_token_type": "The two tokens are swapped: xoxb-… is the bot token, xapp-… the app-level token.",
        "account_inactive": "The app was removed from the workspace; install it again.",
        "missing_scope": "Give the app-level token the scope connections:write.",
        "access_denied": "The workspace allows requests from some addresses only: add this machine's to its list.",
        "channel_not_found": "Correct the channel's id; a private channel is not found before `/invite @xsbot`.",
        "not_in_channel": "Type `/invite @xsbot` in that channel.",
        "is_archived": "The channel is archived: name another one.",
        "restricted_action": "The workspace lets only some people post there: allow the app, or name another channel.",
        "link_disabled": "Socket Mode is switched off for the app: switch it on under “Socket Mode”.",
        "too_many_websockets": "Ten sockets of this app are open already: end forgotten processes of xsbot.",
        "ratelimited": "Too many questions at once: wait a minute.",
    }.get(code, "Look the code up in Slack's documentation.")
