"""What a channel reads of its pools each week."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.lab.slack.plain import plain_blocks
from bot.messages.digest import digest
from bot.rollout.lifecycle import State
from bot.rollout.memory import Debt, DebtKind
from bot.rollout.model import AvailableUpdates
from bot.rollout.window import Span
from bot.rollouts import Digest, DigestPool, PoolStanding
from storage.tables import FreezeRow, PoolRow
from tests.unit.messages.made import NOW, standing_of, updates_for

NOTHING = AvailableUpdates("c0ffee", ())


def pool(alias: str = "lab", *, count: int = 3, standing: dict[str, Any] | None = None, **changes: Any) -> DigestPool:
    """A pool that was polled; `count` updates wait for it."""
    seen: dict[str, Any] = {"uuid": alias, "alias": alias, "name": alias, "seen_at": NOW, "last_update_sync": NOW}
    row = PoolRow(**{**seen, **changes.pop("row", {})})
    facts: dict[str, Any] = {"row": row, "open_rollout": None, "debts": (), "mode": "act", **(standing or {})}
    known = updates_for(3, count=count) if count else NOTHING
    return DigestPool(PoolStanding(alias, **facts), known, **changes)


def read(*pools: DigestPool) -> str:
    return plain_blocks(list(digest(Digest(NOW, pools)).blocks), {"U0ERIN": "erin"})


def test_a_pool_that_is_behind_is_told_with_all_there_is_to_know() -> None:
    frozen = FreezeRow(
        pool_alias="prod", begins=NOW, until=NOW, why="year's end", by_kind="slack", by_id="U0ERIN", by_name="erin"
    )
    planned = standing_of(State.APPROVED, due_at=NOW + timedelta(hours=12)).row
    shown = read(
        pool(
            "prod",
            row={"pending_hosts": 2},
            standing={"debts": (Debt(DebtKind.HA, ""),), "open_rollout": planned},
            openings=(Span(NOW, NOW + timedelta(hours=6)),),
            freeze=frozen,
            age=timedelta(days=152),
        ),
        pool("lab", count=0),
        pool("test", count=0),
    )
    assert shown == (
        "Weekly digest\n"
        "1 of 3 pools behind; ⚠ 1 pool soon too old, or too old already, for updates to be supported;"
        " tasks pending on 1 pool; rollouts open on 1 pool; 1 pool frozen; ⚠ something still to restore on 1 pool.\n"
        "*prod*: 3 updates (1 security fix, 2 improvements), for 3 of 3 hosts; severity: 1 high\n"
        "⚠ last updated 5 months ago; tasks pending on 2 hosts\n"
        "rollout 42 starts 2026-11-20 22:00 UTC\n"
        "maintenance windows: 2026-11-20 10:00 UTC to 2026-11-20 16:00 UTC\n"
        "⚠ frozen until 2026-11-20 10:00 UTC by @erin: year's end\n"
        "⚠ 1 setting or VM still to restore (`/xs status`)\n"
        "Show updates\n"
        "✓ Up to date, nothing pending: lab, test\n"
        "`/xs update <pool>` plans an update, `/xs windows` says when pools may be worked on."
        " `/xs pools --digest` shows this at any time."
    )


def test_that_there_is_nothing_to_say_is_said_in_one_line() -> None:
    quiet = [pool(alias, count=0) for alias in ("prod", "lab")]
    assert read(*quiet) == (
        "Weekly digest\n✓ 2 pools up to date, nothing pending, nothing planned.\n"
        "`/xs pools --digest` shows this at any time."
    )
    assert digest(Digest(NOW, tuple(quiet))).text == (
        "Weekly digest: ✓ 2 pools up to date, nothing pending, nothing planned."
    )


def test_the_text_alone_says_it_all() -> None:
    told = digest(Digest(NOW, (pool("prod", age=timedelta(days=20)), pool("lab", count=0)))).text
    assert "1 of 2 pools behind" in told
    assert "last updated 20 days ago" in told
    assert "Up to date, nothing pending: lab" in told


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"standing": {"row": None}}, "*lab*: not reached yet"),
        ({"row": {"last_error": "The pool did not answer."}}, "⚠ last look failed: The pool did not answer."),
        ({"row": {"last_update_sync": None}, "old_sync": True}, "never synced"),
        ({"old_sync": True}, "last sync 2026-11-20 10:00 UTC"),
        ({"row": {"pending_hosts": 1}}, "tasks pending on 1 host"),
        ({"standing": {"debts": (Debt(DebtKind.HA, ""),)}}, "still to restore"),
        ({"standing": {"open_rollout": standing_of(State.NEEDS_ATTENTION).row}}, "⚠ rollout 42: needs attention"),
    ],
)
def test_a_pool_that_is_up_to_date_is_told_of_when_there_is_something_else(changed: dict[str, Any], said: str) -> None:
    shown = read(pool(count=0, **changed), pool("far", count=0))
    assert said in shown
    assert "none of 2 pools is known to be behind" in shown
    assert "Up to date, nothing pending: far" in shown
    assert "Show updates" not in shown


@pytest.mark.parametrize(("days", "said"), [(0, "1 day"), (1, "1 day"), (60, "60 days"), (61, "2 months")])
def test_ages_are_told_in_the_unit_that_says_enough(days: int, said: str) -> None:
    assert f"last updated {said} ago" in read(pool(age=timedelta(days=days)))
