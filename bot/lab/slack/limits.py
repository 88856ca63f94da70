"""What Slack refuses: the sizes and shapes of Block Kit, checked as strictly as Slack does it.

`check_blocks` is pure. The Web API of the lab uses it to refuse payloads; tests of the bot's messages may use it as
an oracle. Sentences follow Slack's `response_metadata.messages`, with a JSON pointer to the culprit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from bot.lab.slack.elements import INPUT_ELEMENTS, Checker, kind_of

Surface = Literal["message", "modal", "home"]

MAX_BLOCKS: Mapping[str, int] = {"message": 50, "modal": 100, "home": 100}
MESSAGE_BLOCK_CHARACTERS = 13_200
UPDATE_TEXT = 4_000
POST_TEXT = 40_000
VIEW_BYTES = 250_000
PLAN_TASKS = 50
TASK_STATES = ("pending", "in_progress", "complete", "error")
EVERYWHERE = frozenset({"message", "modal", "home"})


def check_blocks(blocks: Any, surface: Surface) -> list[str]:
    """Everything that is wrong with `blocks` on this surface; an empty list means Slack takes them."""
    checker = Checker("/blocks" if surface == "message" else "/view/blocks")
    if not isinstance(blocks, list):
        checker.error("must be an array")
        return checker.errors
    if len(blocks) > MAX_BLOCKS[surface]:
        checker.error(f"no more than {MAX_BLOCKS[surface]} items allowed")
    seen: set[str] = set()
    markdown = table = 0
    for index, block in enumerate(blocks):
        with checker.at(str(index)):
            if not isinstance(block, dict):
                checker.error("must be an object")
                continue
            kind = block.get("type")
            rule = _BLOCKS.get(str(kind))
            if rule is None:
                checker.error(f"unsupported type: {kind}", "type")
                continue
            surfaces, check = rule
            if surface not in surfaces:
                checker.error(f"unsupported type: {kind}", "type")
                continue
            block_id = block.get("block_id")
            checker.string(block, "block_id", 255, required=False)
            if isinstance(block_id, str):
                if block_id in seen:
                    checker.error(f"`block_id` {block_id} already exists", "block_id")
                seen.add(block_id)
            check(checker, block)
            markdown += len(str(block.get("text", ""))) if kind == "markdown" else 0
            table += _table_size(block) if kind == "table" else 0
    if markdown > 12_000:
        checker.error("must be less than 12001 characters in all markdown blocks")
    if table > 10_000:
        checker.error("must be less than 10001 characters in all tables")
    return checker.errors


def block_characters(blocks: Any) -> int:
    """The visible characters of a list of blocks, which Slack limits as a whole (`msg_blocks_too_long`)."""
    if isinstance(blocks, str):
        return len(blocks)
    if isinstance(blocks, list):
        return sum(block_characters(item) for item in blocks)
    if isinstance(blocks, dict):
        return sum(
            block_characters(value)
            for key, value in blocks.items()
            if key not in ("type", "block_id", "action_id", "value", "url", "style", "task_id", "status")
        )
    return 0


def check_view(view: Any) -> list[str]:
    """Everything that is wrong with a view (modal or Home) as given to `views.*`."""
    checker = Checker("/view")
    if not isinstance(view, dict):
        checker.error("must be an object")
        return checker.errors
    kind = kind_of(view)
    if kind not in ("modal", "home"):
        checker.error("unsupported type", "type")
        return checker.errors
    checker.string(view, "private_metadata", 3_000, required=False, empty=True)
    checker.string(view, "callback_id", 255, required=False, empty=True)
    checker.string(view, "external_id", 255, required=False, empty=True)
    if "blocks" not in view:
        checker.error("missing required field: blocks")
    if kind == "modal":
        checker.text(view, "title", 24, plain=True)
        checker.text(view, "submit", 24, plain=True, required=False)
        checker.text(view, "close", 24, plain=True, required=False)
        blocks = view.get("blocks")
        inputs = isinstance(blocks, list) and any(
            isinstance(block, dict) and block.get("type") == "input" for block in blocks
        )
        if inputs and not view.get("submit"):
            checker.error("missing required field: submit")
    return checker.errors + check_blocks(view.get("blocks", []), "modal" if kind == "modal" else "home")


# --- the blocks -------------------------------------------------------------------------------------------------


def _header(checker: Checker, block: dict[str, Any]) -> None:
    checker.text(block, "text", 150, plain=True)


def _section(checker: Checker, block: dict[str, Any]) -> None:
    if "text" not in block and "fields" not in block:
        checker.error("missing required field: text")
    checker.text(block, "text", 3_000, required=False)
    for field in checker.items(block, "fields", 10, required=False):
        checker.text_object(field, 2_000)
    if "accessory" in block:
        with checker.at("accessory"):
            checker.element(block["accessory"], where="section")


def _context(checker: Checker, block: dict[str, Any]) -> None:
    for element in checker.items(block, "elements", 10):
        if isinstance(element, dict) and element.get("type") == "image":
            checker.image(element)
        else:
            checker.text_object(element, 3_000)


def _divider(checker: Checker, block: dict[str, Any]) -> None:
    del checker, block


def _actions(checker: Checker, block: dict[str, Any]) -> None:
    seen: set[str] = set()
    for element in checker.items(block, "elements", 25):
        checker.element(element, where="actions")
        checker.unique(element, "action_id", seen)


def _input(checker: Checker, block: dict[str, Any]) -> None:
    checker.text(block, "label", 2_000, plain=True)
    checker.text(block, "hint", 2_000, plain=True, required=False)
    element = block.get("element")
    with checker.at("element"):
        if not isinstance(element, dict):
            checker.error("missing required field: element")
        elif kind_of(element) not in INPUT_ELEMENTS:
            checker.error(f"unsupported type: {element.get('type')}", "type")
        else:
            checker.element(element, where="input")


def _image(checker: Checker, block: dict[str, Any]) -> None:
    checker.image(block)
    checker.text(block, "title", 2_000, plain=True, required=False)


def _rich_text(checker: Checker, block: dict[str, Any]) -> None:
    checker.rich_text(block)


def _plan(checker: Checker, block: dict[str, Any]) -> None:
    checker.string(block, "title", 256)
    seen: set[str] = set()
    for task in checker.items(block, "tasks", PLAN_TASKS, required=False):
        if not isinstance(task, dict):
            checker.error("must be an object")
            continue
        checker.string(task, "task_id", 255)
        checker.string(task, "title", 256)
        checker.unique(task, "task_id", seen)
        if task.get("status", "pending") not in TASK_STATES:
            checker.error(f"must be one of {', '.join(TASK_STATES)}", "status")
        for name in ("details", "output"):
            if name in task:
                with checker.at(name):
                    checker.rich_text(task[name])


def _task_card(checker: Checker, block: dict[str, Any]) -> None:
    checker.string(block, "task_id", 255)
    checker.string(block, "title", 256)
    # A card on its own is never pending: that state exists inside a plan only.
    if block.get("status", "in_progress") not in TASK_STATES[1:]:
        checker.error(f"must be one of {', '.join(TASK_STATES[1:])}", "status")
    for name in ("details", "output"):
        if name in block:
            with checker.at(name):
                checker.rich_text(block[name])


def _table(checker: Checker, block: dict[str, Any]) -> None:
    for row in checker.items(block, "rows", 100):
        if not isinstance(row, list) or not row:
            checker.error("must be a non-empty array")
            continue
        if len(row) > 20:
            checker.error("no more than 20 items allowed")
        for column, cell in enumerate(row):
            with checker.at(str(column)):
                if isinstance(cell, dict) and cell.get("type") == "rich_text":
                    checker.rich_text(cell)
                elif not (
                    isinstance(cell, dict)
                    and cell.get("type") in ("raw_text", "raw_number")
                    and ("text" in cell or "value" in cell)
                ):
                    checker.error("must be a raw_text or rich_text cell")
    if _table_size(block) > 10_000:
        checker.error("must be less than 10001 characters", "rows")


def _table_size(block: dict[str, Any]) -> int:
    return block_characters(block.get("rows", []))


def _markdown(checker: Checker, block: dict[str, Any]) -> None:
    checker.string(block, "text", 12_000)


def _alert(checker: Checker, block: dict[str, Any]) -> None:
    checker.text(block, "text", 200)
    if block.get("level", "default") not in ("default", "info", "success", "warning", "error"):
        checker.error("must be one of default, info, success, warning, error", "level")


_BLOCKS: dict[str, tuple[frozenset[str], Callable[[Checker, dict[str, Any]], None]]] = {
    "header": (EVERYWHERE, _header),
    "section": (EVERYWHERE, _section),
    "context": (EVERYWHERE, _context),
    "divider": (EVERYWHERE, _divider),
    "actions": (EVERYWHERE, _actions),
    "input": (EVERYWHERE, _input),
    "image": (EVERYWHERE, _image),
    "rich_text": (EVERYWHERE, _rich_text),
    "plan": (frozenset({"message"}), _plan),
    "task_card": (frozenset({"message"}), _task_card),
    "table": (frozenset({"message"}), _table),
    "markdown": (frozenset({"message"}), _markdown),
    "alert": (frozenset({"modal"}), _alert),
}
