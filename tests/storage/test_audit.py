"""The audit trail: nobody edits, removes, reorders or cuts off a line without being seen."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.rollout.lifecycle import State
from bot.rollout.reason import because
from storage import audit, outbox
from storage.actors import BOT
from storage.columns import Topic
from storage.database import Database
from storage.errors import AuditDamaged, SecretRefused
from tests.storage.scene import BOB, NOW, POOL, asked, tamper


def _lines(database: Database, count: int = 6) -> list[str]:
    """So many lines; the head after each."""
    heads = []
    for number in range(count):
        with database.transaction() as tx:
            row = audit.append(
                tx,
                actor=BOB,
                action="pool.synced",
                reason=because("pool.synced", number=number),
                sentence=f"Bob synced the pool, time {number}.",
                at=NOW + timedelta(minutes=number),
                pool_uuid=POOL,
                details={"number": number},
            )
            heads.append(row.hash)
    return heads


def test_a_line_says_who_did_what_when_and_why(database: Database) -> None:
    heads = _lines(database, 2)
    with database.reading() as tx:
        row = audit.recent(tx, limit=1)[0]
        assert audit.head(tx) == heads[-1]
        assert audit.event(tx, 2) is row
    assert (row.seq, row.actor, row.action, row.at) == (2, BOB, "pool.synced", NOW + timedelta(minutes=1))
    assert (row.reason, row.sentence) == (because("pool.synced", number=1), "Bob synced the pool, time 1.")
    assert row.details == {"number": 1}


def test_anybody_can_compute_the_chain_with_a_few_lines(database: Database, path: Path) -> None:
    _lines(database)
    running = bytes(32)
    with closing(sqlite3.connect(path)) as raw:
        for body, stored in raw.execute("SELECT body, hash FROM audit_events ORDER BY seq"):
            running = hashlib.sha256(running + body).digest()
            assert running.hex() == stored


def test_an_empty_chain_and_every_published_head_verify(database: Database) -> None:
    with database.reading() as tx:
        assert audit.verify(tx) == audit.VerifyResult(True, 0, audit.GENESIS)
    heads = _lines(database)
    with database.reading() as tx:
        for head in (*heads, heads[2][:12], heads[3].upper()):
            assert audit.verify(tx, head) == audit.VerifyResult(True, 6, heads[-1])
        assert not audit.verify(tx, heads[0][:8]).ok
        assert "rewritten" in audit.verify(tx, "ab" * 32).problem


_BODY = "UPDATE audit_events SET body = CAST(replace(body, 'Bob', 'Eve') AS BLOB) WHERE seq = 3"


@pytest.mark.parametrize(
    ("crime", "problem"),
    [
        ((_BODY,), "Line 3 was changed"),
        (("UPDATE audit_events SET body = replace(body, 'Bob', 'Eve') WHERE seq = 3",), "Line 3 was changed"),
        (("UPDATE audit_events SET action = 'nothing.special' WHERE seq = 4",), "Line 4 was changed"),
        (("UPDATE audit_events SET rollout_id = 7 WHERE seq = 4",), "Line 4 was changed"),
        (("UPDATE audit_events SET pool_uuid = '' WHERE seq = 4",), "Line 4 was changed"),
        (("UPDATE audit_events SET at = '2020-01-01 00:00:00.000000' WHERE seq = 4",), "Line 4 was changed"),
        (("UPDATE audit_events SET at = 'yesterday' WHERE seq = 4",), "cannot be read"),
        (("UPDATE audit_events SET hash = 'beef' WHERE seq = 5",), "Line 5 was changed"),
        (("DELETE FROM audit_events WHERE seq = 2",), "Line 2 is missing"),
        (("DELETE FROM audit_events WHERE seq = 1",), "Line 1 is missing"),
        (("DELETE FROM audit_events WHERE seq > 4",), "ends at line 4, but its head says 6"),
        (("DELETE FROM audit_events",), "ends at line 0, but its head says 6"),
        (("DELETE FROM audit_head",), "head is missing"),
        (("UPDATE audit_head SET hash = 'beef'",), "its head says 6"),
        (
            (
                "DELETE FROM audit_events WHERE seq = 2",
                "UPDATE audit_events SET seq = seq - 1 WHERE seq > 2",
                "UPDATE audit_head SET seq = 5",
            ),
            "Line 2 was changed or moved",
        ),
        (
            (
                "UPDATE audit_events SET seq = 99 WHERE seq = 2",
                "UPDATE audit_events SET seq = 2 WHERE seq = 3",
                "UPDATE audit_events SET seq = 3 WHERE seq = 99",
            ),
            "Line 2 was changed or moved",
        ),
    ],
)
@pytest.mark.failure("audit-changed")
def test_tampering_is_found(database: Database, path: Path, crime: tuple[str, ...], problem: str) -> None:
    _lines(database)
    tamper(path, *crime)
    with database.reading() as tx:
        result = audit.verify(tx)
    assert not result.ok
    assert problem in result.problem


@pytest.mark.sqlite
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_changed_byte_of_any_line_is_found(long_lived: Database, data: st.DataObject) -> None:
    with long_lived.reading() as tx:
        known = audit.verify(tx).count
    if not known:
        _lines(long_lived)
    path = Path(long_lived.engine.url.database or "")
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("DROP TRIGGER IF EXISTS audit_events_refuse_update")
        seq = data.draw(st.integers(1, 6), "line")
        (body,) = raw.execute("SELECT body FROM audit_events WHERE seq = ?", (seq,)).fetchone()
        at = data.draw(st.integers(0, len(body) - 1), "position")
        forged = bytearray(body)
        forged[at] ^= data.draw(st.integers(1, 255), "flipped bits")
        raw.execute("UPDATE audit_events SET body = ? WHERE seq = ?", (bytes(forged), seq))
        try:
            with long_lived.reading() as tx:
                result = audit.verify(tx)
            assert (result.ok, result.count) == (False, seq - 1)
        finally:
            raw.execute("UPDATE audit_events SET body = ? WHERE seq = ?", (body, seq))
    with long_lived.reading() as tx:
        assert audit.verify(tx).ok


def test_cutting_off_the_end_together_with_the_head_is_found_by_a_published_head(
    database: Database, path: Path
) -> None:
    heads = _lines(database)
    tamper(
        path,
        "DELETE FROM audit_events WHERE seq > 4",
        f"UPDATE audit_head SET seq = 4, hash = '{heads[3]}'",
    )
    with database.reading() as tx:
        assert audit.verify(tx).ok, "nothing inside the database can tell"
        assert audit.verify(tx, heads[3]).ok
        assert audit.verify(tx, heads[5]).problem.startswith("The published head is not in the chain")


def test_rewriting_the_whole_chain_is_found_by_a_published_head(database: Database, path: Path) -> None:
    published = _lines(database)[-1]
    forged, previous = [], audit.GENESIS
    with closing(sqlite3.connect(path)) as raw:
        for seq, body in raw.execute("SELECT seq, body FROM audit_events ORDER BY seq").fetchall():
            body = body.replace(b"Bob", b"Eve")
            previous = audit.chained(previous, body)
            forged.append(f"UPDATE audit_events SET body = x'{body.hex()}', hash = '{previous}' WHERE seq = {seq}")
    tamper(path, *forged, f"UPDATE audit_head SET hash = '{previous}'")
    with database.reading() as tx:
        assert audit.verify(tx).ok
        assert not audit.verify(tx, published).ok


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_events SET action = 'x' WHERE seq = 1",
        "DELETE FROM audit_events WHERE seq = 1",
        "DELETE FROM audit_events",
        "INSERT OR REPLACE INTO audit_events SELECT seq, at, 'x', rollout_id, pool_uuid, body, hash FROM audit_events",
        "UPDATE specs SET body = x'00'",
        "DELETE FROM specs",
        "INSERT OR REPLACE INTO specs SELECT rollout_id, digest, x'00', created_at FROM specs",
    ],
)
def test_the_database_refuses_to_change_the_past(database: Database, path: Path, statement: str) -> None:
    asked(database)
    with pytest.raises(sqlite3.IntegrityError, match="never changed"):
        tamper(path, statement, disarm=False)
    with database.reading() as tx:
        assert audit.verify(tx).ok


def test_many_at_once_make_one_chain(database: Database) -> None:
    with ThreadPoolExecutor(8) as people:
        list(people.map(lambda _: _lines(database, 5), range(8)))
    with database.reading() as tx:
        assert audit.verify(tx) == audit.VerifyResult(True, 40, audit.head(tx))
        assert len({row.hash for row in audit.recent(tx, limit=100)}) == 40


def test_every_line_goes_to_the_audit_channel_once(database: Database) -> None:
    asked(database, State.APPROVED)
    with database.transaction() as tx:
        told = []
        while due := [row for row in outbox.next_due(tx, NOW) if row.lane == outbox.AUDIT_LANE]:
            assert due[0].topic is Topic.AUDIT
            told.append(due[0].payload["seq"])
            outbox.claim(tx, due[0].id, NOW)
            outbox.mark_sent(tx, due[0].id, NOW)
        assert told == [row.seq for row in reversed(audit.recent(tx))] == [1, 2]


@pytest.mark.parametrize(
    "details",
    [
        {"password": "hunter2"},
        {"slack": {"bot_token": "hunter2"}},
        [{"client_Secret": "hunter2"}],
        {"apiKey": "hunter2"},
    ],
)
def test_what_is_called_a_secret_is_refused(database: Database, details: object) -> None:
    with database.transaction() as tx:
        with pytest.raises(SecretRefused, match="settings") as refused:
            audit.append(
                tx, actor=BOT, action="x", reason=because("x"), sentence="x", at=NOW, details={"settings": details}
            )
        assert audit.recent(tx) == []
    assert "hunter2" not in str(refused.value)


def test_a_pasted_token_is_blotted_out_wherever_it_stands(database: Database) -> None:
    pasted = "xoxb-1234567890-abcdef"
    with database.transaction() as tx:
        row = audit.append(
            tx,
            actor=BOB,
            action="rollout.rejected",
            reason=because("rollout.rejected", why=f"use {pasted}"),
            sentence=f"Bob wrote: {pasted}!",
            at=NOW,
            details={"why": [f"use {pasted}"]},
        )
    assert b"xoxb" not in row.body
    assert row.sentence == "Bob wrote: [removed]!"


def test_untrusted_text_cannot_break_the_chain(database: Database) -> None:
    nasty = '"}]},\u0000\n\ud800 ☃ <!channel>'
    with database.transaction() as tx:
        row = audit.append(tx, actor=BOB, action="x", reason=because("x", vm=nasty), sentence=nasty, at=NOW)
    assert json.loads(row.body)["sentence"] == nasty
    with database.reading() as tx:
        assert audit.verify(tx).ok


def test_a_chain_without_its_head_is_not_continued(database: Database, path: Path) -> None:
    tamper(path, "UPDATE audit_head SET hash = 'beef'")
    with database.transaction() as tx, pytest.raises(AuditDamaged):
        audit.append(tx, actor=BOT, action="x", reason=because("x"), sentence="x", at=NOW)
    tamper(path, "DELETE FROM audit_head")
    with database.transaction() as tx, pytest.raises(AuditDamaged):
        audit.append(tx, actor=BOT, action="x", reason=because("x"), sentence="x", at=NOW)
    with database.reading() as tx, pytest.raises(AuditDamaged):
        audit.head(tx)
