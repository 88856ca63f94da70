"""The Slack app: its manifest, the scopes it asks for, and why it asks.

The bot asks for as little as it can do with. It reads no channel history, receives no messages and creates no
channels; it posts where it was invited and answers its one command.
"""

from __future__ import annotations

from typing import Any

from bot.errors import XsbotError

#: Bot scope -> what it is needed for, as operators read it in docs/slack-app.md.
SCOPES: dict[str, str] = {
    "chat:write": "Post notices, cards, threads and the audit where it was invited, and edit its own messages.",
    "files:write": "Put the picture and the report of a finished rollout into its thread.",
    "channels:read": "See who is in the public channels that hold a role; needed only where one does.",
    "commands": "Offer the command /xs; buttons, forms and private answers come with it.",
    "files:read": "Fetch an update bundle that an administrator shares and names in /xs bundle; no other file.",
    "users:read": "See the language each person has set in Slack, so that private answers are in it; nothing else.",
    "usergroups:read": "See who is in the user groups that hold the roles (approvers, for instance).",
}

#: Scope of the app-level token, for Socket Mode.
APP_TOKEN_SCOPE = "connections:write"

#: Web API method -> the scope it needs; empty where Slack asks for none. Nothing else is called.
METHODS: dict[str, str] = {
    "apps.connections.open": APP_TOKEN_SCOPE,
    "auth.test": "",
    "chat.getPermalink": "",
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "conversations.members": "channels:read",
    "files.completeUploadExternal": "files:write",
    "files.getUploadURLExternal": "files:write",
    "files.info": "files:read",
    "usergroups.users.list": "usergroups:read",
    "users.info": "users:read",
    "views.open": "",
    "views.publish": "",
    "views.push": "",
    "views.update": "",
}

#: Event -> why we want to hear of it. None of them needs a scope.
EVENTS: dict[str, str] = {
    "app_home_opened": "Somebody opened the app's Home tab: draw it for them, and keep it up to date for a while.",
}

USAGE_HINT = (
    "help | pools [--digest] | updates POOL | plan POOL | update POOL | tasks POOL [run or reboot HOSTS] | sync POOL | "
    "channel POOL [early-access, normal or offline] | proxy POOL [set or remove] | "
    "schedule POOL [daily, weekly DAY or off] | bundle POOL FILE | windows [POOL] | "
    "freeze POOL [until WHEN because WHY, or off] | status | approve ID | reject ID | revoke ID | cancel ID | "
    "check ID | pause ID | resume ID | retry ID | proceed ID | skip ID HOST | amend ID | abort ID | restore POOL | "
    "history | audit | whoami"
)


def manifest(socket_mode: bool = True, request_url: str = "") -> dict[str, Any]:
    """The app manifest, ready to be pasted as JSON where Slack offers “From a manifest”.

    In Socket Mode it carries no address at all; otherwise Slack calls `request_url`. Raises `XsbotError` when that
    is not https.
    """
    if not socket_mode and not request_url.startswith("https://"):
        raise XsbotError("Without Socket Mode, Slack needs an https:// address to call.", "Give the request URL.")
    command: dict[str, Any] = {
        "command": "/xs",
        "description": "Update XenServer pools: see, request, approve, follow",
        "usage_hint": USAGE_HINT,
        "should_escape": False,
    }
    interactivity: dict[str, Any] = {"is_enabled": True}
    subscriptions: dict[str, Any] = {"bot_events": list(EVENTS)}
    if not socket_mode:
        command["url"] = request_url
        interactivity["request_url"] = request_url
        subscriptions["request_url"] = request_url
    return {
        "_metadata": {"major_version": 2, "minor_version": 1},
        "display_information": {
            "name": "xsbot",
            "description": "Keeps XenServer pools up to date: notice, approval, rolling update, audit trail.",
            "background_color": "#1f3a4d",
        },
        "features": {
            # It writes no direct messages, so there is no tab for them.
            "app_home": {"home_tab_enabled": True, "messages_tab_enabled": False},
            "bot_user": {"display_name": "xsbot", "always_online": True},
            "slash_commands": [command],
        },
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": {
            "event_subscriptions": subscriptions,
            "interactivity": interactivity,
            "org_deploy_enabled": False,
            "socket_mode_enabled": socket_mode,
            "token_rotation_enabled": False,
        },
    }
