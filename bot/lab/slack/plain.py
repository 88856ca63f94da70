"""What a person reads: messages flattened to plain text, mentions and links resolved."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bot.lab.slack.records import Json

_ANGLE = re.compile(r"<([^<>]+)>")
_KEYS = ("title", "text", "label", "hint", "description", "placeholder", "fallback", "alt_text")


def plain_text(text: str, names: Mapping[str, str]) -> str:
    """mrkdwn as read: `<@U…>` by name, links by their text, dates by their fallback, entities decoded."""

    def resolve(match: re.Match[str]) -> str:
        target, _, label = match[1].partition("|")
        if target.startswith("!date^"):
            return label
        if target.startswith(("@", "#")):
            return target[0] + names.get(target[1:], target[1:])
        if target.startswith("!subteam^"):
            return "@" + names.get(target.removeprefix("!subteam^"), target.removeprefix("!subteam^"))
        if target.startswith("!"):
            return "@" + target[1:]
        return label or target

    resolved = _ANGLE.sub(resolve, text)
    return resolved.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def plain_blocks(blocks: Any, names: Mapping[str, str]) -> str:
    """All visible text of blocks, one piece per line, in reading order."""
    return "\n".join(piece for piece in _pieces(blocks, names) if piece)


def _pieces(value: Any, names: Mapping[str, str]) -> list[str]:
    if isinstance(value, list):
        return [piece for item in value for piece in _pieces(item, names)]
    if not isinstance(value, dict):
        return []
    kind = value.get("type")
    if kind in ("mrkdwn", "markdown"):
        return [plain_text(value["text"], names)]
    if kind == "plain_text":
        return [str(value["text"])]
    if kind in ("rich_text_section", "rich_text_preformatted", "rich_text_quote"):
        return ["".join(_leaf(leaf, names) for leaf in value.get("elements", []))]
    if kind == "raw_text":
        return [str(value.get("text", value.get("value", "")))]
    own: list[str] = []
    if kind == "plan":
        own.append(str(value.get("title", "")))
        for task in value.get("tasks", []):
            own.append(f"{task['title']} [{task.get('status', 'pending')}]")
            own += _pieces(task.get("details"), names) + _pieces(task.get("output"), names)
        return own
    for key in _KEYS:
        if isinstance(value.get(key), str):
            own.append(value[key])
        else:
            own += _pieces(value.get(key), names)
    for key in ("fields", "elements", "rows", "accessory", "element", "options", "tasks"):
        own += _pieces(value.get(key), names)
    return own


def _leaf(leaf: Json, names: Mapping[str, str]) -> str:
    kind = leaf.get("type")
    if kind == "text":
        return str(leaf["text"])
    if kind == "link":
        return str(leaf.get("text") or leaf["url"])
    if kind == "user":
        return "@" + names.get(leaf["user_id"], leaf["user_id"])
    if kind == "usergroup":
        return "@" + names.get(leaf["usergroup_id"], leaf["usergroup_id"])
    if kind == "channel":
        return "#" + names.get(leaf["channel_id"], leaf["channel_id"])
    if kind == "emoji":
        return f":{leaf['name']}:"
    if kind == "date":
        return str(leaf.get("fallback", leaf.get("timestamp", "")))
    if kind == "broadcast":
        return "@" + str(leaf["range"])
    return ""
