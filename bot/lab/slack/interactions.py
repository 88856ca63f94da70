"""What people do: type, click, fill in, submit. Builds Slack's payloads and shows what the user would see.

All functions block the calling thread until the app has acknowledged (three seconds at most).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from bot.lab.slack.directory import BOT_USER, SLACKBOT, Channel, User
from bot.lab.slack.fields import Field, clickable, fields, state_of
from bot.lab.slack.messages_api import content
from bot.lab.slack.payloads import home_opened, interaction, message_container, slash_command
from bot.lab.slack.records import Json, Post, ResponseAddress, View
from bot.lab.slack.refusal import LabError, Refused
from bot.lab.slack.socket_mode import Delivery, SocketMode
from bot.lab.slack.views_api import checked_view
from bot.lab.slack.workspace import Workspace

_TROUBLE = "We had some trouble connecting. Try again?"


@dataclass(frozen=True, slots=True)
class Deed:
    """Something a user did. `since` is the message time stamp just before it; later ephemerals answer it."""

    user: str
    since: str
    delivery: Delivery | None
    response: ResponseAddress | None = None
    cancelled: bool = False
    confirm: Json | None = None
    # The modal that was on top before: another one afterwards is an answer too.
    view_before: str | None = None


@dataclass(frozen=True, slots=True)
class Submitted:
    """What came of submitting a modal. `errors` by block id; the key `""` concerns the whole view."""

    errors: dict[str, str]
    closed: bool
    ms: float | None


class Interactions:
    """The users' side of the workspace."""

    def __init__(self, workspace: Workspace, sockets: SocketMode, base_url: str) -> None:
        self._workspace = workspace
        self._sockets = sockets
        self._base_url = base_url

    # --- typing ---------------------------------------------------------------------------------------------

    def say(self, user: User, channel: Channel, text: str, thread_ts: str | None = None) -> Deed:
        """Type a line into a channel or thread: a slash command when it starts with a slash."""
        since, before = self._workspace.next_ts(), self._top_id(user)
        if not text.startswith("/"):
            self._workspace.post(Post(self._workspace.next_ts(), channel.id, user.id, text, [], thread_ts=thread_ts))
            return Deed(user.id, since, None)
        command, _, rest = text.strip().partition(" ")
        if thread_ts is not None:
            self._slackbot(user.id, channel.id, f"{command} is not supported in threads. Sorry!", thread_ts)
            return Deed(user.id, since, None)
        address = ResponseAddress(user.id, channel.id, time.monotonic())
        payload = slash_command(user, channel, command, rest.strip()) | {
            "response_url": self._response_url(address),
            "trigger_id": self._workspace.new_trigger(user.id),
        }
        delivery = self._sockets.deliver("slash_commands", payload)
        if delivery.error is not None:
            self._slackbot(user.id, channel.id, f"{command} failed with the error “{delivery.error}”", None)
        elif delivery.payload and (delivery.payload.get("text") or delivery.payload.get("blocks")):
            self._acknowledged_with(delivery.payload, command, address)
        return Deed(user.id, since, delivery, address, view_before=before)

    def _acknowledged_with(self, payload: Json, command: str, address: ResponseAddress) -> None:
        try:
            said, blocks = content(payload)
        except Refused as refusal:
            self._slackbot(
                address.user,
                address.channel,
                f"{command} failed with the error “invalid_command_response”: {refusal.code}",
                None,
            )
            return
        public = payload.get("response_type") == "in_channel"
        ts = self._workspace.next_ts()
        visible_to = None if public else address.user
        self._workspace.post(Post(ts, address.channel, BOT_USER, said, blocks, visible_to=visible_to))
        address.made.append((address.channel, ts))

    # --- clicking -------------------------------------------------------------------------------------------

    def act(self, user: User, where: Post | View, field: Field, given: Any = None, *, confirm: bool = True) -> Deed:
        """Use one element: click a button, choose an option, change a field that dispatches actions.

        With `confirm=False` the user cancels the element's confirm dialog, if it has one, and nothing is sent.
        """
        since, before = self._workspace.next_ts(), self._top_id(user)
        dialog = field.element.get("confirm")
        if dialog is not None and not confirm:
            return Deed(user.id, since, None, cancelled=True, confirm=dialog)
        action: Json = {
            "type": field.kind,
            "action_id": field.action_id,
            "block_id": field.block_id,
            "action_ts": since,
        }
        state = self._inputs(user, where)
        if field.kind == "button":
            action |= {"text": field.element["text"]}
            action |= {k: field.element[k] for k in ("value", "style") if k in field.element}
        else:
            entry = field.entry(given)
            action |= entry
            if field.kind != "overflow":
                state.setdefault(field.block_id, {})[field.action_id] = entry
                self._remember(user, where, state)
        if field.block["type"] == "input" and not field.block.get("dispatch_action"):
            return Deed(user.id, since, None)
        payload = self._envelope("block_actions", user) | {"actions": [action]}
        address = None
        if isinstance(where, View):
            view = where.wire() | {"state": {"values": state}}
            payload |= {"container": {"type": "view", "view_id": where.id}, "view": view}
            payload["trigger_id"] = self._workspace.new_trigger(user.id, where.id)
        else:
            address = ResponseAddress(
                user.id, where.channel, time.monotonic(), where.ts, where.ephemeral, where.thread_ts
            )
            payload |= message_container(where, self._workspace.channels[where.channel], state)
            payload["response_url"] = self._response_url(address)
        delivery = self._sockets.deliver("interactive", payload)
        if delivery.error is not None:
            channel = where.channel if isinstance(where, Post) else "D" + user.id[1:]
            name = field.label or field.action_id
            thread = where.thread_ts if isinstance(where, Post) else None
            self._slackbot(user.id, channel, f"“{name}” failed with the error “{delivery.error}”", thread)
        return Deed(user.id, since, delivery, address, confirm=dialog, view_before=before)

    def find_clickable(
        self, user: User, name: str, where: Post | View | None
    ) -> tuple[Post | View, Field, Json | None]:
        """The newest thing the user sees that carries a button (or overflow option) called `name`."""
        seen: list[str] = []
        with self._workspace.lock:
            places = [where] if where is not None else self.places(user)
            for place in places:
                found = clickable(place.blocks, name)
                if found is not None:
                    return place, *found
                seen += [f.label for f in fields(place.blocks) if f.kind == "button"]
        hint = f"They see {', '.join(sorted(set(seen)))}." if seen else "They see no button at all."
        raise LabError(f"{user.name} sees no button {name!r}.", hint)

    def find_field(self, user: User, name: str, where: Post | View | None) -> tuple[Post | View, Field]:
        """The newest field the user sees called `name` (label, placeholder, action id, block id)."""
        with self._workspace.lock:
            for place in [where] if where is not None else self.places(user):
                for field in fields(place.blocks):
                    if field.kind != "button" and name in field.names:
                        return place, field
        raise LabError(f"{user.name} sees no field {name!r}.")

    def places(self, user: User) -> list[Post | View]:
        """Everything with blocks that the user can reach, the modal on top first, then newest first, then Home."""
        with self._workspace.lock:
            found: list[Post | View] = []
            top = self._workspace.top_view(user.id)
            if top is not None:
                found.append(top)
            posts: list[Post] = [
                post
                for channel in self._workspace.channels.values()
                if user.id in channel.members
                for post in self._workspace.visible(channel.id, user.id)
            ]
            posts.sort(key=lambda post: post.ts, reverse=True)
            found += posts
            if user.id in self._workspace.homes:
                found.append(self._workspace.homes[user.id])
            return found

    # --- modals and Home ------------------------------------------------------------------------------------

    def fill(self, view: View, name: str, given: Any) -> Field:
        """Put something into a field of a modal without telling the app; returns the field."""
        for field in fields(view.blocks):
            if field.kind not in ("button", "overflow") and name in field.names:
                state = state_of(view.blocks, view.state)
                state.setdefault(field.block_id, {})[field.action_id] = field.entry(given)
                self._workspace.set_state(view, state)
                return field
        labels = ", ".join(f.label for f in fields(view.blocks) if f.kind != "button")
        raise LabError(f"The modal has no field {name!r}.", f"It has {labels or 'none'}.")

    def submit(self, view: View) -> Submitted:
        """Press the modal's submit button."""
        state = state_of(view.blocks, view.state)
        errors: dict[str, str] = {}
        for field in fields(view.blocks):
            if field.block["type"] == "input":
                complaint = field.complaint(state[field.block_id][field.action_id])
                if complaint is not None:
                    errors[field.block_id] = complaint
        if errors:
            return Submitted(errors, closed=False, ms=None)
        user = self._workspace.users[view.user]
        payload = self._envelope("view_submission", user) | {
            "view": view.wire() | {"state": {"values": state}},
            "response_urls": [],
        }
        payload["trigger_id"] = self._workspace.new_trigger(user.id, view.id)
        delivery = self._sockets.deliver("interactive", payload)
        if delivery.error is not None:
            return Submitted({"": _TROUBLE}, closed=False, ms=None)
        try:
            with self._workspace.lock:
                return self._after_submit(view, delivery.payload or {}, delivery.ms)
        except Refused as refusal:
            return Submitted({"": " ".join([_TROUBLE, *refusal.messages])}, closed=False, ms=delivery.ms)

    def _after_submit(self, view: View, answer: Json, ms: float | None) -> Submitted:
        action = answer.get("response_action")
        if action == "errors":
            errors = dict(answer.get("errors", {}))
            inputs = {block["block_id"] for block in view.blocks if block["type"] == "input"}
            if not errors or not set(errors) <= inputs:
                raise Refused("invalid_arguments", [f"[ERROR] errors name no input block: {sorted(errors)}"])
            return Submitted(errors, closed=False, ms=ms)
        if action == "update":
            current = self._workspace.views.get(view.id, view)
            self._workspace.update_view(current, checked_view(answer.get("view"), "modal"))
            return Submitted({}, closed=False, ms=ms)
        if action == "push":
            self._workspace.open_view(view.user, checked_view(answer.get("view"), "modal"), push=True)
            return Submitted({}, closed=False, ms=ms)
        if action == "clear":
            self._workspace.close_views(view.user)
        else:
            self._workspace.close_view(view)
        return Submitted({}, closed=True, ms=ms)

    def close(self, view: View) -> Delivery | None:
        """Dismiss a modal; the app hears of it only where the view asked for that."""
        clear = bool(view.body.get("clear_on_close"))
        if clear:
            self._workspace.close_views(view.user)
        else:
            self._workspace.close_view(view)
        if not view.body.get("notify_on_close"):
            return None
        user = self._workspace.users[view.user]
        payload = self._envelope("view_closed", user) | {"view": view.wire(), "is_cleared": clear}
        payload.pop("trigger_id")
        return self._sockets.deliver("interactive", payload)

    def open_home(self, user: User) -> Delivery:
        """Look at the app's Home tab."""
        with self._workspace.lock:
            view = self._workspace.homes.get(user.id)
        payload = home_opened(user, self._workspace.next_ts(), view)
        return self._sockets.deliver("events_api", payload, accepts_payload=False)

    # --- parts ----------------------------------------------------------------------------------------------

    def _top_id(self, user: User) -> str | None:
        view = self._workspace.top_view(user.id)
        return view.id if view is not None else None

    def _envelope(self, kind: str, user: User) -> Json:
        return interaction(kind, user) | {"trigger_id": self._workspace.new_trigger(user.id)}

    def _inputs(self, user: User, where: Post | View) -> Json:
        with self._workspace.lock:
            if isinstance(where, View):
                return state_of(where.blocks, where.state)
            return state_of(where.blocks, self._workspace.message_inputs.get((user.id, where.ts), {}))

    def _remember(self, user: User, where: Post | View, state: Json) -> None:
        with self._workspace.lock:
            if isinstance(where, View):
                self._workspace.set_state(where, state)
            else:
                self._workspace.message_inputs[(user.id, where.ts)] = state

    def _response_url(self, address: ResponseAddress) -> str:
        return f"{self._base_url}/response/{self._workspace.new_response(address)}"

    def _slackbot(self, user: str, channel: str, text: str, thread_ts: str | None) -> None:
        self._workspace.post(
            Post(
                self._workspace.next_ts(),
                channel,
                SLACKBOT,
                text,
                [],
                thread_ts=thread_ts,
                visible_to=user,
            )
        )
