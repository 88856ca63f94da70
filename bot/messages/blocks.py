"""The dozen Block Kit shapes we use, each cut to Slack's limits.

Slack refuses a whole message for one text that is too long, so nothing here can be made too long. Mrkdwn is sent
`verbatim`: Slack then links nothing that we did not link ourselves.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from bot.messages.text import clip, lines_within, plain_moment

Block = dict[str, Any]
Element = dict[str, Any]
View = dict[str, Any]

SECTION = 3_000
FIELD = 2_000
HEADER = 150
BUTTON = 75


def plain_text(text: str, limit: int) -> Block:
    """A text without markup; emoji names in it stay words."""
    return {"type": "plain_text", "text": clip(text, limit) or " ", "emoji": False}


def mrkdwn(text: str, limit: int = SECTION) -> Block:
    """A text with markup; a long one loses whole lines, never half an escape."""
    return {"type": "mrkdwn", "text": cut_mrkdwn(text, limit) or " ", "verbatim": True}


def cut_mrkdwn(text: str, limit: int) -> str:
    """`text` within `limit`: whole lines while they fit; a single line too long is cut before an unfinished markup."""
    if len(text) <= limit:
        return text
    lines = text.split("\n")
    if len(lines[0]) <= limit - 40:
        return lines_within(lines, limit)
    cut = lines[0][: limit - 1]
    opened = max(cut.rfind("<"), cut.rfind("&"))
    closed = max(cut.rfind(">"), cut.rfind(";"))
    return (cut[:opened] if opened > closed else cut) + "…"


def header(text: str) -> Block:
    """A headline."""
    return {"type": "header", "text": plain_text(text, HEADER)}


def section(text: str, accessory: Element | None = None, block_id: str = "") -> Block:
    """A paragraph, optionally with one element beside it."""
    block: Block = {"type": "section", "text": mrkdwn(text)}
    if accessory is not None:
        block["accessory"] = accessory
    if block_id:
        block["block_id"] = clip(block_id, 255)
    return block


def fields(pairs: Sequence[tuple[str, str]]) -> Block:
    """Up to ten label and value pairs in two columns."""
    return {
        "type": "section",
        "fields": [mrkdwn(f"*{label}*\n{value}", FIELD) for label, value in pairs[:10]],
    }


def context(*texts: str) -> Block:
    """Small print."""
    return {"type": "context", "elements": [mrkdwn(text) for text in texts[:10]]}


def divider() -> Block:
    """A line."""
    return {"type": "divider"}


def confirm(title: str, text: str, yes: str, no: str, style: str = "primary") -> Block:
    """The question asked before a button counts."""
    return {
        "title": plain_text(title, 100),
        "text": plain_text(text, 300),
        "confirm": plain_text(yes, 30),
        "deny": plain_text(no, 30),
        "style": style,
    }


def button(
    text: str,
    action_id: str,
    value: str,
    *,
    style: str = "",
    asks: Block | None = None,
    label: str = "",
) -> Element:
    """A button; `value` names what it is about and never carries what is decided. `label` is for screen readers."""
    element: Element = {
        "type": "button",
        "text": plain_text(text, BUTTON),
        "action_id": action_id,
        "value": value,
    }
    if style:
        element["style"] = style
    if asks is not None:
        element["confirm"] = asks
    if label:
        element["accessibility_label"] = clip(label, BUTTON)
    return element


def overflow(action_id: str, options: Sequence[Element]) -> Element:
    """The small menu behind three dots; one to five entries."""
    return {"type": "overflow", "action_id": action_id, "options": list(options[:5])}


def actions(*elements: Element, block_id: str = "") -> Block:
    """A row of buttons."""
    block: Block = {"type": "actions", "elements": list(elements[:25])}
    if block_id:
        block["block_id"] = block_id
    return block


def option(text: str, value: str, description: str = "") -> Element:
    """One choice of a select or a group of radio buttons."""
    choice: Element = {"text": plain_text(text, 75), "value": value}
    if description:
        choice["description"] = plain_text(description, 75)
    return choice


def radio(action_id: str, options: Sequence[Element], chosen: str) -> Element:
    """Radio buttons with one of them chosen."""
    return _choice("radio_buttons", action_id, options[:10], chosen)


def checkboxes(action_id: str, options: Sequence[Element], chosen: Collection[str]) -> Element:
    """Boxes of which any number is ticked."""
    ticked = [choice for choice in options[:10] if choice["value"] in chosen]
    element: Element = {"type": "checkboxes", "action_id": action_id, "options": list(options[:10])}
    # Slack refuses an empty list here.
    return {**element, "initial_options": ticked} if ticked else element


def select(action_id: str, options: Sequence[Element], chosen: str) -> Element:
    """A menu with one entry chosen."""
    return _choice("static_select", action_id, options[:100], chosen)


def _choice(kind: str, action_id: str, options: Sequence[Element], chosen: str) -> Element:
    initial = next((choice for choice in options if choice["value"] == chosen), None)
    element: Element = {"type": kind, "action_id": action_id, "options": list(options)}
    if initial is not None:
        element["initial_option"] = initial
    return element


def text_input(action_id: str, *, initial: str = "", placeholder: str = "", most: int = 1_000) -> Element:
    """Several lines to write in."""
    element: Element = {
        "type": "plain_text_input",
        "action_id": action_id,
        "multiline": True,
        "max_length": most,
    }
    if initial:
        element["initial_value"] = clip(initial, most)
    if placeholder:
        element["placeholder"] = plain_text(placeholder, 150)
    return element


def line_input(action_id: str, *, initial: str = "", placeholder: str = "", most: int = 500) -> Element:
    """One line to write in."""
    return {**text_input(action_id, initial=initial, placeholder=placeholder, most=most), "multiline": False}


def moment_input(action_id: str, *, initial: datetime | None = None) -> Element:
    """A date with its time, in the reader's own time zone."""
    element: Element = {"type": "datetimepicker", "action_id": action_id}
    if initial is not None:
        element["initial_date_time"] = int(initial.timestamp())
    return element


def input_block(
    label: str, element: Element, block_id: str, *, hint: str = "", optional: bool = False, live: bool = False
) -> Block:
    """One field of a form; `live` reports each change at once."""
    block: Block = {
        "type": "input",
        "block_id": block_id,
        "label": plain_text(label, 2_000),
        "element": element,
        "optional": optional,
        "dispatch_action": live,
    }
    if hint:
        block["hint"] = plain_text(hint, 2_000)
    return block


def rich_text(*pieces: str | datetime) -> Block:
    """One paragraph of unformatted rich text (what tasks of a plan show); moments in the reader's own time zone."""
    leaves: list[Element] = []
    for piece in pieces:
        if isinstance(piece, str):
            leaves.append({"type": "text", "text": clip(piece, 1_000) or " "})
        else:
            shown = {"format": "{date_short_pretty} {time}", "fallback": plain_moment(piece)}
            leaves.append({"type": "date", "timestamp": int(piece.timestamp()), **shown})
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": leaves}]}


def modal(
    title: str,
    blocks: Sequence[Block],
    *,
    callback_id: str,
    close: str,
    submit: str = "",
    metadata: object = None,
) -> View:
    """A modal view; `metadata` travels with it as JSON and must be small."""
    view: View = {
        "type": "modal",
        "callback_id": callback_id,
        "title": plain_text(title, 24),
        "close": plain_text(close, 24),
        "blocks": list(blocks[:100]),
        "private_metadata": "" if metadata is None else json.dumps(metadata),
    }
    if submit:
        view["submit"] = plain_text(submit, 24)
    return view
