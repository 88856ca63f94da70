"""What the driver hands out: messages, answers, modals. Live: they read the workspace each time they are asked."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.lab.slack.directory import User
from bot.lab.slack.fields import fields
from bot.lab.slack.interactions import Deed, Interactions
from bot.lab.slack.plain import plain_blocks, plain_text
from bot.lab.slack.records import Json, Post, View
from bot.lab.slack.refusal import LabError
from bot.lab.slack.workspace import Workspace

ANSWER_SECONDS = 2.0


def names_of(workspace: Workspace) -> Mapping[str, str]:
    """Ids to the names people read: users, channels, user groups."""
    with workspace.lock:
        return {
            **{user.id: user.name for user in workspace.users.values()},
            **{channel.id: channel.name for channel in workspace.channels.values()},
            **{group.id: group.handle for group in workspace.groups.values()},
        }


@dataclass(frozen=True, slots=True)
class Message:
    """A message as one looks at it now; ask the driver again for its later form."""

    post: Post
    names: Mapping[str, str]

    @property
    def ts(self) -> str:
        return self.post.ts

    @property
    def channel(self) -> str:
        """The channel's id."""
        return self.post.channel

    @property
    def user(self) -> str:
        """The author's name."""
        return self.names[self.post.user]

    @property
    def text(self) -> str:
        """The `text` argument: what notifications and screen readers say."""
        return self.post.text

    @property
    def blocks(self) -> list[Json]:
        return self.post.blocks

    @property
    def thread_ts(self) -> str | None:
        return self.post.thread_ts

    @property
    def edited(self) -> bool:
        return self.post.edited

    @property
    def ephemeral(self) -> bool:
        return self.post.ephemeral

    @property
    def buttons(self) -> list[str]:
        """The texts of its buttons, in order."""
        return [field.label for field in fields(self.post.blocks) if field.kind == "button"]

    @property
    def plain(self) -> str:
        """All visible text, flattened: the blocks where there are any, else the text; then file names."""
        body = plain_blocks(self.post.blocks, self.names) or plain_text(self.post.text, self.names)
        return "\n".join([body, *(str(file["name"]) for file in self.post.files)])


class Answer:
    """What a command or click brought back: the acknowledgement, and the first private or direct answer."""

    def __init__(self, workspace: Workspace, deed: Deed) -> None:
        self._workspace = workspace
        self._deed = deed

    @property
    def ack_ms(self) -> float | None:
        """Milliseconds to the acknowledgement; None when there was none or nothing was sent."""
        return self._deed.delivery.ms if self._deed.delivery else None

    @property
    def timed_out(self) -> bool:
        """No acknowledgement within three seconds: Slack showed `operation_timeout`."""
        return self._deed.delivery is not None and self._deed.delivery.error == "operation_timeout"

    @property
    def error(self) -> str | None:
        """`operation_timeout`, `dispatch_failed` (no app connected) or None."""
        return self._deed.delivery.error if self._deed.delivery else None

    @property
    def cancelled(self) -> bool:
        """The user said no in the confirm dialog."""
        return self._deed.cancelled

    @property
    def confirm(self) -> Json | None:
        """The confirm dialog that was shown, as the app wrote it."""
        return self._deed.confirm

    @property
    def message(self) -> Message | None:
        """The newest answer so far: an ephemeral to this user, or a post to the response address."""
        with self._workspace.lock:
            found = [
                post
                for posts in self._workspace.posts.values()
                for post in posts.values()
                if post.visible_to == self._deed.user and post.ts > self._deed.since
            ]
            if self._deed.response is not None:
                made = [self._workspace.find(*key) for key in self._deed.response.made]
                found += [post for post in made if post is not None]
            newest = max(found, key=lambda post: post.ts, default=None)
        return Message(newest, names_of(self._workspace)) if newest is not None else None

    def wait(self, seconds: float = ANSWER_SECONDS) -> Message | None:
        """The answer, waiting up to `seconds` for one: apps acknowledge first and answer after.

        A modal that opens is an answer too and ends the waiting, as does a cancelled dialog.
        """
        end = time.monotonic() + seconds
        while (message := self.message) is None and time.monotonic() < end and not self._done:
            self._workspace.wait_change(self._workspace.version, min(0.05, end - time.monotonic()))
        return message

    @property
    def _done(self) -> bool:
        if self.cancelled:
            return True
        top = self._workspace.top_view(self._deed.user)
        return top is not None and top.id != self._deed.view_before

    @property
    def text(self) -> str:
        """The answer's visible text (see `wait`); empty when none came."""
        message = self.wait()
        return message.plain if message is not None else ""

    @property
    def blocks(self) -> list[Json]:
        """The answer's blocks (see `wait`)."""
        message = self.wait()
        return message.blocks if message is not None else []


@dataclass(frozen=True, slots=True)
class Submission:
    """What pressing Submit brought: complaints by block id (and by label), and whether the modal is gone."""

    errors: dict[str, str]
    closed: bool
    ack_ms: float | None = None


class Modal:
    """The modal a user has in front of them. Follows `views.update`; `is_open` tells whether it still stands."""

    def __init__(self, workspace: Workspace, interactions: Interactions, view: View) -> None:
        self._workspace = workspace
        self._interactions = interactions
        self.id = view.id

    @property
    def view(self) -> View:
        """The view as it stands now; raises `LabError` when it was closed."""
        with self._workspace.lock:
            view = self._workspace.views.get(self.id)
        if view is None:
            raise LabError("The modal is closed.")
        return view

    @property
    def is_open(self) -> bool:
        with self._workspace.lock:
            return self.id in self._workspace.views

    @property
    def title(self) -> str:
        return str(self.view.body["title"]["text"])

    @property
    def blocks(self) -> list[Json]:
        return self.view.blocks

    @property
    def submit_text(self) -> str | None:
        """The text on the submit button, None when there is none."""
        submit = self.view.body.get("submit")
        return str(submit["text"]) if submit else None

    @property
    def text(self) -> str:
        """All visible text."""
        return plain_blocks(self.view.blocks, names_of(self._workspace))

    @property
    def buttons(self) -> list[str]:
        return [field.label for field in fields(self.view.blocks) if field.kind == "button"]

    @property
    def values(self) -> dict[str, Any]:
        """What is in the fields now: action id to text, option value, list of option values."""
        found: dict[str, Any] = {}
        view = self.view
        for field in fields(view.blocks):
            if field.kind in ("button", "overflow"):
                continue
            entry = view.state.get(field.block_id, {}).get(field.action_id) or field.initial()
            value = next((v for k, v in entry.items() if k != "type"), None)
            if isinstance(value, dict):
                value = value["value"]
            elif isinstance(value, list):
                value = [item["value"] if isinstance(item, dict) else item for item in value]
            found[field.action_id] = value
        return found

    def fill(self, name: str, value: Any) -> None:
        """Put text (or a time, a list of options) into the field called `name`: label, action id, block id or
        `block_id/action_id`. A field with `dispatch_action` tells the app."""
        field = self._interactions.fill(self.view, name, value)
        if field.block["type"] != "input" or field.block.get("dispatch_action"):
            user: User = self._workspace.users[self.view.user]
            self._interactions.act(user, self.view, field, value)

    def pick(self, name: str, option: str | list[str]) -> None:
        """Choose an option (or several) by text or value in the field called `name`."""
        self.fill(name, option)

    def submit(self) -> Submission:
        """Press the submit button. Errors are keyed by block id and once more by the field's label."""
        view = self.view
        done = self._interactions.submit(view)
        errors = dict(done.errors)
        for field in fields(view.blocks):
            if field.block_id in done.errors:
                errors[field.label] = done.errors[field.block_id]
        return Submission(errors, done.closed, done.ms)

    def close(self) -> None:
        """Dismiss it."""
        self._interactions.close(self.view)
