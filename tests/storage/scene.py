"""The people, the pool and the request that the storage tests talk about."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlmodel import Session

from bot.rollout.guidance import Guidance, Level, Task
from bot.rollout.lifecycle import State
from bot.rollout.model import AvailableUpdates, HostUpdates, Update
from bot.rollout.reason import because
from bot.rollout.spec import HostCeiling, Spec, canonical_bytes
from storage import rollouts
from storage.actors import Actor
from storage.database import Database
from storage.tables import RolloutRow

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
POOL = "0a6f3f52-6d5e-4a0f-8d7b-2f4f2f1c9a01"
CHECKSUM = "c5f7" * 16

ALICE = Actor("slack", "U0ALICE", "alice")
BOB = Actor("slack", "U0BOB", "bob")
CAROL = Actor("slack", "U0CAROL", "carol")
OPERATOR = Actor("cli", "root", "root")

UPDATES = AvailableUpdates(
    checksum=CHECKSUM,
    hosts=(
        HostUpdates(
            host="h1",
            guidance=Guidance(frozenset(), frozenset({Task.REBOOT_HOST}), frozenset({Task.RESTART_VM})),
            rpms=("xapi-core-25.6.0-1.x86_64.rpm",),
            updates=("UPDATE-1",),
            livepatches=("kernel 4.19.19-8.0.37 -> 4.19.19-8.0.38",),
        ),
    ),
    updates=(
        Update(
            id="UPDATE-1",
            title="Security fixes <!channel>",
            issued=NOW,
            guidance=Guidance(frozenset({Task.RESTART_TOOLSTACK})),
            livepatch_guidance=frozenset({Task.RESTART_DEVICE_MODEL}),
            cves=("CVE-2026-0001",),
        ),
    ),
)


def spec_bytes(pool: str = POOL) -> bytes:
    """A request to update one host of the pool."""
    hosts = (HostCeiling("h1", "xs-01", frozenset({Task.REBOOT_HOST})),)
    return canonical_bytes(Spec(pool, "lab", CHECKSUM, Level.RECOMMENDED, hosts))


def ask(tx: Session, pool: str = POOL, at: datetime = NOW, state: State = State.AWAITING_APPROVAL) -> RolloutRow:
    """Alice asks for an update of the pool."""
    return rollouts.create(
        tx,
        pool_uuid=pool,
        pool_alias="lab",
        spec_bytes=spec_bytes(pool),
        requester=ALICE,
        reason_text="monthly updates",
        updates=UPDATES,
        forecast={"makespan": 1200},
        checks=[{"code": "ha", "level": "warns"}],
        channel="C0UPDATES",
        at=at,
        expires_at=at + timedelta(hours=24),
        state=state,
    )


def move(
    tx: Session, rollout_id: int, to: State, frm: State | None = None, actor: Actor = BOB, at: datetime = NOW
) -> RolloutRow:
    """Bob moves the rollout."""
    return rollouts.transition(
        tx, rollout_id, to, frm=frm, actor=actor, reason=because(f"test.{to.value}"), sentence=f"Now {to}.", at=at
    )


def asked(database: Database, *states: State) -> int:
    """A rollout that was asked for and moved through those states."""
    with database.transaction() as tx:
        rollout_id = ask(tx).id
        for state in states:
            move(tx, rollout_id, state)
    return rollout_id


def tamper(path: Path, *statements: str, disarm: bool = True) -> None:
    """What somebody with the database file in hand can do: drop the triggers (unless told not to), change rows."""
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        if disarm:
            for (trigger,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                raw.execute(f"DROP TRIGGER {trigger}")
        for statement in statements:
            raw.execute(statement)
