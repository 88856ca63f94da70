"""`xsbot audit export`: what an auditor gets, and what can be checked without this program."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.rollout.reason import because
from storage import audit
from storage.actors import Actor
from tests.cli.test_rollouts import STARTED, Desk
from tests.storage.scene import NOW


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "xsbot.sqlite")
    yield desk
    desk.database.close()


def chained(line: str, before: str) -> str:
    """The hash of a line as somebody works it out who only has the export and the description of the chain."""
    body = json.dumps(json.loads(line)["event"], sort_keys=True, separators=(",", ":")).encode("ascii")
    return hashlib.sha256(bytes.fromhex(before) + body).hexdigest()


def test_json_lines_can_be_verified_by_anybody(desk: Desk) -> None:
    desk.asked(*STARTED)
    said = desk("audit", "export")
    assert said.code == 0
    lines = said.out.splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [1, 2, 3]
    before = "00" * 32
    for line in lines:
        before = chained(line, before)
        assert json.loads(line)["hash"] == before
    with desk.database.reading() as tx:
        assert audit.head(tx) == before


def test_one_rollout_as_csv(desk: Desk) -> None:
    first = desk.asked()
    with desk.database.transaction() as tx:
        audit.append(
            tx,
            actor=Actor("slack", "U0MALLORY", "=HYPERLINK(evil)"),
            action="pool.sync",
            reason=because("sync.asked", user="mallory", pool="lab"),
            sentence="With a comma, “quotes” and\na second line.",
            at=NOW,
            rollout_id=first,
        )
        audit.append(
            tx, actor=Actor("bot", "", "xsbot"), action="other", reason=because("x"), sentence="Elsewhere.", at=NOW
        )
    said = desk("audit", "export", "--format", "csv", "--rollout", first)
    rows = list(csv.DictReader(io.StringIO(said.out)))
    assert [row["action"] for row in rows] == ["rollout.awaiting_approval", "pool.sync"]
    assert rows[1]["actor_name"] == "'=HYPERLINK(evil)", "a name must not become a formula in a spreadsheet"
    assert rows[1]["sentence"] == "With a comma, “quotes” and\na second line."
    assert rows[1]["reason_params"] == '{"pool":"lab","user":"mallory"}'
    assert len(rows[0]["hash"]) == 64


def test_a_rollout_that_there_is_not_has_no_lines(desk: Desk) -> None:
    desk.asked()
    assert desk("audit", "export", "--rollout", 99).out == ""
