"""Interactive elements as a user meets them: where they stand, what they are called, what was put into them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.lab.slack.records import Json
from bot.lab.slack.refusal import LabError

_MANY = {"checkboxes": "selected_options", "multi_static_select": "selected_options"}
_ONE = {"static_select": "selected_option", "radio_buttons": "selected_option", "overflow": "selected_option"}
_PLAIN = {
    "plain_text_input": "value",
    "number_input": "value",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
    "users_select": "selected_user",
    "multi_users_select": "selected_users",
}
REQUIRED = "Please complete this required field."


@dataclass(frozen=True, slots=True)
class Field:
    """One interactive element inside its block."""

    block: Json
    element: Json

    @property
    def block_id(self) -> str:
        return str(self.block["block_id"])

    @property
    def action_id(self) -> str:
        return str(self.element["action_id"])

    @property
    def kind(self) -> str:
        return str(self.element["type"])

    @property
    def label(self) -> str:
        """What the user reads on it or beside it."""
        for text in (self.element.get("text"), self.block.get("label"), self.element.get("placeholder")):
            if isinstance(text, dict):
                return str(text.get("text", ""))
        return ""

    @property
    def names(self) -> tuple[str, ...]:
        """All the names by which a driver may call it."""
        return (self.label, self.action_id, self.block_id, f"{self.block_id}/{self.action_id}")

    @property
    def options(self) -> list[Json]:
        """The options of a select, radio, checkboxes or overflow; groups flattened."""
        groups = self.element.get("option_groups", [])
        return [*self.element.get("options", []), *(o for g in groups for o in g.get("options", []))]

    def option(self, name: str) -> Json:
        """The option with that text or value; raises `LabError` naming the options there are."""
        for option in self.options:
            if name in (option["text"]["text"], option["value"]):
                return option
        texts = ", ".join(o["text"]["text"] for o in self.options)
        raise LabError(f"{self.label or self.action_id} has no option {name!r}.", f"It has {texts}.")

    def entry(self, given: Any) -> Json:
        """The entry of `state.values` when the user puts `given` in: text, an option, a list of options."""
        kind = self.kind
        if kind in _MANY:
            names = [given] if isinstance(given, str) else list(given or [])
            return {"type": kind, _MANY[kind]: [self.option(str(name)) for name in names]}
        if kind in _ONE:
            return {"type": kind, _ONE[kind]: None if given is None else self.option(str(given))}
        if kind == "datetimepicker" and isinstance(given, datetime):
            given = int(given.timestamp())
        if kind == "datetimepicker" and given not in (None, ""):
            given = int(given)
        return {"type": kind, _PLAIN[kind]: None if given == "" else given}

    def initial(self) -> Json:
        """The entry of `state.values` before the user touches it."""
        element, kind = self.element, self.kind
        if kind in _MANY:
            return {"type": kind, _MANY[kind]: element.get("initial_options", [])}
        if kind in _ONE:
            return {"type": kind, _ONE[kind]: element.get("initial_option")}
        given = next((v for k, v in element.items() if k.startswith("initial_")), None)
        return {"type": kind, _PLAIN[kind]: given}

    def complaint(self, entry: Json) -> str | None:
        """What Slack's own client says about an input before it submits anything, or None."""
        value = next((v for k, v in entry.items() if k != "type"), None)
        if value in (None, "", []):
            return None if self.block.get("optional") else REQUIRED
        if self.kind == "plain_text_input":
            low = self.element.get("min_length", 0)
            high = self.element.get("max_length", 3_000)
            if len(str(value)) < low:
                return f"Please use at least {low} characters."
            if len(str(value)) > high:
                return f"Please use at most {high} characters."
        return None


def fields(blocks: list[Json]) -> Iterator[Field]:
    """All interactive elements of a list of blocks, in reading order."""
    for block in blocks:
        if block["type"] == "actions":
            for element in block["elements"]:
                yield Field(block, element)
        for key in ("accessory", "element"):
            element = block.get(key)
            if isinstance(element, dict) and element.get("type") != "image":
                yield Field(block, element)


def clickable(blocks: list[Json], name: str) -> tuple[Field, Json | None] | None:
    """The button called `name` (text or action id), or the overflow menu with an option of that text."""
    for field in fields(blocks):
        if field.kind == "button" and name in field.names[:2]:
            return field, None
        if field.kind == "overflow":
            for option in field.options:
                if name == option["text"]["text"]:
                    return field, option
    return None


def state_of(blocks: list[Json], kept: Json) -> Json:
    """The whole `state.values`: what the user put in, else what the fields began with. Buttons have none."""
    state: Json = {}
    for field in fields(blocks):
        if field.kind in ("button", "overflow"):
            continue
        entry = kept.get(field.block_id, {}).get(field.action_id) or field.initial()
        state.setdefault(field.block_id, {})[field.action_id] = entry
    return state
