"""`xsbot rollouts` and `xsbot audit verify`: what an operator has when Slack is down."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.rollout.amendment import AmendmentKind, Offer
from bot.rollout.lifecycle import State
from bot.rollout.reason import because
from bot.rollout.spec import VmAllowance, VmTreatment, canonical_bytes
from storage import audit, outbox, rollouts
from storage.actors import Actor
from storage.database import Database
from tests.cli.configuration import configure, secrets
from tests.cli.machine import Said, xsbot
from tests.storage.scene import NOW, move, tamper
from tests.unit.messages.made import standing_of, updates_for

STARTED = (State.APPROVED, State.RUNNING)


class Desk:
    """A database with rollouts in it, and the command line beside it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # Nothing listens there: none of this needs the pool or Slack.
        self._config = configure(path.parent, urls=["https://127.0.9.1:9"], fingerprints={"h1": "ab" * 32})
        self.database = Database.open(f"sqlite:///{path}")
        self.database.upgrade()

    def __call__(self, *arguments: object, answers: str = "") -> Said:
        return xsbot("--config", self._config, *arguments, environ=secrets("unused"), answers=answers)

    def asked(self, *states: State) -> int:
        """A rollout that alice asked for and that went through these states; its number."""
        made = standing_of()
        with self.database.transaction() as tx:
            rollout_id = rollouts.create(
                tx,
                pool_uuid=made.spec.pool_uuid,
                pool_alias="lab",
                spec_bytes=canonical_bytes(made.spec),
                requester=Actor("slack", "U0ALICE", "alice"),
                reason_text="monthly updates",
                updates=updates_for(),
                forecast=made.forecast.as_dict(),
                checks=made.report,
                channel="C0UPDATES",
                at=NOW,
                expires_at=NOW + timedelta(hours=24),
            ).id
            for state in states:
                move(tx, rollout_id, state)
        return rollout_id

    def state(self, rollout_id: int) -> State:
        with self.database.reading() as tx:
            return rollouts.get(tx, rollout_id).state

    def last_event(self, rollout_id: int) -> tuple[str, str, str]:
        """Kind and name of who did it, and the sentence."""
        with self.database.reading() as tx:
            row = audit.recent(tx, rollout_id=rollout_id, limit=1)[0]
            return row.actor.kind, row.actor.name, row.sentence

    def waiting(self) -> int:
        with self.database.reading() as tx:
            return outbox.depth(tx)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "xsbot.sqlite")
    yield desk
    desk.database.close()


def test_list_shows_the_newest_first(desk: Desk) -> None:
    first = desk.asked(State.REJECTED)
    second = desk.asked(*STARTED)
    lines = desk("rollouts", "list").out.splitlines()
    assert [line.split()[:3] for line in lines] == [
        [str(second), "lab", "running"],
        [str(first), "lab", "rejected"],
    ]
    assert len(desk("rollouts", "list", "--limit", 1).out.splitlines()) == 1


def test_show_tells_where_a_rollout_stands(desk: Desk) -> None:
    rollout_id = desk.asked()
    told = desk("rollouts", "show", rollout_id)
    assert told.code == 0
    assert f"Rollout {rollout_id} of pool lab: awaiting approval" in told.out
    assert "asked for by alice at 2026-11-20 09:00 UTC: monthly updates" in told.out
    assert "approved by nobody yet" in told.out


def test_an_unknown_rollout_is_named(desk: Desk) -> None:
    for command in (("show", 77), ("pause", 77), ("abort", 77, "--reason", "x", "--yes")):
        refused = desk("rollouts", *command)
        assert refused.code == 2
        assert "77" in refused.err


def test_pause_and_resume_are_done_in_the_name_of_the_os_user(desk: Desk) -> None:
    rollout_id = desk.asked(*STARTED)
    before = desk.waiting()
    for command, state in (("pause", State.PAUSED), ("resume", State.RUNNING)):
        told = desk("rollouts", command, rollout_id)
        assert told.code == 0, told.err
        assert f"pool lab: {state.value}" in told.out
        assert desk.state(rollout_id) is state
        kind, name, sentence = desk.last_event(rollout_id)
        assert (kind, name) == ("cli", getpass.getuser())
        assert getpass.getuser() in sentence
    assert desk.waiting() > before, "the thread is told as well"


def test_what_cannot_be_done_now_is_refused(desk: Desk) -> None:
    rollout_id = desk.asked()
    for command in ("pause", "resume"):
        refused = desk("rollouts", command, rollout_id)
        assert refused.code == 2
        assert refused.err.startswith("xsbot: ")
    assert desk.state(rollout_id) is State.AWAITING_APPROVAL


def test_abort_says_what_follows_asks_and_writes_down_why(desk: Desk) -> None:
    rollout_id = desk.asked(*STARTED)
    assert desk("rollouts", "abort", rollout_id).code == 2  # no reason

    declined = desk("rollouts", "abort", rollout_id, "--reason", "wrong window", answers="n\n")
    assert declined.code == 1
    assert f"End rollout {rollout_id}?" in declined.out
    assert len(declined.out.splitlines()) > 1, "consequences come before the question"
    assert desk.state(rollout_id) is State.RUNNING

    ended = desk("rollouts", "abort", rollout_id, "--reason", "wrong window", answers="y\n")
    assert ended.code == 0, ended.err
    assert desk.state(rollout_id) is State.ABORTING
    kind, name, sentence = desk.last_event(rollout_id)
    assert (kind, name) == ("cli", getpass.getuser())
    assert "wrong window" in sentence


def test_abort_withdraws_what_has_not_started(desk: Desk) -> None:
    rollout_id = desk.asked()
    assert desk("rollouts", "abort", rollout_id, "--reason", "not today", "--yes").code == 0
    assert desk.state(rollout_id) is State.CANCELLED
    assert desk.last_event(rollout_id)[:2] == ("cli", getpass.getuser())


def test_a_host_is_skipped_in_the_name_of_the_os_user(desk: Desk) -> None:
    rollout_id = desk.asked(*STARTED)
    with desk.database.transaction() as tx:
        rollouts.note_coordinator(tx, rollout_id, "host-0", None)
    refused = desk("rollouts", "skip", rollout_id, "xs-01")
    assert refused.code == 2
    assert "coordinator" in refused.err
    assert desk("rollouts", "skip", rollout_id, "xs-02").code == 0
    with desk.database.reading() as tx:
        assert rollouts.get(tx, rollout_id).skipped == ["host-1"]
    assert desk.last_event(rollout_id)[:2] == ("cli", getpass.getuser())


def test_an_amendment_is_proposed_shown_and_withdrawn(desk: Desk) -> None:
    rollout_id = desk.asked(*STARTED, State.NEEDS_ATTENTION)
    assert "No change of what was approved" in desk("rollouts", "amend", rollout_id).out
    db = VmAllowance("vm-9", "db-01", VmTreatment.SUSPEND)
    with desk.database.transaction() as tx:
        offer = Offer(AmendmentKind.SUSPEND, "host-1", (db,))
        rollouts.set_problem(tx, rollout_id, because("livepatch.failed", host="xs-02"), offers=(offer,))
    assert "suspend    What keeps xs-02 from being emptied" in desk("rollouts", "amend", rollout_id).out
    assert desk("rollouts", "amend", rollout_id, "reboot").code == 2
    proposed = desk("rollouts", "amend", rollout_id, "suspend")
    assert proposed.code == 0, proposed.err
    assert f"amendment 1, proposed by {getpass.getuser()}: 0 of " in proposed.out
    assert "VM db-01 may now be stopped (suspend)." in proposed.out
    # The command line asks; people approve, in Slack.
    assert desk.state(rollout_id) is State.NEEDS_ATTENTION
    assert desk("rollouts", "amend", rollout_id, "--withdraw").code == 0
    assert "withdrew amendment 1" in desk.last_event(rollout_id)[2]
    assert desk("rollouts", "amend", rollout_id, "--withdraw").code == 2


@pytest.mark.parametrize("word", ["approve", "start", "retry", "reject"])
def test_nothing_can_be_approved_here(desk: Desk, word: str) -> None:
    rollout_id = desk.asked()
    refused = desk("rollouts", word, rollout_id)
    assert refused.code == 2
    assert "No such command" in refused.err
    assert desk.state(rollout_id) is State.AWAITING_APPROVAL


def test_audit_verify_holds_the_chain_against_a_published_head(desk: Desk) -> None:
    rollout_id = desk.asked(*STARTED)
    whole = desk("audit", "verify")
    assert whole.code == 0
    head = whole.out.split()[-1]
    assert "The chain of" in whole.out

    assert desk("rollouts", "pause", rollout_id).code == 0
    assert desk("audit", "verify", "--head", head).code == 0
    foreign = desk("audit", "verify", "--head", "ab" * 32)
    assert foreign.code == 1
    assert "damaged" in foreign.err


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_events SET body = replace(body, 'alice', 'mallory') WHERE seq = 1",
        "DELETE FROM audit_events WHERE seq = 2",
        "DELETE FROM audit_events WHERE seq = (SELECT max(seq) FROM audit_events)",
    ],
)
def test_audit_verify_finds_what_was_tampered_with(desk: Desk, statement: str) -> None:
    desk.asked(*STARTED)
    tamper(desk.path, statement)
    found = desk("audit", "verify")
    assert found.code == 1
    assert "The chain is damaged" in found.err
