"""A message: a text that says it all, and the blocks that say it well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.messages.blocks import Block, cut_mrkdwn, section

#: ``chat.update`` refuses a longer text (`msg_too_long`).
TEXT = 4_000
#: Slack takes 50 blocks, and somewhere above 13 000 characters of content answers `msg_blocks_too_long`.
BLOCKS = 50
CHARACTERS = 12_000


@dataclass(frozen=True, slots=True)
class Message:
    """What is posted: `text` alone must tell the whole story (notifications, screen readers, old clients)."""

    text: str
    blocks: tuple[Block, ...] = ()


def message(text: str, blocks: Sequence[Block]) -> Message:
    """A message within Slack's limits: too much content loses paragraphs from below, never the buttons."""
    kept = list(blocks)
    while len(kept) > BLOCKS or characters(kept) > CHARACTERS:
        victim = _last_expendable(kept)
        if victim is None:
            break
        del kept[victim]
    return Message(cut_mrkdwn(text, TEXT), tuple(kept))


def line(text: str) -> Message:
    """A message of one paragraph."""
    return Message(cut_mrkdwn(text, TEXT), (section(text),))


def characters(content: object) -> int:
    """The visible characters of blocks, which Slack limits as a whole."""
    if isinstance(content, str):
        return len(content)
    if isinstance(content, (list, tuple)):
        return sum(characters(item) for item in content)
    if isinstance(content, dict):
        silent = ("type", "block_id", "action_id", "value", "url", "style", "task_id", "status", "emoji", "verbatim")
        return sum(characters(item) for key, item in content.items() if key not in silent)
    return 0


def _last_expendable(blocks: Sequence[Block]) -> int | None:
    for index in range(len(blocks) - 1, 1, -1):
        if blocks[index]["type"] in ("section", "divider", "context"):
            return index
    return None
