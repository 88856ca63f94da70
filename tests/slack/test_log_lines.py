"""Every line that is written for a command or a click says which rollout and which pool it is about."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from bot import log
from bot.cli.stage import Stage
from bot.lab.slack import LabSlack
from tests.slack.conftest import request_update


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.addFilter(log.about)
    handler.setFormatter(log.JsonLines())
    logger = logging.getLogger("commands")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield out
    logger.removeHandler(handler)
    logger.setLevel(level)


def about(lines: io.StringIO, deed: str) -> list[tuple[object, object]]:
    read = [json.loads(line) for line in lines.getvalue().splitlines()]
    return [(line.get("rollout"), line.get("pool")) for line in read if line["message"].endswith(f": {deed}")]


def test_lines_of_commands_and_clicks_name_rollout_and_pool(fresh: Stage, lines: io.StringIO) -> None:
    slack: LabSlack = fresh.slack
    request_update(slack)
    slack.say("/xs help", as_="dave")
    slack.click("Approve", as_="dave")
    slack.click("Approve", as_="bob")
    slack.say("/xs status 1", as_="dave")
    slack.say("/xs updates lab", as_="dave")
    slack.say("/xs abort 1", as_="bob")
    slack.wait_for(lambda: about(lines, "/xs abort") != [])

    assert about(lines, "/xs help") == [(None, None)]
    assert about(lines, "/xs update")[0] == about(lines, "/xs updates")[0] == (None, "lab")
    assert about(lines, "card_approve") == [(1, "lab"), (1, "lab")]
    assert about(lines, "/xs status") == about(lines, "/xs abort") == [(1, "lab")]


def test_a_fault_of_ours_is_logged_with_them(fresh: Stage, lines: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    request_update(fresh.slack)

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(type(fresh.service.rollouts), "pause", broken)
    answer = fresh.slack.say("/xs pause 1", as_="bob").text
    read = [json.loads(line) for line in lines.getvalue().splitlines()]
    # An answer of the stage before may still be on its way to a workspace that is gone.
    (fault,) = [line for line in read if "ZeroDivisionError" in str(line.get("error", ""))]
    assert (fault["rollout"], fault["pool"]) == (1, "lab")
    assert fault["message"].removeprefix("error id ") in answer
