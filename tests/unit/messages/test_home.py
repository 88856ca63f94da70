"""What one person reads on their Home tab."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.lab.slack.plain import plain_blocks
from bot.messages.blocks import View
from bot.messages.home import dated, home
from bot.messages.updates import severities
from bot.rollout.amendment import AmendmentKind, Offer
from bot.rollout.expected import Expectation
from bot.rollout.lifecycle import State
from bot.rollout.memory import Debt, DebtKind, TurnPhase
from bot.rollout.model import AvailableUpdates
from bot.rollout.reason import because
from bot.rollouts import HomePool, HomeStanding, PoolStanding, Standing
from bot.rollouts.home import More
from storage.tables import PoolRow
from tests.unit.messages.made import NOW, amendment_of, standing_of, updates_for


def pool(alias: str = "lab", *, count: int = 3, may_plan: bool = True, **changes: Any) -> HomePool:
    """A pool that was polled; `count` updates wait for it."""
    row = PoolRow(
        uuid=alias,
        alias=alias,
        name=alias,
        seen_at=NOW,
        last_update_sync=NOW,
        ha_enabled=True,
        pending_hosts=2,
        version="8.4.0",
    )
    known = updates_for(3, count=count) if count else AvailableUpdates("c0ffee", ())
    return HomePool(PoolStanding(alias, row, None, (), "act"), known, may_plan, **changes)


def standing(
    *pools: HomePool,
    for_me: Sequence[Standing] = (),
    asking_me: Sequence[Standing] = (),
    others: Sequence[Standing] = (),
) -> HomeStanding:
    history = (standing_of(State.SUCCEEDED, finished_at=NOW).row,)
    return HomeStanding(pools, tuple(for_me), tuple(asking_me), tuple(others), history)


def read(view: View) -> str:
    return plain_blocks(view["blocks"], {"U0ALICE": "alice", "U0BOB": "bob"})


def buttons(view: View) -> list[str]:
    found = [element for block in view["blocks"] for element in block.get("elements", [])]
    found += [block["accessory"] for block in view["blocks"] if "accessory" in block]
    return [element["text"]["text"] for element in found if element["type"] == "button"]


def test_a_pool_says_what_is_known_of_it() -> None:
    view = home(standing(pool(next_window=NOW + timedelta(days=1))))

    told = read(view)
    assert "*lab*, 8.4.0" in told
    assert "3 updates (1 security fix, 2 improvements), for 3 of 3 hosts; severity: 1 high" in told
    assert "last sync 2026-11-20 10:00 UTC; HA on; tasks pending on 2 hosts; next window 2026-11-21 10:00 UTC" in told
    assert buttons(view) == ["Plan update…", "Show updates"]
    assert "Nothing waits for you" in told
    assert "42* lab: succeeded" in told


def test_only_who_may_plan_gets_the_button_and_only_where_nothing_is_open() -> None:
    assert buttons(home(standing(pool(may_plan=False)))) == ["Show updates"]
    busy = pool()
    busy = replace(busy, standing=replace(busy.standing, open_rollout=standing_of().row))
    assert buttons(home(standing(busy))) == ["Show updates"]


def test_a_pool_that_is_up_to_date_takes_one_block() -> None:
    view = home(standing(pool("done", count=0)))
    assert "✓ up to date" in read(view)
    assert buttons(view) == []


def test_what_is_not_shown_is_counted() -> None:
    more = More(pools=970, for_me=3, asking_me=1, others=5)
    told = read(home(replace(standing(pool(), for_me=[standing_of()], others=[standing_of()]), more=more)))
    assert "Waits for you (5)" in told
    for count, where in ((4, "status"), (5, "status"), (970, "pools")):
        assert f"… and {count} more. `/xs {where}`" in told


def test_what_waits_for_the_reader_comes_first_with_the_way_to_it() -> None:
    view = home(standing(pool(), for_me=[standing_of()]))

    told = read(view)
    assert told.index("Waits for you (1)") < told.index("Pools")
    assert "○ *Rollout 42, pool lab, waits for your approval*" in told
    assert "@alice asks: update 3 hosts, recommended guidance: 3 host reboots, 24 live VM moves" in told
    assert "0 of 2 approvals; expires 2026-11-21 10:00 UTC." in told
    assert "Reason: CHG-1234, the November fixes" in told
    assert "Look and approve…" in buttons(view)


def test_an_amendment_and_a_question_say_what_is_wanted() -> None:
    made = standing_of(State.NEEDS_ATTENTION)
    offer = Offer(AmendmentKind.REBOOT, "host-0")
    amended = replace(made, amendment=amendment_of(made, offer))
    problem = {"reason": because("livepatch.failed", host="xs-01").as_dict(), "options": []}
    asks = standing_of(State.NEEDS_ATTENTION, problem=problem)

    told = read(home(standing(for_me=[amended], asking_me=[asks])))

    assert "*Amendment 1 of rollout 42, pool lab, waits for your approval*" in told
    assert "⚠ *Rollout 42, pool lab, needs a decision*" in told
    assert "live patch" in told


def test_what_is_under_way_shows_its_hosts() -> None:
    phases = (TurnPhase.DONE, TurnPhase.EVACUATING)
    soon = Expectation(NOW, NOW + timedelta(minutes=40))
    running = standing_of(State.RUNNING, phases=phases, started_at=NOW, expected=soon.as_dict())
    running = replace(running, debts=(Debt(DebtKind.HA, "", label="HA"),))

    told = read(home(standing(pool(), others=[running])))

    assert "▶ *Rollout 42*, pool lab: running" in told
    assert "1 of 3 hosts done" in told
    assert "xs-02: moving its VMs away, 3 of 7 VMs still here" in told
    assert "■■■□□□□□□□ expected to be done 2026-11-20 10:40 UTC" in told
    paused = standing_of(State.PAUSED, phases=phases, started_at=NOW, expected=soon.as_dict())
    assert "expected" not in read(home(standing(pool(), others=[paused])))


def test_whoever_holds_no_role_is_told_whom_to_ask() -> None:
    assert "No pool for you" in read(home(standing()))


def test_the_moment_is_no_part_of_what_is_compared() -> None:
    content = home(standing(pool()))
    assert "As of" not in read(content)
    assert "As of 2026-11-20 10:00 UTC." in read(dated(content, NOW))


def test_severities_come_worst_first() -> None:
    updates = updates_for(3, count=3)
    words = ("Low", "Critical", "Odd")
    updates = replace(
        updates, updates=tuple(replace(u, severity=w) for u, w in zip(updates.updates, words, strict=True))
    )
    assert severities(updates) == "1 critical, 1 low, 1 odd"
