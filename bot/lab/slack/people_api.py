"""`users.*`, `usergroups.*`, `conversations.*`: who is who and what is where."""

from __future__ import annotations

from collections.abc import Callable

from bot.lab.slack.directory import BOT_USER, SLACKBOT, TEAM_ID, Channel, Group, User
from bot.lab.slack.records import Json
from bot.lab.slack.refusal import Refused
from bot.lab.slack.workspace import Workspace


class People:
    """The reading methods about people and places. Called with the workspace's lock held."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def methods(self) -> dict[str, Callable[[Json], Json]]:
        """Method name to function."""
        return {
            "users.info": self._info,
            "users.list": lambda args: {"members": [_user(u) for u in self._workspace.users.values()], **_END},
            "usergroups.list": self._groups,
            "usergroups.users.list": lambda args: {"users": list(self._group(args).users)},
            "conversations.info": lambda args: {"channel": _channel(self._channel(args))},
            "conversations.list": self._channels,
            "conversations.members": lambda args: {"members": list(self._channel(args).members), **_END},
            "conversations.open": self._open,
        }

    def _info(self, args: Json) -> Json:
        user = self._user(args, "user")
        # Slack tells the locale to those who ask for it.
        asked = str(args.get("include_locale", "")).lower() in ("true", "1")
        return {"user": _user(user) | ({"locale": user.locale} if asked else {})}

    def _user(self, args: Json, key: str) -> User:
        user = self._workspace.users.get(str(args.get(key, "")))
        if user is None:
            raise Refused("user_not_found")
        return user

    def _group(self, args: Json) -> Group:
        group = self._workspace.groups.get(str(args.get("usergroup", "")))
        if group is None:
            raise Refused("no_such_subteam")
        return group

    def _channel(self, args: Json) -> Channel:
        # Unlike chat.*, these methods take ids only.
        channel = self._workspace.channels.get(str(args.get("channel", "")))
        if channel is None:
            raise Refused("channel_not_found")
        return channel

    def _groups(self, args: Json) -> Json:
        with_users = str(args.get("include_users", "")).lower() in ("true", "1")
        return {"usergroups": [_group(g, with_users) for g in self._workspace.groups.values()]}

    def _channels(self, args: Json) -> Json:
        kinds = str(args.get("types", "public_channel")).split(",")
        wanted = [c for c in self._workspace.channels.values() if ("im" if c.is_im else "public_channel") in kinds]
        return {"channels": [_channel(c) for c in wanted], **_END}

    def _open(self, args: Json) -> Json:
        users = [user for user in str(args.get("users", "")).split(",") if user]
        if not users:
            raise Refused("users_list_not_supplied")
        if users[0] in (BOT_USER, SLACKBOT) or len(users) > 1:
            raise Refused("cannot_dm_bot" if len(users) == 1 else "method_not_supported_for_channel_type")
        user = self._user({"user": users[0]}, "user")
        return {"channel": {"id": "D" + user.id[1:]}, "already_open": True}


_END: Json = {"response_metadata": {"next_cursor": ""}}


def _user(user: User) -> Json:
    return {
        "id": user.id,
        "team_id": TEAM_ID,
        "name": user.name,
        "deleted": False,
        "real_name": user.real_name,
        "tz": user.tz,
        "is_bot": user.is_bot,
        "is_app_user": False,
        "is_admin": user.title == "admin",
        "is_restricted": False,
        "profile": {
            "real_name": user.real_name,
            "display_name": user.name,
            "title": user.title,
            "team": TEAM_ID,
        },
    }


def _group(group: Group, with_users: bool) -> Json:
    body: Json = {
        "id": group.id,
        "team_id": TEAM_ID,
        "is_usergroup": True,
        "is_subteam": True,
        "name": group.name,
        "handle": group.handle,
        "date_delete": 0,
        "user_count": len(group.users),
    }
    return body | ({"users": list(group.users)} if with_users else {})


def _channel(channel: Channel) -> Json:
    if channel.is_im:
        return {"id": channel.id, "is_im": True, "user": channel.members[0], "is_open": True}
    return {
        "id": channel.id,
        "name": channel.name,
        "is_channel": True,
        "is_private": False,
        "is_archived": False,
        "is_member": BOT_USER in channel.members,
        "num_members": len(channel.members),
        "purpose": {"value": channel.purpose},
        "topic": {"value": ""},
    }
