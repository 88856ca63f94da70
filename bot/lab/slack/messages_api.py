"""`chat.*`, `pins.add`, `reactions.add` and what is posted to a `response_url`."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bot.lab.slack.directory import BOT_USER, Channel
from bot.lab.slack.limits import (
    MESSAGE_BLOCK_CHARACTERS,
    POST_TEXT,
    UPDATE_TEXT,
    block_characters,
    check_blocks,
)
from bot.lab.slack.records import Json, Post
from bot.lab.slack.refusal import Refused
from bot.lab.slack.workspace import RESPONSE_SECONDS, RESPONSE_USES, Workspace


class Messages:
    """The methods that make and change messages. Called with the workspace's lock held."""

    def __init__(self, workspace: Workspace, base_url: str) -> None:
        self._workspace = workspace
        self._base_url = base_url

    def methods(self) -> dict[str, Callable[[Json], Json]]:
        """Method name to function."""
        return {
            "chat.postMessage": self.post_message,
            "chat.postEphemeral": self.post_ephemeral,
            "chat.update": self.update,
            "chat.delete": self.delete,
            "chat.getPermalink": self.permalink,
            "pins.add": self.pin,
            "reactions.add": self.react,
        }

    def post_message(self, args: Json) -> Json:
        channel = self._channel(args)
        text, blocks = content(args)
        post = self._workspace.post(
            Post(
                ts=self._workspace.next_ts(),
                channel=channel.id,
                user=BOT_USER,
                text=text[:POST_TEXT],
                blocks=blocks,
                thread_ts=self._thread(channel, args),
                broadcast=_true(args.get("reply_broadcast")),
            )
        )
        return {"channel": channel.id, "ts": post.ts, "message": post.wire()}

    def post_ephemeral(self, args: Json) -> Json:
        channel = self._channel(args)
        user = args.get("user")
        if user not in self._workspace.users:
            raise Refused("user_not_found")
        if user not in channel.members:
            raise Refused("user_not_in_channel")
        text, blocks = content(args)
        post = self._workspace.post(
            Post(
                ts=self._workspace.next_ts(),
                channel=channel.id,
                user=BOT_USER,
                text=text[:POST_TEXT],
                blocks=blocks,
                thread_ts=self._thread(channel, args),
                visible_to=user,
            )
        )
        return {"message_ts": post.ts}

    def update(self, args: Json) -> Json:
        channel = self._channel(args)
        old = self._own(channel, args.get("ts"), "cant_update_message")
        if len(str(args.get("text") or "")) > UPDATE_TEXT:
            raise Refused("msg_too_long")
        text, blocks = content(args, keep=old if args.get("blocks") is None else None)
        new = self._workspace.replace(replace(old, text=text, blocks=blocks, edited=True))
        return {"channel": channel.id, "ts": new.ts, "text": text, "message": new.wire()}

    def delete(self, args: Json) -> Json:
        channel = self._channel(args)
        old = self._own(channel, args.get("ts"), "cant_delete_message")
        self._workspace.remove(channel.id, old.ts)
        return {"channel": channel.id, "ts": old.ts}

    def permalink(self, args: Json) -> Json:
        channel = self._workspace.find_channel(str(args.get("channel", "")))
        if channel is None:
            raise Refused("channel_not_found")
        ts = str(args.get("message_ts", ""))
        post = self._workspace.find(channel.id, ts)
        if post is None or post.ephemeral:
            raise Refused("message_not_found")
        link = f"{self._base_url}/archives/{channel.id}/p{ts.replace('.', '')}"
        if post.thread_ts:
            link += f"?thread_ts={post.thread_ts}&cid={channel.id}"
        return {"channel": channel.id, "permalink": link}

    def pin(self, args: Json) -> Json:
        channel = self._channel(args)
        post = self._public(channel, args.get("timestamp"))
        if post.pinned:
            raise Refused("already_pinned")
        self._workspace.replace(replace(post, pinned=True))
        return {}

    def react(self, args: Json) -> Json:
        channel = self._channel(args)
        post = self._public(channel, args.get("timestamp"))
        name = str(args.get("name", "")).strip(":")
        if not name:
            raise Refused("invalid_name")
        if name in post.reactions:
            raise Refused("already_reacted")
        self._workspace.replace(replace(post, reactions=(*post.reactions, name)))
        return {}

    # --- response_url ---------------------------------------------------------------------------------------

    def respond(self, secret: str, body: Json) -> None:
        """One post to a response address: five in thirty minutes, new or instead of the original."""
        address = self._workspace.responses.get(secret)
        if address is None or time.monotonic() - address.born > RESPONSE_SECONDS:
            raise Refused("expired_url")
        if address.uses >= RESPONSE_USES:
            raise Refused("used_url")
        address.uses += 1
        original = self._workspace.find(address.channel, address.original)
        if _true(body.get("delete_original")):
            if original is not None:
                self._workspace.remove(original.channel, original.ts)
            return
        text, blocks = content(body)
        if _true(body.get("replace_original")) and original is not None:
            self._workspace.replace(replace(original, text=text, blocks=blocks, edited=True))
            address.made.append((original.channel, original.ts))
            return
        public = body.get("response_type", "ephemeral") == "in_channel"
        post = self._workspace.post(
            Post(
                ts=self._workspace.next_ts(),
                channel=address.channel,
                user=BOT_USER,
                text=text,
                blocks=blocks,
                thread_ts=body.get("thread_ts") or address.thread_ts,
                visible_to=None if public else address.user,
            )
        )
        address.made.append((post.channel, post.ts))

    # --- what is refused ------------------------------------------------------------------------------------

    def _channel(self, args: Json) -> Channel:
        channel = self._workspace.find_channel(str(args.get("channel", "")))
        if channel is None:
            raise Refused("channel_not_found")
        if BOT_USER not in channel.members:
            raise Refused("not_in_channel")
        return channel

    def _public(self, channel: Channel, ts: Any) -> Post:
        post = self._workspace.find(channel.id, str(ts or ""))
        if post is None or post.ephemeral:
            raise Refused("message_not_found")
        return post

    def _own(self, channel: Channel, ts: Any, code: str) -> Post:
        post = self._public(channel, ts)
        if post.user != BOT_USER:
            raise Refused(code)
        return post

    def _thread(self, channel: Channel, args: Json) -> str | None:
        ts = args.get("thread_ts")
        if not ts:
            return None
        parent = self._workspace.find(channel.id, str(ts))
        if parent is None or parent.ephemeral:
            raise Refused("cannot_reply_to_message")
        return parent.thread_ts or parent.ts


def content(args: Json, keep: Post | None = None) -> tuple[str, list[Json]]:
    """Text and blocks of a message, checked, ids filled in. `keep` lends its blocks where none are given."""
    text = str(args.get("text") or "")
    blocks = args.get("blocks")
    if blocks is None:
        blocks = []
        # chat.update with text alone drops the blocks, as Slack does; with neither there is nothing to say.
        if keep is not None and not text:
            text, blocks = keep.text, keep.blocks
    if not isinstance(blocks, list):
        raise Refused("invalid_blocks_format")
    if not text and not blocks:
        raise Refused("no_text")
    if len(blocks) > 50:
        raise Refused("msg_blocks_too_many")
    errors = check_blocks(blocks, "message")
    if errors:
        raise Refused("invalid_blocks", errors)
    if block_characters(blocks) > MESSAGE_BLOCK_CHARACTERS:
        raise Refused("msg_blocks_too_long")
    return text, with_ids(blocks)


def with_ids(blocks: list[Json]) -> list[Json]:
    """The blocks with the block and action ids that Slack makes up where the app gave none."""
    return [_with_ids(block) for block in blocks]


def _with_ids(block: Json) -> Json:
    filled = {**block, "block_id": block.get("block_id") or secrets.token_hex(3)}
    if "elements" in filled and filled["type"] == "actions":
        filled["elements"] = [_with_action(element) for element in filled["elements"]]
    for key in ("accessory", "element"):
        if isinstance(filled.get(key), dict) and filled[key].get("type") != "image":
            filled[key] = _with_action(filled[key])
    return filled


def _with_action(element: Json) -> Json:
    return {**element, "action_id": element.get("action_id") or secrets.token_hex(3)}


def _true(value: Any) -> bool:
    return value is True or str(value).lower() in ("true", "1")
