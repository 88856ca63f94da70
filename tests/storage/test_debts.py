"""What is owed to a pool: the first original value counts, whoever asks later."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import XsbotError
from bot.rollout.lifecycle import State
from bot.rollout.memory import Debt, DebtKind
from storage import audit, debts, outbox
from storage.database import Database
from storage.tables import DebtRow
from tests.storage.scene import NOW, POOL, ask, asked, move

HA = Debt(DebtKind.HA, original={"enabled": True, "heartbeat_srs": ["sr1"]}, label="high availability")


def test_a_later_rollout_inherits_the_debt_and_never_overwrites_the_original(database: Database) -> None:
    first = asked(database, State.APPROVED, State.RUNNING)
    with database.transaction() as tx:
        assert debts.open_debt(tx, POOL, HA, first, NOW)
        move(tx, first, State.ABORTING)
        move(tx, first, State.ABORTED)
        second = ask(tx).id
        off_by_us = Debt(DebtKind.HA, original={"enabled": False})
        assert not debts.open_debt(tx, POOL, off_by_us, second, NOW + timedelta(days=1))
    with database.reading() as tx:
        (owed,) = debts.open_debts(tx, POOL)
    assert (owed.original, owed.rollout_id, owed.opened_at) == (HA.original, first, NOW)


_SUBJECTS = st.sampled_from(["", "vm1", "vm2"])
_KINDS = st.sampled_from([DebtKind.HA, DebtKind.VM_HOME])


@settings(max_examples=50, deadline=None)
@given(acts=st.lists(st.tuples(st.booleans(), _KINDS, _SUBJECTS, st.integers()), min_size=1, max_size=15))
def test_whatever_happens_the_oldest_open_original_is_what_is_owed(
    long_lived: Database, acts: list[tuple[bool, DebtKind, str, int]]
) -> None:
    pool = str(uuid4())
    owed: dict[tuple[DebtKind, str], int] = {}
    lines = 0
    with long_lived.transaction() as tx:
        for opens, kind, subject, value in acts:
            known = (kind, subject) in owed
            if opens:
                assert debts.open_debt(tx, pool, Debt(kind, subject, value), None, NOW) is not known
                owed.setdefault((kind, subject), value)
                lines += not known
            else:
                assert debts.close_debt(tx, pool, kind, subject, "settled", NOW) is known
                owed.pop((kind, subject), None)
                lines += known
    with long_lived.reading() as tx:
        assert {(debt.kind, debt.subject): debt.original for debt in debts.open_debts(tx, pool)} == owed
        assert len(audit.recent(tx, pool_uuid=pool, limit=100)) == lines


def test_of_twenty_who_write_it_down_at_once_one_does(database: Database) -> None:
    def write(value: int) -> bool:
        with database.transaction() as tx:
            return debts.open_debt(tx, POOL, Debt(DebtKind.WLB, original=value), None, NOW)

    with ThreadPoolExecutor(20) as workers:
        assert sum(workers.map(write, range(20))) == 1


def test_the_database_itself_refuses_a_second_open_debt(database: Database) -> None:
    def twice() -> None:
        with database.transaction() as tx:
            for _ in range(2):
                tx.add(DebtRow(pool_uuid=POOL, kind=DebtKind.HA, subject="", label="", opened_at=NOW))
                tx.flush()

    with pytest.raises(XsbotError, match=r"(?i)unique"):
        twice()


def test_opening_and_settling_are_on_record_and_moved_vms_do_not_flood_the_channel(database: Database) -> None:
    home = Debt(DebtKind.VM_HOME, "vm1", original="h1", label="web-01")
    with database.transaction() as tx:
        debts.open_debt(tx, POOL, HA, None, NOW, sentence="High availability is off until the end.")
        debts.open_debt(tx, POOL, home, None, NOW)
        debts.close_debt(tx, POOL, DebtKind.VM_HOME, "vm1", "settled", NOW)
        debts.close_debt(tx, POOL, DebtKind.HA, "", "left_alone", NOW)
        lines = [(row.action, row.sentence) for row in reversed(audit.recent(tx))]
        announced = outbox.depth(tx)
    assert lines == [
        ("debt.opened", "High availability is off until the end."),
        ("debt.opened", "vm home of web-01 is owed back from now on."),
        ("debt.settled", "vm home of web-01 was given back."),
        ("debt.settled", "ha of high availability is no longer owed (left alone)."),
    ]
    assert announced == 2


def test_what_a_debt_waits_for_is_news_once_and_gone_when_it_is_settled(database: Database) -> None:
    with database.transaction() as tx:
        debts.open_debt(tx, POOL, HA, None, NOW)
        assert debts.note_waiting(tx, POOL, HA.key, "NOT_SUPPORTED_DURING_UPGRADE")
        assert not debts.note_waiting(tx, POOL, HA.key, "NOT_SUPPORTED_DURING_UPGRADE")
        assert debts.open_debts(tx, POOL)[0].waiting_for == "NOT_SUPPORTED_DURING_UPGRADE"
        assert debts.note_waiting(tx, POOL, HA.key, "")
        assert not debts.note_waiting(tx, POOL, "wlb:", "X"), "nothing is owed there"


def test_what_is_owed_everywhere(database: Database) -> None:
    with database.transaction() as tx:
        debts.open_debt(tx, "a", HA, None, NOW)
        debts.open_debt(tx, "b", HA, None, NOW)
        debts.close_debt(tx, "a", DebtKind.HA, "", "settled", NOW)
        assert {pool: [debt.kind for debt in owed] for pool, owed in debts.all_open(tx).items()} == {"b": [DebtKind.HA]}
        assert debts.open_debt(tx, "a", HA, None, NOW), "what was settled may be owed again"
