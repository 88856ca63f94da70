"""The state of the workspace, and nothing else: no HTTP, no sockets.

Everything is guarded by one lock, because the Web API runs on the server's event loop while tests and the control
API act from threads of their own. Nobody may wait for anything while holding it.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import replace

from bot.lab.slack.directory import (
    CHANNELS,
    GROUPS,
    MACHINES,
    PEOPLE,
    Channel,
    Group,
    User,
    direct_message,
)
from bot.lab.slack.records import Json, Post, ResponseAddress, Trigger, View
from bot.lab.slack.refusal import LabError, Refused

TRIGGER_SECONDS = 3.0
RESPONSE_SECONDS = 30 * 60.0
RESPONSE_USES = 5
VIEW_STACK = 3


class Workspace:
    """People, channels, messages and views; every change wakes those who wait for one."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._changed = threading.Condition(self.lock)
        self._observers: list[Callable[[int], None]] = []
        self.version = 0
        self._last_ts = 0
        self._fill()

    def _fill(self) -> None:
        self.users: dict[str, User] = {user.id: user for user in (*PEOPLE, *MACHINES)}
        self.channels: dict[str, Channel] = {channel.id: channel for channel in CHANNELS}
        for person in PEOPLE:
            conversation = direct_message(person)
            self.channels[conversation.id] = conversation
        self.groups: dict[str, Group] = {group.id: group for group in GROUPS}
        self.posts: dict[str, dict[str, Post]] = {id_: {} for id_ in self.channels}
        self.views: dict[str, View] = {}
        self.stacks: dict[str, list[str]] = {}
        self.homes: dict[str, View] = {}
        self.triggers: dict[str, Trigger] = {}
        self.responses: dict[str, ResponseAddress] = {}
        self.message_inputs: dict[tuple[str, str], Json] = {}

    def reset(self) -> None:
        """Back to an empty workspace with the original people and groups."""
        with self.lock:
            self._fill()
            self.touch()

    # --- change ---------------------------------------------------------------------------------------------

    def touch(self) -> None:
        """Say that something changed."""
        with self.lock:
            self.version += 1
            self._changed.notify_all()
            version, observers = self.version, list(self._observers)
        for observer in observers:
            observer(version)

    def observe(self, observer: Callable[[int], None]) -> Callable[[], None]:
        """Call `observer` with the new version after each change; the result ends it. It must not block."""
        with self.lock:
            self._observers.append(observer)

        def end() -> None:
            with self.lock:
                self._observers.remove(observer)

        return end

    def wait_change(self, seen: int, seconds: float) -> int:
        """Block until the version is newer than `seen`, at most `seconds`; the version then."""
        with self._changed:
            self._changed.wait_for(lambda: self.version > seen, timeout=max(0.0, seconds))
            return self.version

    def next_ts(self) -> str:
        """A message time stamp: unique and rising, as Slack's are within a channel."""
        with self.lock:
            self._last_ts = max(self._last_ts + 1, time.time_ns() // 1000)
            return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    # --- people and places ----------------------------------------------------------------------------------

    def person(self, name: str) -> User:
        """A user by name or id; raises `LabError` naming those who exist."""
        with self.lock:
            for user in self.users.values():
                if name in (user.id, user.name):
                    return user
        raise LabError(f"There is no user {name!r} in the lab.", f"Try {', '.join(p.name for p in PEOPLE)}.")

    def place(self, name: str) -> Channel:
        """A channel by name (with or without #) or id; raises `LabError`."""
        with self.lock:
            found = self.find_channel(name)
        if found is None:
            raise LabError(f"There is no channel {name!r} in the lab.", "Try xs-updates, xs-audit or random.")
        return found

    def find_channel(self, name: str) -> Channel | None:
        """A channel by id, name or #name; a user id means the direct message with that user."""
        if name in self.channels:
            return self.channels[name]
        if name in self.users:
            return self.channels.get("D" + name[1:])
        bare = name.removeprefix("#")
        return next((c for c in self.channels.values() if c.name == bare and not c.is_im), None)

    def set_group(self, handle: str, user: str, *, member: bool) -> None:
        """Add a person to a user group or take them out; idempotent."""
        with self.lock:
            id_ = self.person(user).id
            group = next((g for g in self.groups.values() if handle in (g.id, g.handle)), None)
            if group is None:
                raise LabError(f"There is no user group {handle!r} in the lab.")
            rest = tuple(u for u in group.users if u != id_)
            self.groups[group.id] = replace(group, users=(*rest, id_) if member else rest)
            self.touch()

    def set_locale(self, locale: str, people: Collection[str] = ()) -> None:
        """Set the locale of these people, of everybody when none is named."""
        with self.lock:
            wanted = {self.person(name).id for name in people} or set(self.users)
            self.users |= {id_: replace(self.users[id_], locale=locale) for id_ in wanted}
            self.touch()

    # --- messages -------------------------------------------------------------------------------------------

    def post(self, post: Post) -> Post:
        """Store a new message."""
        with self.lock:
            self.posts[post.channel][post.ts] = post
            self.touch()
            return post

    def replace(self, post: Post) -> Post:
        """Store the changed form of a message that exists."""
        return self.post(post)

    def find(self, channel: str, ts: str | None) -> Post | None:
        """The message, or None."""
        with self.lock:
            return self.posts.get(channel, {}).get(ts or "")

    def remove(self, channel: str, ts: str) -> None:
        """Delete a message; its thread stays, as in Slack."""
        with self.lock:
            self.posts[channel].pop(ts, None)
            self.touch()

    def visible(self, channel: str, user: str | None = None) -> list[Post]:
        """The messages of a channel that `user` sees, oldest first; without a user the public ones."""
        with self.lock:
            return [p for p in self.posts[channel].values() if p.visible_to is None or p.visible_to == user]

    # --- triggers, response addresses -----------------------------------------------------------------------

    def new_trigger(self, user: str, view_id: str | None = None) -> str:
        """A fresh trigger id for what `user` just did (inside `view_id`, if it was in a modal)."""
        with self.lock:
            id_ = f"{time.time_ns()}.{secrets.token_hex(6)}"
            self.triggers[id_] = Trigger(user, time.monotonic(), view_id)
            return id_

    def redeem(self, trigger_id: str) -> Trigger:
        """Use up a trigger id. Slack's three refusals: unknown, already used, older than three seconds."""
        with self.lock:
            trigger = self.triggers.get(trigger_id)
            if trigger is None:
                raise Refused("invalid_trigger_id")
            if trigger.used:
                raise Refused("exchanged_trigger_id")
            if time.monotonic() - trigger.born > TRIGGER_SECONDS:
                raise Refused("expired_trigger_id")
            trigger.used = True
            return trigger

    def new_response(self, address: ResponseAddress) -> str:
        """Register a response address; the result is its secret."""
        with self.lock:
            secret = secrets.token_urlsafe(12)
            self.responses[secret] = address
            return secret

    # --- views ----------------------------------------------------------------------------------------------

    def top_view(self, user: str) -> View | None:
        """The modal on top of the user's stack, or None."""
        with self.lock:
            stack = self.stacks.get(user)
            return self.views[stack[-1]] if stack else None

    def open_view(self, user: str, body: Json, *, push: bool) -> View:
        """Show a modal: alone, or on top of the open ones (`push_limit_reached` above three)."""
        with self.lock:
            stack = self.stacks.get(user, []) if push else []
            if len(stack) >= VIEW_STACK:
                raise Refused("push_limit_reached")
            id_ = "V" + secrets.token_hex(5).upper()
            external = str(body.get("external_id", ""))
            if external and any(v.external_id == external for v in self.views.values()):
                raise Refused("duplicate_external_id")
            if not push:
                self.close_views(user)
            view = View(id_, user, body, _hash(), stack[0] if stack else id_, stack[-1] if stack else None, external)
            self.views[id_] = view
            self.stacks[user] = [*stack, id_]
            self.touch()
            return view

    def update_view(self, view: View, body: Json) -> View:
        """Change an open modal; what the user typed stays where block and action ids stay."""
        with self.lock:
            ids = {b.get("block_id") for b in body.get("blocks", [])}
            kept = {block: values for block, values in view.state.items() if block in ids}
            changed = replace(view, body=body, hash=_hash(), state=kept)
            self.views[view.id] = changed
            self.touch()
            return changed

    def set_state(self, view: View, state: Json) -> None:
        """Remember what the user put into the fields of a view; nothing when it was closed meanwhile."""
        with self.lock:
            # The app may have changed the view since the caller looked: only the state is taken over.
            home = self.homes.get(view.user)
            if view.id in self.views:
                self.views[view.id] = replace(self.views[view.id], state=state)
            elif home is not None and home.id == view.id:
                self.homes[view.user] = replace(home, state=state)

    def close_view(self, view: View) -> None:
        """Close the modal on top and show the one below."""
        with self.lock:
            stack = self.stacks.get(view.user, [])
            if view.id in stack:
                for id_ in stack[stack.index(view.id) :]:
                    self.views.pop(id_, None)
                self.stacks[view.user] = stack[: stack.index(view.id)]
            self.touch()

    def close_views(self, user: str) -> None:
        """Close all modals of the user."""
        with self.lock:
            for id_ in self.stacks.pop(user, []):
                self.views.pop(id_, None)
            self.touch()

    def publish_home(self, user: str, body: Json) -> View:
        """Set the user's Home tab."""
        with self.lock:
            old = self.homes.get(user)
            id_ = old.id if old else "V" + secrets.token_hex(5).upper()
            view = View(id_, user, body, _hash(), id_)
            self.homes[user] = view
            self.touch()
            return view


def _hash() -> str:
    return f"{time.time():.0f}.{secrets.token_hex(4)}"
