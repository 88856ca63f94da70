"""Slack's sizes: taken at the limit, refused one above it, with Slack's code."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.lab.slack import LabSlack
from bot.lab.slack.limits import Surface, check_blocks, check_view
from bot.lab.slack.messages_api import with_ids

Json = dict[str, Any]


def plain(length: int) -> Json:
    return {"type": "plain_text", "text": "x" * length}


def mrkdwn(length: int) -> Json:
    return {"type": "mrkdwn", "text": "x" * length}


def button(text: int = 5, value: int = 5, label: int = 5, id_: str = "a") -> Json:
    return {
        "type": "button",
        "text": plain(text),
        "value": "v" * value,
        "accessibility_label": "l" * label,
        "action_id": id_,
    }


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def option(text: int = 5, value: int = 5, description: int = 5) -> Json:
    return {"text": plain(text), "value": "v" * value, "description": plain(description)}


def rich(words: str) -> Json:
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": words}]}
    return {"type": "rich_text", "elements": [section]}


def plan(tasks: int) -> Json:
    items = [{"task_id": f"t{n}", "title": "xs-01", "status": "complete", "output": rich("ok")} for n in range(tasks)]
    return {"type": "plan", "block_id": "run-1", "title": "Rollout", "tasks": items}


def confirm(title: int = 5, text: int = 5, yes: int = 5) -> Json:
    return {"title": plain(title), "text": plain(text), "confirm": plain(yes), "deny": plain(yes)}


LIMITS: list[tuple[str, int, Callable[[int], Json], Surface]] = [
    ("header", 150, lambda n: {"type": "header", "text": plain(n)}, "message"),
    ("section", 3000, lambda n: {"type": "section", "text": mrkdwn(n)}, "message"),
    ("field", 2000, lambda n: {"type": "section", "fields": [mrkdwn(n)]}, "message"),
    ("fields", 10, lambda n: {"type": "section", "fields": [mrkdwn(3)] * n}, "message"),
    ("context", 10, lambda n: {"type": "context", "elements": [mrkdwn(3)] * n}, "message"),
    ("actions", 25, lambda n: actions(*(button(id_=f"a{i}") for i in range(n))), "message"),
    ("button text", 75, lambda n: actions(button(text=n)), "message"),
    ("button value", 2000, lambda n: actions(button(value=n)), "message"),
    ("button label", 75, lambda n: actions(button(label=n)), "message"),
    ("action id", 255, lambda n: actions(button(id_="a" * n)), "message"),
    ("confirm title", 100, lambda n: actions(button() | {"confirm": confirm(title=n)}), "message"),
    ("confirm text", 300, lambda n: actions(button() | {"confirm": confirm(text=n)}), "message"),
    ("confirm button", 30, lambda n: actions(button() | {"confirm": confirm(yes=n)}), "message"),
    ("select", 100, lambda n: actions({"type": "static_select", "options": [option()] * n}), "message"),
    (
        "option text",
        75,
        lambda n: actions({"type": "static_select", "options": [option(text=n)]}),
        "message",
    ),
    (
        "option value",
        150,
        lambda n: actions({"type": "static_select", "options": [option(value=n)]}),
        "message",
    ),
    ("overflow", 5, lambda n: actions({"type": "overflow", "options": [option()] * n}), "message"),
    ("radio", 10, lambda n: actions({"type": "radio_buttons", "options": [option()] * n}), "message"),
    ("plan tasks", 50, plan, "message"),
    ("table rows", 100, lambda n: {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]] * n}, "message"),
    ("table columns", 20, lambda n: {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * n]}, "message"),
    ("markdown", 12000, lambda n: {"type": "markdown", "text": "x" * n}, "message"),
    ("alert", 200, lambda n: {"type": "alert", "text": plain(n)}, "modal"),
    (
        "label",
        2000,
        lambda n: {"type": "input", "label": plain(n), "element": {"type": "plain_text_input"}},
        "modal",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("limit", "make", "surface"), [x[1:] for x in LIMITS], ids=[x[0] for x in LIMITS])
def test_a_limit_is_the_last_size_that_passes(limit: int, make: Callable[[int], Json], surface: Surface) -> None:
    assert check_blocks([make(limit)], surface) == []
    assert check_blocks([make(limit + 1)], surface) != []


@pytest.mark.parametrize(
    ("block", "surface", "complaint"),
    [
        ({"type": "data_table"}, "message", "unsupported type: data_table"),
        ({"type": "header", "text": mrkdwn(3)}, "message", "must be one of plain_text"),
        (actions(button(), button()), "message", "`action_id` a already exists"),
        (plan(1), "modal", "unsupported type: plan"),
        (plan(1), "home", "unsupported type: plan"),
        ({"type": "alert", "text": plain(3)}, "message", "unsupported type: alert"),
        (plan(1) | {"tasks": [{"task_id": "a", "title": "t", "status": "done"}]}, "message", "must be one of"),
        (plan(1) | {"tasks": [{"task_id": "a", "title": "t"}] * 2}, "message", "`task_id` a already exists"),
        (
            plan(1) | {"tasks": [{"task_id": "a", "title": "t", "output": "words"}]},
            "message",
            "must be a rich_text object",
        ),
        ({"type": "section"}, "message", "missing required field: text"),
        (actions(button() | {"style": "blue"}), "message", "must be one of primary, danger"),
        ({"type": "context", "elements": []}, "message", "no less than 1 items"),
    ],
)
def test_a_wrong_shape_is_named_with_its_place(block: Json, surface: Surface, complaint: str) -> None:
    errors = check_blocks([block], surface)

    assert any(complaint in error for error in errors), errors
    assert all("[json-pointer:/" in error for error in errors)


KEYS = ["type", "text", "elements", "element", "accessory", "options", "option_groups", "initial_options",
        "initial_option", "tasks", "rows", "confirm", "fields", "label", "style", "action_id", "block_id",
        "max_length", "details", "title", "status"]  # fmt: skip
WORDS = ["section", "actions", "input", "plan", "table", "rich_text", "rich_text_list", "button", "checkboxes",
         "static_select", "plain_text_input", "mrkdwn", "plain_text", "text", "rich_text_section", "context",
         "image", "overflow", "rich_text_list", "header", ""]  # fmt: skip
ELEMENTS = ["button", "checkboxes", "static_select", "plain_text_input", "overflow", "radio_buttons"]
leaves = st.none() | st.booleans() | st.integers() | st.sampled_from(WORDS)
anything = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5)
)
element = st.builds(
    lambda kind, body: body | {"type": kind},
    st.sampled_from(ELEMENTS),
    st.dictionaries(st.sampled_from(KEYS), anything, max_size=6),
)
block = st.dictionaries(
    st.sampled_from(KEYS), anything | element | st.lists(element, min_size=1, max_size=3), max_size=6
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(WORDS), block), max_size=3), st.sampled_from(["message", "modal", "home"]))
def test_nonsense_is_refused_and_never_crashes(given_blocks: list[tuple[str, Json]], surface: Surface) -> None:
    blocks = [body | {"type": kind} for kind, body in given_blocks]

    if not check_blocks(blocks, surface):
        json.dumps(with_ids(blocks))


def test_a_block_id_stands_once_in_a_message() -> None:
    twice = [{"type": "divider", "block_id": "d"}] * 2

    assert "`block_id` d already exists" in check_blocks(twice, "message")[0]


def test_a_modal_with_inputs_needs_a_submit_button() -> None:
    view: Json = {"type": "modal", "title": plain(24), "blocks": [LIMITS[-1][2](5)]}

    assert check_view(view) == ["[ERROR] missing required field: submit [json-pointer:/view]"]
    assert check_view(view | {"submit": plain(24)}) == []
    assert check_view(view | {"submit": plain(25)}) != []
    assert check_view(view | {"submit": plain(4), "title": plain(25)}) != []
    assert check_view(view | {"submit": plain(4), "private_metadata": "x" * 3001}) != []


@pytest.fixture
def client(slack: LabSlack) -> WebClient:
    client = WebClient(slack.bot_token, base_url=slack.api_url)
    client.proxy = None
    return client


def code(call: Callable[[], Any]) -> str:
    with pytest.raises(SlackApiError) as caught:
        call()
    return str(caught.value.response["error"])


def test_messages_are_refused_as_slack_refuses_them(slack: LabSlack, client: WebClient) -> None:
    where = "C0UPDATES"
    divider: Json = {"type": "divider"}
    big = {"type": "section", "text": mrkdwn(3000)}

    posted = client.chat_postMessage(channel=where, text="ok", blocks=[divider] * 50)
    assert code(lambda: client.chat_postMessage(channel=where, text="x", blocks=[divider] * 51)) == (
        "msg_blocks_too_many"
    )
    assert code(lambda: client.chat_postMessage(channel=where, text="x", blocks=[big] * 5)) == ("msg_blocks_too_long")
    assert code(lambda: client.chat_postMessage(channel=where, text="x", blocks=[{"type": "nope"}])) == (
        "invalid_blocks"
    )
    assert code(lambda: client.api_call("chat.postMessage", json={"channel": where})) == "no_text"
    ts = posted["ts"]
    client.chat_update(channel=where, ts=ts, text="x" * 4000)
    assert code(lambda: client.chat_update(channel=where, ts=ts, text="x" * 4001)) == "msg_too_long"
    assert len(slack.messages()) == 1
