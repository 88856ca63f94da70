"""Both engines: what was approved is driven by exactly one process, and by another one when that one leaves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from procrastinate.exceptions import ConnectorException
from procrastinate.manager import JobManager
from sqlalchemy import text

from bot.lab.pool import LabPool
from bot.lab.time import ScaledTime
from bot.rollout.lifecycle import State
from bot.settings import Settings
from bot.worker import Embedded, Jobs
from storage import audit
from tests.postgres import PostgresServer
from tests.rollout.rehearsal import small

from .crew import ALICE, BOB, Process, settings_for, until

SPEED = 200.0


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'xsbot.sqlite'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.upgraded()


@pytest.fixture
def shared(postgres: PostgresServer) -> str:
    return postgres.upgraded()


class Crew:
    """The pool, and the processes that were started."""

    def __init__(self, pool: LabPool, clock: ScaledTime, stack: ExitStack) -> None:
        self.pool, self.clock, self._stack = pool, clock, stack

    def settings(self, url: str) -> Settings:
        return settings_for(url, self.pool)

    def process(self, url: str, *, works: bool = True) -> Process:
        process = Process(self.settings(url), self.clock, works=works)
        self._stack.callback(process.stop)
        return process

    def assert_done(self) -> None:
        verdict = self.pool.verdict()
        assert (verdict.hosts_behind, verdict.violations, verdict.vms_away) == ([], [], {})
        assert verdict.ha_restored
        for kind in ("host_rebooted", "apply_started"):
            hosts = [effect.host for effect in self.pool.effects if effect.kind == kind]
            assert len(hosts) == len(set(hosts)) == 2, kind


@pytest.fixture
def crew() -> Iterator[Crew]:
    clock = ScaledTime(SPEED)
    with ExitStack() as stack:
        pool = stack.enter_context(LabPool.start(small(), clock))
        yield Crew(pool, clock, stack)


def actions(process: Process) -> list[str]:
    with process.database.reading() as tx:
        return [row.action for row in audit.recent(tx, limit=1000)]


def test_the_database_chooses_the_engine(crew: Crew, url: str) -> None:
    engine = crew.process(url).engine
    assert isinstance(engine, Jobs if crew.settings(url).shares_database else Embedded)


def test_what_is_approved_is_carried_out(crew: Crew, url: str) -> None:
    process = crew.process(url)
    rollout_id = process.begin()
    until(lambda: process.state(rollout_id) is State.SUCCEEDED)
    crew.assert_done()


def test_another_process_goes_on_where_one_stopped(crew: Crew, url: str) -> None:
    first = Process(crew.settings(url), crew.clock)
    rollout_id = first.begin()
    until(lambda: [effect for effect in crew.pool.effects if effect.kind == "apply_started"])
    assert first.stop() < 2
    second = crew.process(url)
    assert second.state(rollout_id) is State.RUNNING
    until(lambda: second.state(rollout_id) is State.SUCCEEDED)
    crew.assert_done()


def test_an_abort_is_heard_at_once(crew: Crew, url: str) -> None:
    process = crew.process(url)
    rollout_id = process.begin()
    until(lambda: [effect for effect in crew.pool.effects if effect.kind == "apply_started"])
    process.desk.abort(rollout_id, BOB, "the shop is too busy")
    until(lambda: process.state(rollout_id) is State.ABORTED)


@pytest.mark.postgresql
def test_three_workers_drive_it_once(crew: Crew, shared: str) -> None:
    office = crew.process(shared, works=False)
    for _ in range(3):
        crew.process(shared)
    rollout_id = office.begin()
    until(lambda: office.state(rollout_id) is State.SUCCEEDED)
    crew.assert_done()
    assert actions(office).count("rollout.running") == 1


@pytest.mark.postgresql
def test_a_decision_in_one_process_is_heard_in_another(crew: Crew, shared: str) -> None:
    office, worker = crew.process(shared, works=False), crew.process(shared)
    rollout_id = office.begin()
    until(lambda: [effect for effect in crew.pool.effects if effect.kind == "apply_started"])
    began = time.monotonic()
    office.desk.pause(rollout_id, ALICE)
    until(lambda: not worker.engine.threads.names, timedelta(seconds=6))
    assert time.monotonic() - began < 6
    assert office.state(rollout_id) is State.PAUSED
    office.desk.resume(rollout_id, BOB)
    until(lambda: office.state(rollout_id) is State.SUCCEEDED)
    crew.assert_done()


@pytest.mark.postgresql
@pytest.mark.failure("postgres-restarted")
def test_workers_go_on_after_a_restart_of_the_database(crew: Crew, postgres: PostgresServer) -> None:
    url = postgres.upgraded()
    office = crew.process(url, works=False)
    for _ in range(2):
        crew.process(url)
    rollout_id = office.begin()
    until(lambda: [effect for effect in crew.pool.effects if effect.kind == "apply_started"])
    postgres.stop()
    # Long enough for every session, job and listener to notice; minutes pass on the pool.
    time.sleep(2)
    postgres.start()
    until(lambda: office.readable_state(rollout_id) is State.SUCCEEDED, timedelta(seconds=120))
    crew.assert_done()
    assert actions(office).count("rollout.running") == 1
    assert "rollout.needs_attention" not in actions(office)


@pytest.mark.postgresql
def test_a_rollout_whose_job_was_never_deferred_is_found(crew: Crew, shared: str) -> None:
    worker = crew.process(shared)
    worker.desk._wake = lambda: None
    rollout_id = worker.begin()
    until(lambda: worker.state(rollout_id) is State.RUNNING, timedelta(seconds=10))


@pytest.mark.postgresql
def test_a_job_whose_end_could_not_be_written_down_is_taken_up_again(
    crew: Crew, shared: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database goes away just then, and is back before the worker shows its next sign of life."""
    finish = JobManager.finish_job
    refused: list[Any] = []

    async def away_once(self: JobManager, *arguments: Any, **options: Any) -> None:
        if refused:
            await finish(self, *arguments, **options)
        else:
            refused.append(arguments)
            raise ConnectorException

    process = crew.process(shared)
    rollout_id = process.begin()
    until(lambda: [effect for effect in crew.pool.effects if effect.kind == "apply_started"])
    monkeypatch.setattr(JobManager, "finish_job", away_once)
    process.desk.pause(rollout_id, ALICE)
    until(lambda: refused)
    assert process.state(rollout_id) is State.PAUSED
    process.desk.resume(rollout_id, BOB)
    until(lambda: process.state(rollout_id) is State.SUCCEEDED)
    crew.assert_done()


@pytest.mark.postgresql
@pytest.mark.failure("worker-killed")
def test_a_rollout_whose_dead_workers_job_has_a_second_one_behind_it_goes_on(crew: Crew, shared: str) -> None:
    office = crew.process(shared, works=False)
    engine = office.engine
    assert isinstance(engine, Jobs)
    rollout_id = office.begin()
    until(lambda: engine._sender.job_manager.list_jobs(status="todo"))
    with office.database.engine.begin() as connection:
        # Its worker was killed, and somebody has cleared the worker's own row away.
        connection.execute(text("UPDATE procrastinate_jobs SET status = 'doing', worker_id = NULL"))
    [dead] = engine._sender.job_manager.list_jobs(status="doing")
    again = engine._sender.configure_task("drive", queue="xsbot", lock=dead.lock, queueing_lock=dead.queueing_lock)
    again.defer(rollout_id=rollout_id)
    crew.process(shared)
    until(lambda: office.state(rollout_id) is State.SUCCEEDED)
    crew.assert_done()
    assert actions(office).count("rollout.running") == 1
