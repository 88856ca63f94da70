"""An error as the sentence and the hint that a person gets, privately."""

from __future__ import annotations

from bot.errors import XsbotError
from bot.messages.blocks import Block, context, plain_text, section
from bot.messages.language import _
from bot.messages.message import Message, message
from bot.messages.retelling import retold
from bot.messages.text import escape, mentions
from bot.rollouts.roles import LacksRole


def refusal(error: XsbotError) -> Message:
    """What happened and what to do about it; both may quote foreign text and are shown as plain words."""
    # Plain text objects: nothing in them acts. Nothing in them is code either, so its marks would be read as they are.
    sentence, hint = _unmarked(retold(error.sentence)), _unmarked(retold(error.hint))
    blocks: list[Block] = [{"type": "section", "text": plain_text(sentence, 2_900)}]
    if hint:
        blocks.append({"type": "context", "elements": [plain_text(hint, 1_900)]})
    asked = ""
    if isinstance(error, LacksRole) and error.ask:
        asked = _("Ask {who}.").format(who=mentions(error.ask))
        blocks.append(context(asked))
    return message(f"{escape(sentence, 1_500)} {escape(hint, 1_000)} {asked}".strip(), blocks)


def told_plainly(error: XsbotError) -> str:
    """What happened and what to do, in one row of plain words."""
    return _unmarked(f"{retold(error.sentence)} {retold(error.hint)}".strip())


def _unmarked(text: str) -> str:
    return text.replace("`", "")


def unexpected(error_id: str) -> Message:
    """Something we did not foresee: no detail, an id that finds it in the log."""
    told = _("Something went wrong (error id {id}).").format(id=error_id)
    hint = _("Nothing was decided by this click or command. The log of xsbot has the details under this id.")
    return message(f"{told} {hint}", [section(told), context(hint)])
