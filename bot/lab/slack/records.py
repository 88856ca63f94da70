"""What the workspace keeps: messages, views, triggers, response addresses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bot.lab.slack.directory import APP_ID, BOT_ID, BOT_USER, TEAM_ID

Json = dict[str, Any]
"""An object as it travels over the wire."""


@dataclass(frozen=True, slots=True)
class Post:
    """A stored message. `visible_to` is the one user who sees an ephemeral message, else None."""

    ts: str
    channel: str
    user: str
    text: str
    blocks: list[Json]
    thread_ts: str | None = None
    visible_to: str | None = None
    edited: bool = False
    broadcast: bool = False
    pinned: bool = False
    reactions: tuple[str, ...] = ()
    files: tuple[Json, ...] = ()

    @property
    def ephemeral(self) -> bool:
        return self.visible_to is not None

    def wire(self) -> Json:
        """The message as Slack writes it in answers and payloads."""
        body: Json = {
            "type": "message",
            "user": self.user,
            "ts": self.ts,
            "text": self.text,
            "blocks": self.blocks,
            "team": TEAM_ID,
        }
        if self.user == BOT_USER:
            body |= {"bot_id": BOT_ID, "app_id": APP_ID}
        if self.thread_ts is not None:
            body["thread_ts"] = self.thread_ts
        if self.edited:
            body["edited"] = {"user": self.user, "ts": self.ts}
        if self.files:
            body["files"] = list(self.files)
        return body


@dataclass(frozen=True, slots=True)
class View:
    """A modal or a Home tab of one user. `state` holds what the user put into its fields."""

    id: str
    user: str
    body: Json
    hash: str
    root_id: str
    previous_id: str | None = None
    external_id: str = ""
    state: Json = field(default_factory=dict)

    @property
    def blocks(self) -> list[Json]:
        blocks: list[Json] = self.body.get("blocks", [])
        return blocks

    def wire(self) -> Json:
        """The view as Slack writes it in answers and payloads."""
        body = self.body
        return {
            "id": self.id,
            "team_id": TEAM_ID,
            "type": body["type"],
            "blocks": self.blocks,
            "private_metadata": body.get("private_metadata", ""),
            "callback_id": body.get("callback_id", ""),
            "state": {"values": self.state},
            "hash": self.hash,
            "title": body.get("title"),
            "close": body.get("close"),
            "submit": body.get("submit"),
            "clear_on_close": body.get("clear_on_close", False),
            "notify_on_close": body.get("notify_on_close", False),
            "previous_view_id": self.previous_id,
            "root_view_id": self.root_id,
            "external_id": self.external_id,
            "app_id": APP_ID,
            "app_installed_team_id": TEAM_ID,
            "bot_id": BOT_ID,
        }


@dataclass(slots=True)
class Trigger:
    """The right to open one modal: three seconds, one use."""

    user: str
    born: float
    view_id: str | None = None
    used: bool = False


@dataclass(slots=True)
class ResponseAddress:
    """Where `respond()` posts to: thirty minutes, five uses. `made` are the messages that came of it."""

    user: str
    channel: str
    born: float
    original: str | None = None
    original_ephemeral: bool = False
    thread_ts: str | None = None
    uses: int = 0
    made: list[tuple[str, str]] = field(default_factory=list)
