"""The judge notices what it is there for: each broken promise, in a pool that was really treated so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from bot.lab.journal import Call, Effect
from bot.lab.pool import LabPool
from bot.lab.slack import LabSlack
from bot.lab.time import SteppedTime
from bot.rollout.lifecycle import State
from bot.rollout.memory import Debt, DebtKind
from storage import debts
from storage.tables import OutboxRow
from tests.chaos.conversation import Compared, compare
from tests.chaos.judgement import Judgement, judge
from tests.chaos.site import scenario
from tests.slack.office import Office

START = datetime(2026, 11, 20, 8, tzinfo=UTC)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with LabSlack.start() as slack:
        opened = Office.open(slack, tmp_path)
        yield opened
        opened.database.close()


@pytest.fixture
def clock() -> SteppedTime:
    return SteppedTime()


@pytest.fixture
def pool(clock: SteppedTime) -> Iterator[LabPool]:
    with LabPool.start(scenario(1, 2, 1), clock) as started:
        yield started


def verdict(office: Office, pool: LabPool) -> Judgement:
    return judge({"pool-01": pool}, office.database, office.slack)


def did(pool: LabPool, *effects: tuple[str, str]) -> None:
    """Let the pool's log say that this happened, a minute each."""
    for minute, (kind, host) in enumerate(effects):
        pool.world.journal.effects.append(Effect(START + timedelta(minutes=minute), kind, host))


def test_a_pool_that_nobody_touched_is_as_it_was(office: Office, pool: LabPool) -> None:
    assert verdict(office, pool).broken == []


def test_a_second_reboot_for_one_installation(office: Office, pool: LabPool) -> None:
    did(pool, ("apply_done", "xs-01"), ("host_rebooted", "xs-01"), ("apply_done", "xs-01"), ("host_rebooted", "xs-01"))
    assert verdict(office, pool).double_reboots == 0
    did(pool, ("host_rebooted", "xs-01"))
    found = verdict(office, pool)
    assert found.double_reboots == 1
    (told,) = found.broken
    assert told.startswith("pool-01: xs-01 was rebooted 1 times too often: ")
    assert told.count("host_rebooted") == 3


def test_an_installation_that_is_asked_for_again(office: Office, pool: LabPool) -> None:
    did(pool, ("apply_started", "xs-01"), ("apply_done", "xs-01"))
    for minute in (0, 5):
        at, ref = START + timedelta(minutes=minute), pool.host("xs-01").ref
        params = ("<session>", ref, "4b04aebd2058")
        pool.world.journal.calls.append(Call(at, pool.username, "xs-01", "Async.host.apply_updates", params, "ok"))
    found = verdict(office, pool)
    assert found.repeated_effects == 1
    assert "xs-01 was asked at 08:05:00 to install 4b04aebd2058 once more" in found.broken[0]


def test_what_is_off_must_be_listed(office: Office, pool: LabPool) -> None:
    world = pool.world
    pool.run(lambda: world.db.set("pool", world.pool, ha_enabled=False))
    assert verdict(office, pool).settings_left_off == 1
    with office.database.transaction() as tx:
        debts.open_debt(tx, pool.uuid, Debt(DebtKind.HA, original={}), None, START)
    found = verdict(office, pool)
    assert (found.settings_left_off, found.listed) == (0, 1)


def test_a_vm_elsewhere_must_be_listed(office: Office, pool: LabPool, clock: SteppedTime) -> None:
    pool.vm("web-01").started_by_somebody("xs-02")
    clock.wait_until(clock.now() + timedelta(minutes=5))
    assert pool.vm("web-01").resident_on == "xs-02"
    found = verdict(office, pool)
    assert (found.vms_lost, found.listed) == (1, 0)
    with office.database.transaction() as tx:
        debts.open_debt(tx, pool.uuid, Debt(DebtKind.VM_HOME, "uuid", "host", "web-01"), None, START)
    assert verdict(office, pool).vms_lost == 0


def test_a_rollout_that_does_not_end(office: Office, pool: LabPool) -> None:
    office.move(office.request(), State.APPROVED, State.RUNNING)
    assert verdict(office, pool).unfinished == 1


# ---------------------------------------------------------------------------------------------------- messages


def told(office: Office, windows: dict[int, int] | None = None) -> Compared:
    return compare(office.database, office.slack, office.settings, windows or {})


@pytest.fixture
def thread(office: Office) -> Office:
    """A card with two lines in its thread, all of it delivered."""
    rollout_id = office.request()
    office.line(rollout_id, "first")
    office.line(rollout_id, "second")
    office.deliver(20)
    return office


def test_everything_there_once_and_in_order(thread: Office) -> None:
    found = told(thread)
    assert (found.lost, found.doubled, found.out_of_order) == ([], [], [])
    assert found.expected >= 4


def test_a_message_that_waits_is_lost(thread: Office) -> None:
    thread.line(1, "third")
    assert any("line" in one for one in told(thread).lost)


def test_a_message_that_is_gone_is_lost(thread: Office) -> None:
    last = thread.slack.thread(thread.card())[-1]
    thread.slack.workspace.remove(last.channel, last.ts)
    assert [one.partition(" ")[0] for one in told(thread).lost] == ["second"]


def send_again(office: Office, place: int) -> None:
    """Post a message of the thread once more, at its end."""
    again = office.slack.thread(office.card())[place]
    office.slack.api.call(
        "chat.postMessage",
        office.slack.bot_token,
        {"channel": again.channel, "text": again.text, "blocks": again.blocks, "thread_ts": again.thread_ts},
    )


def rows_that_say(office: Office, code: str) -> list[int]:
    with office.database.reading() as tx:
        rows = tx.exec(select(OutboxRow)).all()
    return [row.id for row in rows if row.payload.get("reason", {}).get("code") == code]


@pytest.mark.parametrize(("place", "code"), [(-1, "second"), (-2, "first")])
def test_a_message_twice_is_doubled_unless_its_sender_was_killed_with_it_in_hand(
    thread: Office, place: int, code: str
) -> None:
    send_again(thread, place)
    assert len(told(thread).doubled) == 1
    found = told(thread, dict.fromkeys(rows_that_say(thread, code), 1))
    assert (found.doubled, found.in_windows) == ([], 1)


def test_a_kill_excuses_one_repetition_and_only_of_what_was_in_hand(thread: Office) -> None:
    send_again(thread, -1)
    send_again(thread, -1)
    assert len(told(thread, dict.fromkeys(rows_that_say(thread, "second"), 1)).doubled) == 1
    assert len(told(thread, dict.fromkeys(rows_that_say(thread, "first"), 2)).doubled) == 2


def test_messages_in_another_order(thread: Office) -> None:
    first, second = thread.slack.thread(thread.card())[-2:]
    posts = thread.slack.workspace.posts[first.channel]
    one, other = posts[first.ts], posts[second.ts]
    posts[first.ts], posts[second.ts] = replace(other, ts=first.ts), replace(one, ts=second.ts)
    found = told(thread)
    assert found.out_of_order or found.lost
    assert found.out_of_order == ["second"]
