"""Who and what exists in the lab's workspace: people, user groups, channels, the bot.

The cast is chosen for a rehearsal of approvals: one person who asks, two who approve, one who may do nothing and
one administrator. Ids are readable on purpose; real ones are opaque, and nobody may take meaning from them.
"""

from __future__ import annotations

from dataclasses import dataclass

TEAM_ID = "T0LAB"
TEAM_DOMAIN = "lab"
APP_ID = "A0XSBOT"
BOT_ID = "B0XSBOT"
BOT_USER = "U0XSBOT"
SLACKBOT = "USLACKBOT"


@dataclass(frozen=True, slots=True)
class User:
    """A member of the workspace; `title` is what the page shows beside the name."""

    id: str
    name: str
    real_name: str
    title: str
    is_bot: bool = False
    tz: str = "Europe/London"
    locale: str = "en-GB"


@dataclass(frozen=True, slots=True)
class Channel:
    """A public channel or a direct message (`is_im`) with its members by user id."""

    id: str
    name: str
    purpose: str
    members: tuple[str, ...]
    is_im: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """A user group: `handle` is what people type after the @."""

    id: str
    handle: str
    name: str
    users: tuple[str, ...]


PEOPLE = (
    User("U0ALICE", "alice", "Alice Archer", "requester"),
    User("U0BOB", "bob", "Bob Brewer", "approver"),
    User("U0CAROL", "carol", "Carol Cooper", "approver"),
    User("U0DAVE", "dave", "Dave Dyer", "outsider"),
    User("U0ERIN", "erin", "Erin Ellis", "admin"),
)
MACHINES = (
    User(BOT_USER, "xsbot", "xsbot", "app", is_bot=True),
    User(SLACKBOT, "slackbot", "Slackbot", "Slack", is_bot=False),
)
EVERYBODY = tuple(person.id for person in PEOPLE)

CHANNELS = (
    Channel("C0UPDATES", "xs-updates", "Pool updates: notices, requests, progress", (*EVERYBODY, BOT_USER)),
    Channel("C0AUDIT", "xs-audit", "Who did what, one line each", (*EVERYBODY, BOT_USER)),
    Channel("C0RANDOM", "random", "Everything else; the bot is not here", EVERYBODY),
)

GROUPS = (
    Group("S0REQUESTERS", "xs-requesters", "Pool update requesters", ("U0ALICE", "U0BOB", "U0CAROL")),
    Group("S0APPROVERS", "xs-approvers", "Pool update approvers", ("U0BOB", "U0CAROL")),
    Group("S0ADMINS", "xs-admins", "Pool administrators", ("U0ERIN",)),
)


def direct_message(user: User) -> Channel:
    """The conversation between the bot and one person."""
    return Channel("D" + user.id[1:], user.name, "", (user.id, BOT_USER), is_im=True)
