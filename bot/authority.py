"""Who holds which role: the configuration names people, user groups and channels, Slack knows who is in them.

A group or channel is read at most once a minute. When Slack does not answer and the last answer is older than that,
nobody is taken to hold anything (`AuthorityUnknown`): a rollout must not start on the word of somebody who may have
left.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.errors import XsbotError
from bot.rollouts import Role
from bot.settings import EVERYBODY, Roles, Settings
from bot.time import Time

if TYPE_CHECKING:
    from bot.rollouts import Authority

#: How long an answer about a group's members is used.
FRESH = timedelta(seconds=60)
#: Members of a channel that Slack is asked for at a time.
_PAGE = 200


class AuthorityUnknown(XsbotError):
    """Slack did not say who is in a user group, so nobody's authority can be told."""


class SlackAuthority:
    """Roles from the configuration and from Slack's user groups."""

    def __init__(self, client: WebClient, settings: Settings, time: Time) -> None:
        self._client = client
        self._settings = settings
        self._time = time
        self._lock = threading.Lock()
        self._groups: dict[str, tuple[datetime, frozenset[str]]] = {}

    def roles_of(self, user_id: str, pool: str) -> frozenset[Role]:
        """The roles a person holds on the pool with that alias, now.

        Raises `AuthorityUnknown` when a group that would decide cannot be read, `SettingsError` for an unknown pool.
        """
        roles = self._settings.roles_for(pool)
        return frozenset(role for role in Role if self._holds(user_id, _entries(roles, role)))

    def holders(self, role: Role, pool: str) -> frozenset[str]:
        """Everybody who holds a role on the pool, by user id, now; "everybody" itself has no members to list.

        Raises `AuthorityUnknown` when a group cannot be read.
        """
        found: set[str] = set()
        for entry in _entries(self._settings.roles_for(pool), role):
            if _is_group(entry):
                found |= self._members(entry)
            elif entry != EVERYBODY:
                found.add(entry)
        return frozenset(found)

    def _holds(self, user_id: str, entries: tuple[str, ...]) -> bool:
        if EVERYBODY in entries or user_id in entries:
            return True
        return any(user_id in self._members(entry) for entry in entries if _is_group(entry))

    def _members(self, group: str) -> frozenset[str]:
        # The lock is held while Slack is asked: many clicks at once make one question, not one each.
        with self._lock:
            known = self._groups.get(group)
            if known is not None and self._time.now() - known[0] < FRESH:
                return known[1]
            members = self._ask(group)
            self._groups[group] = (self._time.now(), members)
            return members

    def _ask(self, group: str) -> frozenset[str]:
        try:
            if group.startswith("C"):
                return self._in_channel(group)
            answer = self._client.usergroups_users_list(usergroup=group)
        except SlackApiError as error:
            raise AuthorityUnknown(*explained(group, str(error.response.get("error", "")))) from error
        except (SlackClientError, OSError) as error:
            raise AuthorityUnknown(*explained(group, type(error).__name__)) from error
        users = answer.get("users")
        return frozenset(map(str, users)) if isinstance(users, list) else frozenset()

    def _in_channel(self, channel: str) -> frozenset[str]:
        found: set[str] = set()
        cursor = ""
        while True:
            answer = self._client.conversations_members(channel=channel, limit=_PAGE, cursor=cursor or None)
            members = answer.get("members")
            found.update(map(str, members) if isinstance(members, list) else ())
            following = answer.get("response_metadata") or {}
            cursor = str(following.get("next_cursor") or "")
            if not cursor:
                return frozenset(found)


def _is_group(entry: str) -> bool:
    return entry.startswith(("S", "C"))


def _entries(roles: Roles, role: Role) -> tuple[str, ...]:
    return {
        Role.VIEWER: roles.viewer,
        Role.REQUESTER: roles.requester,
        Role.APPROVER: roles.approver,
        Role.ADMIN: roles.admin,
        Role.EMERGENCY: roles.emergency,
    }[role]


def explained(group: str, code: str) -> tuple[str, str]:
    """What it means that Slack answered so about a user group or a channel, and what to do about it."""
    if group.startswith("C"):
        scope = "channels:read"
        sentence = f"Slack did not say who is in the channel {group} ({code}), so nobody's role can be told."
    else:
        scope = "usergroups:read"
        sentence = f"Slack did not say who is in the user group {group} ({code}), so nobody's role can be told."
    hint = {
        "plan_upgrade_required": "User groups need a paid plan. Name user ids in [roles] instead.",
        "missing_scope": f"The app lacks the scope {scope}. Add it, then reinstall the app.",
        "channel_not_found": "Correct the channel's id in [roles]; private channels cannot hold a role.",
        "no_such_subteam": "Correct the group's id in [roles].",
    }.get(code, "Nothing was decided. Try again in a minute.")
    return sentence, hint


if TYPE_CHECKING:

    def _fulfils(authority: SlackAuthority) -> Authority:
        return authority
