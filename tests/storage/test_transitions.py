"""A state changes only along the table, once, and never without its audit event and its messages."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import XsbotError
from bot.rollout.errors import IllegalTransition, InvalidSpec
from bot.rollout.lifecycle import OPEN, TERMINAL, TRANSITIONS, State
from bot.rollout.reason import because
from storage import audit, outbox, rollouts, specs
from storage.columns import Topic
from storage.database import Database
from storage.errors import Conflict, NotFound, PoolBusy, SpecDamaged
from tests.storage.scene import ALICE, BOB, NOW, POOL, UPDATES, ask, asked, move, spec_bytes, tamper


@settings(max_examples=60, deadline=None)
@given(
    start=st.sampled_from([State.AWAITING_APPROVAL, State.APPROVED]),
    wishes=st.lists(st.tuples(st.sampled_from(State), st.none() | st.sampled_from(State)), max_size=12),
)
def test_only_the_tables_moves_succeed_each_with_exactly_one_audit_event(
    long_lived: Database, start: State, wishes: list[tuple[State, State | None]]
) -> None:
    with long_lived.transaction() as tx:
        rollout_id = ask(tx, pool=str(uuid4()), state=start).id
    present, history = start, [start]
    for to, believed in wishes:
        allowed = to in TRANSITIONS[present] and believed in (None, present)
        try:
            with long_lived.transaction() as tx:
                move(tx, rollout_id, to, frm=believed)
        except (IllegalTransition, Conflict):
            assert not allowed
        else:
            assert allowed
            present = to
            history.append(to)
        with long_lived.reading() as tx:
            assert rollouts.get(tx, rollout_id).state is present
            events = audit.recent(tx, rollout_id=rollout_id, limit=100)
            assert [event.action for event in reversed(events)] == [f"rollout.{state}" for state in history]
    with long_lived.reading() as tx:
        assert audit.verify(tx).ok


def test_of_twenty_who_start_it_at_once_one_wins(database: Database) -> None:
    rollout_id = asked(database, State.APPROVED)
    gate = threading.Barrier(20)

    def start(_: int) -> str:
        gate.wait()
        try:
            with database.transaction() as tx:
                move(tx, rollout_id, State.RUNNING, frm=State.APPROVED)
        except Conflict as lost:
            return lost.sentence
        return "won"

    with ThreadPoolExecutor(20) as people:
        answers = list(people.map(start, range(20)))
    assert sorted(answers) == [f"Rollout {rollout_id} is running now."] * 19 + ["won"]
    with database.reading() as tx:
        assert [event.action for event in audit.recent(tx)].count("rollout.running") == 1
        assert audit.verify(tx) == audit.VerifyResult(True, 3, audit.head(tx))


def test_of_twenty_conflicting_wishes_one_is_carried_out(database: Database) -> None:
    rollout_id = asked(database)
    wishes = [State.APPROVED, State.REJECTED, State.EXPIRED, State.SUPERSEDED, State.CANCELLED] * 4

    def wish(to: State) -> bool:
        try:
            with database.transaction() as tx:
                move(tx, rollout_id, to, frm=State.AWAITING_APPROVAL)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(20) as people:
        assert sum(people.map(wish, wishes)) == 1
    with database.reading() as tx:
        assert len(audit.recent(tx)) == 2


def test_who_is_overtaken_between_reading_and_writing_loses(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollout_id = asked(database)
    with database.transaction() as tx:

        def overtaken(_present: State, _wanted: State) -> None:
            monkeypatch.undo()
            move(tx, rollout_id, State.REJECTED)

        monkeypatch.setattr(rollouts, "check_transition", overtaken)
        with pytest.raises(Conflict, match="is rejected now"):
            move(tx, rollout_id, State.APPROVED)
    with database.reading() as tx:
        assert rollouts.get(tx, rollout_id).state is State.REJECTED
        assert [event.action for event in audit.recent(tx)] == ["rollout.rejected", "rollout.awaiting_approval"]


def test_a_transition_that_fails_late_leaves_nothing_behind(database: Database) -> None:
    rollout_id = asked(database)
    with database.reading() as tx:
        waiting = outbox.depth(tx)

    def interrupted() -> None:
        with database.transaction() as tx:
            move(tx, rollout_id, State.APPROVED)
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        interrupted()
    with database.reading() as tx:
        assert rollouts.get(tx, rollout_id).state is State.AWAITING_APPROVAL
        assert len(audit.recent(tx)) == 1
        assert outbox.depth(tx) == waiting


def test_a_late_click_reads_what_the_rollout_is_now(database: Database) -> None:
    rollout_id = asked(database, State.REJECTED)
    with database.transaction() as tx:
        with pytest.raises(Conflict, match="is rejected now"):
            move(tx, rollout_id, State.APPROVED, frm=State.AWAITING_APPROVAL)
        with pytest.raises(IllegalTransition, match="is rejected"):
            move(tx, rollout_id, State.APPROVED)
        with pytest.raises(NotFound):
            move(tx, 4711, State.APPROVED)


def test_every_change_redraws_the_card_and_ends_and_problems_are_told(database: Database) -> None:
    rollout_id = asked(database, State.APPROVED, State.RUNNING, State.NEEDS_ATTENTION, State.ABORTING, State.ABORTED)
    with database.transaction() as tx:
        told = []
        while due := [row for row in outbox.next_due(tx, NOW) if row.lane == outbox.rollout_lane(rollout_id)]:
            outbox.claim(tx, due[0].id, NOW)
            outbox.mark_sent(tx, due[0].id, NOW)
            told.append(due[0].topic)
    assert told == [Topic.CARD, Topic.ATTENTION, Topic.OUTCOME]


@pytest.mark.parametrize("end", [State.REJECTED, State.EXPIRED, State.SUPERSEDED, State.CANCELLED])
def test_what_never_ran_has_no_outcome(database: Database, end: State) -> None:
    asked(database, end)
    with database.reading() as tx:
        assert {row.topic for row in outbox.next_due(tx, NOW)} == {Topic.CARD, Topic.AUDIT}


def test_the_moments_of_a_rollout_are_kept(database: Database) -> None:
    later = [NOW + timedelta(minutes=n) for n in range(6)]
    with database.transaction() as tx:
        rollout_id = ask(tx).id
        move(tx, rollout_id, State.APPROVED, at=later[1])
        assert move(tx, rollout_id, State.AWAITING_APPROVAL, at=later[2]).approved_at is None
        move(tx, rollout_id, State.APPROVED, at=later[3])
        move(tx, rollout_id, State.RUNNING, at=later[4])
        move(tx, rollout_id, State.PAUSED, at=later[5])
        move(tx, rollout_id, State.RUNNING, at=later[5])
        row = move(tx, rollout_id, State.SUCCEEDED, at=later[5])
    assert (row.created_at, row.approved_at, row.started_at, row.finished_at) == (
        later[0],
        later[3],
        later[4],
        later[5],
    )
    assert row.headline_reason == because("test.succeeded")


def test_a_pool_has_one_open_rollout(database: Database) -> None:
    first = asked(database)
    with database.transaction() as tx:
        with pytest.raises(PoolBusy, match=f"rollout {first}") as refused:
            ask(tx)
        assert refused.value.rollout_id == first
        ask(tx, pool="another")
        move(tx, first, State.CANCELLED)
        assert ask(tx).id > first


@pytest.mark.parametrize("state", sorted(OPEN))
def test_the_database_itself_refuses_a_second_open_rollout(database: Database, state: State) -> None:
    rollout_id = asked(database)
    with database.transaction() as tx:
        move(tx, rollout_id, State.CANCELLED)
        ask(tx)
    with pytest.raises(XsbotError, match=r"(?i)unique"), database.transaction() as tx:
        rollouts.get(tx, rollout_id).state = state


def test_an_approved_start_needs_no_second_event_and_odd_starts_are_refused(database: Database) -> None:
    with database.transaction() as tx:
        row = ask(tx, state=State.APPROVED)
        assert row.approved_at == NOW
        assert [event.action for event in audit.recent(tx)] == ["rollout.approved"]
        for state in sorted(TERMINAL):
            with pytest.raises(IllegalTransition):
                ask(tx, pool="another", state=state)


def test_what_people_approve_is_kept_to_the_byte(database: Database) -> None:
    rollout_id = asked(database)
    with database.reading() as tx:
        spec, stored, digest = specs.of(tx, rollout_id)
        row = rollouts.get(tx, rollout_id)
    assert stored == spec_bytes()
    assert (spec.pool_uuid, digest) == (POOL, row.digest)
    assert rollouts.updates_of(row) == UPDATES
    assert row.requester == ALICE


def test_a_spec_that_was_changed_in_the_database_is_not_carried_out(database: Database, path: Path) -> None:
    rollout_id = asked(database)
    tamper(path, "UPDATE specs SET body = replace(body, 'recommended', 'full')")
    with database.reading() as tx, pytest.raises(SpecDamaged):
        specs.of(tx, rollout_id)


def test_a_spec_of_another_pool_is_refused(database: Database) -> None:
    with database.transaction() as tx, pytest.raises(InvalidSpec):
        rollouts.create(
            tx,
            pool_uuid="another",
            pool_alias="lab",
            spec_bytes=spec_bytes(),
            requester=ALICE,
            reason_text="",
            updates=UPDATES,
            forecast={},
            checks=[],
            channel="C",
            at=NOW,
            expires_at=NOW,
        )


def test_a_problem_is_kept_until_the_rollout_moves_on(database: Database) -> None:
    rollout_id = asked(database, State.APPROVED, State.RUNNING, State.NEEDS_ATTENTION)
    with database.transaction() as tx:
        assert rollouts.get(tx, rollout_id).problem_reason == because("test.needs_attention")
        row = rollouts.set_problem(tx, rollout_id, because("host.not_back", host="xs-02"), ["retry"], ["RebootHost:h2"])
        assert row.problem_reason == because("host.not_back", host="xs-02")
        assert (row.problem_options, rollouts.problem_keys(row)) == (("retry",), ("RebootHost:h2",))
        row = move(tx, rollout_id, State.RUNNING)
        assert (row.problem_reason, row.problem_options, rollouts.problem_keys(row)) == (None, (), ())


def test_an_old_driver_loses_its_fence(database: Database) -> None:
    rollout_id = asked(database, State.APPROVED)
    with database.transaction() as tx:
        rollouts.take_fence(tx, rollout_id, "worker-1")
        rollouts.check_fence(tx, rollout_id, "worker-1")
        rollouts.take_fence(tx, rollout_id, "worker-2")
        with pytest.raises(Conflict, match="another process"):
            rollouts.check_fence(tx, rollout_id, "worker-1")


def test_lists_of_rollouts(database: Database) -> None:
    with database.transaction() as tx:
        waiting, ready, ended = ask(tx, pool="a").id, ask(tx, pool="b").id, ask(tx, pool="c").id
        move(tx, ready, State.APPROVED)
        move(tx, ended, State.CANCELLED)
    with database.reading() as tx:
        assert [row.id for row in rollouts.open_rollouts(tx)] == [waiting, ready]
        assert [row.id for row in rollouts.driven(tx)] == [ready]
        assert [row.id for row in rollouts.recent(tx, limit=2)] == [ended, ready]
        assert [row.id for row in rollouts.recent(tx, pool_uuid="a")] == [waiting]
        assert rollouts.open_rollout_of(tx, "c") is None


def test_who_asked_for_the_abort_first_stays_on_record(database: Database) -> None:
    rollout_id = asked(database, State.APPROVED, State.RUNNING, State.ABORTING)
    with database.transaction() as tx:
        rollouts.note_abort(tx, rollout_id, ALICE)
        row = rollouts.note_abort(tx, rollout_id, BOB, give_up=True)
    assert (row.abort_requested_by, row.giving_up) == (ALICE.id, True)


def test_a_headline_is_news_once(database: Database) -> None:
    rollout_id = asked(database, State.APPROVED, State.RUNNING)
    with database.transaction() as tx:
        assert rollouts.set_headline(tx, rollout_id, because("host.rebooting", host="xs-02"))
        assert not rollouts.set_headline(tx, rollout_id, because("host.rebooting", host="xs-02"))
