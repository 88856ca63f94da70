"""A pool that is held while something is set on it: calls that last, and a database that is away meanwhile."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlmodel import select

from bot.lab.xapi.bundle import make_bundle
from bot.rollout.channel import Channel, Frequency, Schedule
from bot.rollout.lifecycle import State
from bot.xen.errors import XenError
from storage import leases
from storage.database import Session
from storage.errors import Conflict, DatabaseUnavailable, PoolBusy, StorageError
from storage.tables import AuditRow
from tests.rollout.rehearsal import Rehearsal, actor, rehearse, small

ERIN, FRANK = actor("erin"), actor("frank")


@contextmanager
def database_away(lab: Rehearsal) -> Iterator[None]:
    """Somebody else has locked the database: whoever wants to write is refused at once instead of after 30 s."""
    path = make_url(lab.settings.database_url).database
    assert path is not None

    def impatient(connection: Any, _record: Any, _proxy: Any) -> None:
        connection.execute("PRAGMA busy_timeout = 0").close()

    event.listen(lab.database.engine, "checkout", impatient)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()
        event.remove(lab.database.engine, "checkout", impatient)


def audited(lab: Rehearsal) -> list[str]:
    return [row.action for row in lab.audited()]


def bundle_for(lab: Rehearsal, directory: Path) -> Path:
    lab.desk.set_channel("lab", Channel.OFFLINE, ERIN)
    bundle = directory / "november.xsbundle"
    bundle.write_bytes(make_bundle([update.id for update in lab.pool.world.published]))
    return bundle


def after(call: Callable[..., Any], act: Callable[[], object]) -> Callable[..., Any]:
    """`call`, and `act` once it has ended, however it did."""

    def both(*params: Any, **named: Any) -> Any:
        try:
            return call(*params, **named)
        finally:
            act()

    return both


def test_an_upload_outlasts_a_database_that_is_away_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with rehearse(small()) as lab, ExitStack() as outage:
        bundle = bundle_for(lab, tmp_path)
        monkeypatch.setattr(lab.gateway, "task", after(lab.gateway.task, outage.close))

        def cut(share: float) -> None:
            if share == 1.0:
                outage.enter_context(database_away(lab))
                lab.wait(minutes=1.5)

        assert lab.desk.upload_bundle("lab", bundle, bundle.name, ERIN, cut).enabled[0].hash
        assert audited(lab)[-2:] == ["pool.bundle", "pool.bundle_set"]
        assert lab.ask().state is State.AWAITING_APPROVAL


def test_an_upload_ends_before_the_pool_is_free_for_others(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with rehearse(small()) as lab, ExitStack() as outage:
        bundle = bundle_for(lab, tmp_path)

        def cut(share: float) -> None:
            if share == 1.0:
                outage.enter_context(database_away(lab))
                lab.wait(minutes=3.1)

        with pytest.raises(DatabaseUnavailable):
            lab.desk.upload_bundle("lab", bundle, bundle.name, ERIN, cut)
        # Nobody can write that down now; whoever reads the log finds it.
        assert "pool.bundle_failed of pool" in caplog.text
        outage.close()
        assert audited(lab)[-1] == "pool.bundle"
        with pytest.raises(PoolBusy):
            lab.desk.set_schedule("lab", None, FRANK)
        lab.wait(minutes=2)
        lab.desk.set_schedule("lab", None, FRANK)


def test_an_upload_that_was_frozen_while_others_began_ends(tmp_path: Path) -> None:
    def frozen(share: float) -> None:
        if share == 1.0:
            lab.wait(minutes=6)
            lab.desk.set_schedule("lab", None, FRANK)

    with rehearse(small()) as lab:
        bundle = bundle_for(lab, tmp_path)
        with pytest.raises(Conflict, match="took so long"):
            lab.desk.upload_bundle("lab", bundle, bundle.name, ERIN, frozen)
        assert audited(lab)[-1] == "pool.bundle_failed"


def test_an_upload_that_was_frozen_before_it_began_sends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with rehearse(small()) as lab:
        bundle = bundle_for(lab, tmp_path)
        monkeypatch.setattr(lab.gateway, "check_claim", lambda owner: lab.wait(minutes=6))
        with pytest.raises(Conflict, match="took so long"):
            lab.desk.upload_bundle("lab", bundle, bundle.name, ERIN)
        assert lab.calls("task.create") == []


def test_people_read_what_xapi_refused_although_the_database_is_away(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with rehearse(small()) as lab, ExitStack() as outage:
        lab.desk.set_channel("lab", Channel.OFFLINE, ERIN)
        leave = after(lab.gateway.set_schedule, lambda: outage.enter_context(database_away(lab)))
        monkeypatch.setattr(lab.gateway, "set_schedule", leave)
        with pytest.raises(XenError):
            lab.desk.set_schedule("lab", Schedule(Frequency.DAILY), ERIN)
        assert "pool.schedule_failed of pool" in caplog.text


def test_a_pool_that_was_set_is_looked_at_although_the_database_is_away(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with rehearse(small()) as lab, ExitStack() as outage:
        looked: list[str] = []
        monkeypatch.setattr(lab.desk, "_polled", looked.append)
        leave = after(lab.gateway.set_schedule, lambda: outage.enter_context(database_away(lab)))
        monkeypatch.setattr(lab.gateway, "set_schedule", leave)
        with pytest.raises(DatabaseUnavailable):
            lab.desk.set_schedule("lab", None, ERIN)
        assert looked == ["lab"]
        assert "pool.schedule_set of pool" in caplog.text


def test_what_was_set_is_written_down_in_the_transaction_that_frees_the_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    with rehearse(small()) as lab:
        end, there = leases.end, list[tuple[list[str], list[str]]]()

        def seen(tx: Session, pool_uuid: str, holder: str) -> None:
            there.append((list(tx.exec(select(AuditRow.action)).all()), audited(lab)))
            end(tx, pool_uuid, holder)

        monkeypatch.setattr(leases, "end", seen)
        lab.desk.set_schedule("lab", None, ERIN)
        # Nobody else sees the note while the lease ends.
        assert there == [(["pool.schedule", "pool.schedule_set"], ["pool.schedule"])]
        assert audited(lab) == ["pool.schedule", "pool.schedule_set"]


def test_a_sync_that_was_begun_is_followed_although_the_database_is_away(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with rehearse(small()) as lab, ExitStack() as outage:
        leave = after(lab.gateway.sync, lambda: outage.enter_context(database_away(lab)))
        monkeypatch.setattr(lab.gateway, "sync", leave)
        monkeypatch.setattr(lab.gateway, "task", after(lab.gateway.task, outage.close))
        lab.desk.sync("lab", ERIN)
        assert audited(lab) == ["pool.sync", "pool.synced"]
        assert "it will end by itself" in caplog.text


def test_a_sync_that_never_began_is_written_down_as_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> str:
        raise StorageError("No.", "")

    with rehearse(small()) as lab:
        monkeypatch.setattr(lab.gateway, "sync", refused)
        with pytest.raises(StorageError, match="No"):
            lab.desk.sync("lab", ERIN)
        assert audited(lab) == ["pool.sync", "pool.sync_failed"]
        monkeypatch.undo()
        lab.desk.sync("lab", ERIN)


@pytest.mark.parametrize(("timeout_s", "minutes"), [(60, 1.9), (600, 9.9)])
def test_a_pool_is_held_for_as_long_as_the_calls_of_a_change_last(
    timeout_s: int, minutes: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    with rehearse(small(), pool_settings={"timeout_s": timeout_s}) as lab:
        refused: list[str] = []

        def slowly() -> None:
            lab.wait(minutes=minutes)
            with pytest.raises(PoolBusy) as busy:
                lab.desk.set_proxy("lab", "http://proxy", "", "", FRANK)
            refused.append(busy.value.sentence)

        connection = lab.gateway._connection
        monkeypatch.setattr(connection, "effect", after(connection.effect, slowly))
        lab.desk.set_channel("lab", Channel.EARLY_ACCESS, ERIN)
        assert refused == ["erin is setting something on pool lab at this moment: channel."] * 3
        assert audited(lab) == ["pool.channel", "pool.channel_set"]


def test_who_lost_the_pool_between_two_calls_makes_no_further_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with rehearse(small()) as lab:
        connection = lab.gateway._connection
        monkeypatch.setattr(connection, "effect", after(connection.effect, lambda: lab.wait(minutes=6)))
        with pytest.raises(Conflict, match="took so long"):
            lab.desk.set_channel("lab", Channel.EARLY_ACCESS, ERIN)
        assert lab.calls("Repository.introduce", "pool.remove_repository") == ["Repository.introduce"]
        assert audited(lab)[-1] == "pool.channel_failed"


def test_a_renewal_that_fails_is_not_tried_at_every_piece(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    with rehearse(small()) as lab, lab.desk._lease("lab", lab.pool.uuid, "bundle", ERIN, lambda tx: None) as lease:
        lab.wait(minutes=1.5)
        with database_away(lab):
            for _ in range(4):
                lease.keep()
                lab.wait(minutes=0.1)
        assert caplog.text.count("could not be renewed yet") == 2
        lab.wait(minutes=0.2)
        lease.keep()
        lab.wait(minutes=4)
        with pytest.raises(PoolBusy):
            lab.desk.set_schedule("lab", None, FRANK)
