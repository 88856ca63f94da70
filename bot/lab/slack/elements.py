"""The rules for what stands inside a block: text objects, interactive elements, rich text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

INPUT_ELEMENTS = frozenset(
    {
        "plain_text_input",
        "number_input",
        "static_select",
        "multi_static_select",
        "users_select",
        "multi_users_select",
        "radio_buttons",
        "checkboxes",
        "datepicker",
        "timepicker",
        "datetimepicker",
    }
)
_SELECTS = frozenset({"static_select", "multi_static_select"})
_WHERE: dict[str, frozenset[str]] = {
    "section": (INPUT_ELEMENTS - {"plain_text_input", "number_input", "datetimepicker"})
    | {"button", "overflow", "image"},
    "actions": (INPUT_ELEMENTS - {"plain_text_input", "number_input", "multi_static_select", "multi_users_select"})
    | {"button", "overflow"},
    "input": INPUT_ELEMENTS,
}
_RICH_SECTIONS = frozenset({"rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote"})
_RICH_LEAVES = frozenset(
    {"text", "link", "emoji", "user", "usergroup", "channel", "broadcast", "date", "color", "team"}
)


def kind_of(value: Any) -> str:
    """The `type` of a block or element; empty for what is none. Always hashable, whatever was sent."""
    kind = value.get("type") if isinstance(value, dict) else None
    return kind if isinstance(kind, str) else ""


class Checker:
    """Collects complaints, each with the JSON pointer of the place it is about."""

    def __init__(self, root: str) -> None:
        self.errors: list[str] = []
        self._path = [root]

    def error(self, sentence: str, *steps: str) -> None:
        """Record one complaint at the present place, or `steps` below it."""
        self.errors.append(f"[ERROR] {sentence} [json-pointer:{'/'.join([*self._path, *steps])}]")

    @contextmanager
    def at(self, *steps: str) -> Iterator[None]:
        """Go down to a part while it is checked."""
        self._path.extend(steps)
        yield
        del self._path[-len(steps) :]

    def string(
        self, owner: dict[str, Any], key: str, limit: int, *, required: bool = True, empty: bool = False
    ) -> None:
        """A string of at most `limit` characters."""
        value = owner.get(key)
        if value is None:
            if required:
                self.error(f"missing required field: {key}")
        elif not isinstance(value, str):
            self.error("must be a string", key)
        elif not value and not empty:
            self.error("must be more than 0 characters", key)
        elif len(value) > limit:
            self.error(f"must be less than {limit + 1} characters", key)

    def text(self, owner: dict[str, Any], key: str, limit: int, *, plain: bool = False, required: bool = True) -> None:
        """A text object under `key`."""
        if owner.get(key) is None:
            if required:
                self.error(f"missing required field: {key}")
            return
        with self.at(key):
            self.text_object(owner[key], limit, plain=plain)

    def text_object(self, value: Any, limit: int, *, plain: bool = False) -> None:
        """`{"type": "plain_text" | "mrkdwn", "text": …}`."""
        if not isinstance(value, dict):
            self.error("must be an object")
            return
        kinds = ("plain_text",) if plain else ("plain_text", "mrkdwn")
        if value.get("type") not in kinds:
            self.error(f"must be one of {', '.join(kinds)}", "type")
        self.string(value, "text", limit)

    def items(self, owner: dict[str, Any], key: str, limit: int, *, required: bool = True) -> Iterator[Any]:
        """The items of a list, each visited at its own pointer; complains about too many and none."""
        value = owner.get(key)
        if value is None:
            if required:
                self.error(f"missing required field: {key}")
            return
        with self.at(key):
            if not isinstance(value, list):
                self.error("must be an array")
                return
            if not value:
                self.error("no less than 1 items allowed")
            if len(value) > limit:
                self.error(f"no more than {limit} items allowed")
            for index, item in enumerate(value):
                with self.at(str(index)):
                    yield item

    def unique(self, item: Any, key: str, seen: set[str]) -> None:
        """`item[key]` does not repeat among its siblings."""
        value = item.get(key) if isinstance(item, dict) else None
        if isinstance(value, str):
            if value in seen:
                self.error(f"`{key}` {value} already exists", key)
            seen.add(value)

    def image(self, value: dict[str, Any]) -> None:
        """An image block or element."""
        if "slack_file" not in value:
            self.string(value, "image_url", 3_000)
        self.string(value, "alt_text", 2_000)

    def element(self, value: Any, *, where: str) -> None:
        """An interactive element of a section, an actions block or an input block."""
        if not isinstance(value, dict):
            self.error("must be an object")
            return
        kind = kind_of(value)
        if kind not in _WHERE[where]:
            self.error(f"unsupported type: {kind}", "type")
            return
        self.string(value, "action_id", 255, required=False)
        if kind == "image":
            self.image(value)
        elif kind == "button":
            self._button(value)
        elif kind == "plain_text_input":
            self._plain_text_input(value)
        elif kind == "overflow":
            self._options(value, 5)
        elif kind in ("radio_buttons", "checkboxes"):
            self._options(value, 10, mrkdwn=True)
        elif kind in _SELECTS:
            if "options" not in value and "option_groups" not in value:
                self.error("missing required field: options")
            if "options" in value:
                self._options(value, 100)
            for group in self.items(value, "option_groups", 100, required=False):
                if isinstance(group, dict):
                    self.text(group, "label", 75, plain=True)
                    self._options(group, 100)
                else:
                    self.error("must be an object")
        self.text(value, "placeholder", 150, plain=True, required=False)
        if "confirm" in value:
            self._confirm(value["confirm"])

    def _button(self, value: dict[str, Any]) -> None:
        self.text(value, "text", 75, plain=True)
        self.string(value, "value", 2_000, required=False, empty=True)
        self.string(value, "url", 3_000, required=False)
        self.string(value, "accessibility_label", 75, required=False)
        if value.get("style", "primary") not in ("primary", "danger"):
            self.error("must be one of primary, danger", "style")

    def _plain_text_input(self, value: dict[str, Any]) -> None:
        low, high = value.get("min_length", 0), value.get("max_length", 3_000)
        if not isinstance(low, int) or not 0 <= low <= 3_000:
            self.error("must be between 0 and 3000", "min_length")
        if not isinstance(high, int) or not 1 <= high <= 3_000:
            self.error("must be between 1 and 3000", "max_length")

    def _options(self, owner: dict[str, Any], limit: int, *, mrkdwn: bool = False) -> None:
        values: list[str] = []
        for option in self.items(owner, "options", limit):
            if not isinstance(option, dict):
                self.error("must be an object")
                continue
            self.text(option, "text", 75, plain=not mrkdwn)
            self.string(option, "value", 150)
            self.text(option, "description", 75, plain=not mrkdwn, required=False)
            values.append(str(option.get("value")))
        many, one = owner.get("initial_options"), owner.get("initial_option")
        initial = [*(many if isinstance(many, list) else []), *([one] if one is not None else [])]
        offered = owner.get("options")
        for chosen in initial:
            if isinstance(offered, list) and chosen not in offered:
                self.error("initial option must exactly match one of the options", "initial_option")

    def _confirm(self, value: Any) -> None:
        with self.at("confirm"):
            if not isinstance(value, dict):
                self.error("must be an object")
                return
            self.text(value, "title", 100, plain=True)
            self.text(value, "text", 300)
            self.text(value, "confirm", 30, plain=True)
            self.text(value, "deny", 30, plain=True)
            if value.get("style", "primary") not in ("primary", "danger"):
                self.error("must be one of primary, danger", "style")

    def rich_text(self, value: Any) -> None:
        """A `rich_text` object: sections, lists, quotes, preformatted text and their leaves."""
        if not isinstance(value, dict) or value.get("type") != "rich_text":
            self.error("must be a rich_text object")
            return
        for part in self.items(value, "elements", 500):
            self._rich_section(part)

    def _rich_section(self, part: Any) -> None:
        kind = kind_of(part)
        if kind not in _RICH_SECTIONS:
            self.error(f"unsupported type: {kind}", "type")
            return
        if kind == "rich_text_list" and part.get("style") not in ("bullet", "ordered"):
            self.error("must be one of bullet, ordered", "style")
        # Slack takes an empty section (an empty line), so the count is not checked here.
        elements = part.get("elements")
        if not isinstance(elements, list):
            self.error("missing required field: elements")
            return
        for index, leaf in enumerate(elements):
            with self.at("elements", str(index)):
                if kind == "rich_text_list":
                    self._rich_section(leaf)
                elif kind_of(leaf) not in _RICH_LEAVES:
                    self.error("unsupported type", "type")
                elif leaf["type"] == "text":
                    self.string(leaf, "text", 12_000)
                elif leaf["type"] == "link":
                    self.string(leaf, "url", 3_000)
