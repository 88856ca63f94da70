"""Amendments: one open at a time, while the rollout needs attention; the digest switches once, from the right spec."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlmodel import Session

from bot.rollout.amendment import AmendmentKind, AmendmentState, Offer, amended
from bot.rollout.errors import InvalidSpec, StaleDigest
from bot.rollout.lifecycle import State
from bot.rollout.reason import because
from bot.rollout.spec import canonical_bytes, digest_of, parse_spec
from storage import amendments, approvals, audit, rollouts, specs
from storage.database import Database
from storage.errors import Conflict
from storage.tables import AmendmentRow
from tests.storage.scene import ALICE, BOB, CAROL, NOW, asked, move, spec_bytes

TROUBLE = (State.APPROVED, State.RUNNING, State.NEEDS_ATTENTION)
ORIGINAL = digest_of(spec_bytes())
REBOOT = Offer(AmendmentKind.REBOOT, "h1")


def changed(number: int = 1) -> bytes:
    return canonical_bytes(amended(parse_spec(spec_bytes()), REBOOT, number))


def propose(tx: Session, rollout_id: int, number: int = 1) -> AmendmentRow:
    return amendments.propose(
        tx,
        rollouts.get(tx, rollout_id),
        spec_bytes=changed(number),
        offer=REBOOT,
        why=because("livepatch.failed", host="xs-01"),
        by=ALICE,
        at=NOW,
        reason=because("test.proposed"),
        sentence="Proposed.",
    )


def take_effect(tx: Session, amendment: AmendmentRow) -> None:
    amendments.take_effect(tx, amendment, BOB, because("test.applied"), "In effect.", NOW)


def test_the_digest_switches_and_both_specs_and_their_approvals_stay(database: Database) -> None:
    rollout_id = asked(database)
    with database.transaction() as tx:
        approvals.approve(tx, rollout_id, ORIGINAL, BOB, NOW)
        for state in TROUBLE:
            move(tx, rollout_id, state)
        amendment = propose(tx, rollout_id)
        approvals.approve(tx, rollout_id, amendment.digest, CAROL, NOW)
        take_effect(tx, amendment)
        move(tx, rollout_id, State.RUNNING)
    with database.reading() as tx:
        spec, stored, digest = specs.of(tx, rollout_id)
        assert (spec.amendment, stored, digest) == (1, changed(), digest_of(changed()))
        assert specs.at(tx, rollout_id, ORIGINAL)[1] == spec_bytes()
        assert {(entry.user, entry.digest) for entry in approvals.of(tx, rollout_id)} == {
            (BOB.id, ORIGINAL),
            (CAROL.id, digest),
        }
        assert [entry.state for entry in amendments.of(tx, rollout_id)] == [AmendmentState.APPLIED]
        events = [event.action for event in reversed(audit.recent(tx, rollout_id=rollout_id, limit=3))]
        assert events == ["amendment.proposed", "amendment.applied", "rollout.running"]
        assert audit.verify(tx).ok


def test_it_takes_effect_only_while_the_rollout_has_the_spec_it_was_proposed_against(database: Database) -> None:
    rollout_id = asked(database, *TROUBLE)
    with database.transaction() as tx:
        amendment = propose(tx, rollout_id)
        row = rollouts.get(tx, rollout_id)
        row.digest = "0" * 64
        tx.add(row)
    with pytest.raises(Conflict), database.transaction() as tx:
        take_effect(tx, amendments.get(tx, amendment.id))
    with database.reading() as tx:
        assert rollouts.get(tx, rollout_id).digest == "0" * 64
        assert amendments.get(tx, amendment.id).state is AmendmentState.OPEN


def test_it_takes_effect_once(database: Database) -> None:
    rollout_id = asked(database, *TROUBLE)
    with database.transaction() as tx:
        amendment = propose(tx, rollout_id)
        take_effect(tx, amendment)
        move(tx, rollout_id, State.RUNNING)
    with pytest.raises(Conflict, match="decided already"), database.transaction() as tx:
        take_effect(tx, amendments.get(tx, amendment.id))


@pytest.mark.parametrize("states", [TROUBLE[:1], TROUBLE[:2]])
def test_only_a_rollout_that_needs_attention_is_amended(database: Database, states: tuple[State, ...]) -> None:
    rollout_id = asked(database, *states)
    with pytest.raises(Conflict), database.transaction() as tx:
        propose(tx, rollout_id)


@pytest.mark.parametrize("to", [State.RUNNING, State.PAUSED, State.ABORTING])
def test_whatever_moves_the_rollout_on_ends_its_amendment(database: Database, to: State) -> None:
    rollout_id = asked(database, *TROUBLE)
    with database.transaction() as tx:
        amendment = propose(tx, rollout_id)
        approvals.approve(tx, rollout_id, amendment.digest, BOB, NOW)
        move(tx, rollout_id, to)
        assert amendments.open_of(tx, rollout_id) is None
        with pytest.raises(StaleDigest):
            approvals.approve(tx, rollout_id, amendment.digest, CAROL, NOW)
        with pytest.raises(Conflict):
            take_effect(tx, amendments.get(tx, amendment.id))
    with database.reading() as tx:
        assert rollouts.get(tx, rollout_id).digest == ORIGINAL
        assert [entry.state for entry in amendments.of(tx, rollout_id)] == [AmendmentState.OVERTAKEN]
        actions = [event.action for event in audit.recent(tx, rollout_id=rollout_id)]
        assert actions.count("amendment.overtaken") == 1


def test_of_twenty_proposals_at_once_one_is_open(database: Database) -> None:
    rollout_id = asked(database, *TROUBLE)

    def click(_: int) -> None:
        with database.transaction() as tx:
            propose(tx, rollout_id, amendments.next_number(tx, rollout_id))

    with ThreadPoolExecutor(20) as people:
        list(people.map(click, range(20)))
    with database.reading() as tx:
        states = [entry.state for entry in amendments.of(tx, rollout_id)]
        assert states == [AmendmentState.SUPERSEDED] * 19 + [AmendmentState.OPEN]
        assert len({entry.digest for entry in amendments.of(tx, rollout_id)}) == 20


def test_bytes_that_are_no_next_step_of_this_rollout_are_refused(database: Database) -> None:
    rollout_id = asked(database, *TROUBLE)
    with database.transaction() as tx, pytest.raises(InvalidSpec):
        propose(tx, rollout_id, number=2)
