"""The processes of the Procfile, on three machines and one PostgreSQL, behave like one bot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from time import monotonic

import pytest

from bot.lab.pool import LabPool
from bot.lab.slack import LabSlack
from bot.lab.time import ScaledTime
from bot.rollout.lifecycle import State
from tests.postgres import PostgresServer
from tests.slack.conftest import request_update

from .machines import Machine, release, wait_for
from .site import ONE_HOST, SPEED, Site

pytestmark = pytest.mark.postgresql


@pytest.fixture
def site(tmp_path: Path, postgres: PostgresServer) -> Iterator[Site]:
    with ExitStack() as stack:
        pool = stack.enter_context(LabPool.start(ONE_HOST, ScaledTime(SPEED)))
        slack = stack.enter_context(LabSlack.start())
        made = Site(tmp_path, postgres.empty(), pool, slack)
        yield made
        made.database.close()


@pytest.mark.failure("worker-killed")
def test_three_machines_behave_like_one_bot(site: Site) -> None:
    assert "revision" in release(site.directory, site.environ)
    site.open()
    with ExitStack() as stack:
        one = stack.enter_context(Machine(site.directory, site.environ, "web", "clock"))
        two = stack.enter_context(Machine(site.directory, site.environ, "web", "clock"))
        workers = [stack.enter_context(Machine(site.directory, site.environ, "worker")) for _ in range(3)]
        machines = [one, two, *workers]
        wait_for(lambda: sum(len(machine.running) for machine in machines) == 7, 40, "seven processes")
        wait_for(lambda: site.slack.sockets.connections == 2, 20, "both connections to Slack")
        wait_for(lambda: site.slack.messages("xs-updates"), 30, "a notice")

        request_update(site.slack)
        for person in ("bob", "carol"):
            site.slack.click("Approve", as_=person)
        wait_for(site.applying, 60, "an update that is applied")

        (driver,) = [machine for machine in workers if machine.driving()]
        killed_at = monotonic()
        driver.kill("worker.1")
        others = [machine for machine in workers if machine is not driver]
        wait_for(lambda: any(machine.driving() for machine in others), 10, "another worker")
        assert monotonic() - killed_at < 10
        # The other messenger and the other clock take over as well.
        assert one.terminate() < 2

        wait_for(lambda: site.state() is State.SUCCEEDED, 120, "the end of the rollout")
        wait_for(lambda: site.waiting() == 0, 90, "the last message")
        for machine in (two, *others):
            assert machine.terminate() < 2
            assert machine.says("Traceback") == []

    site.assert_done_once()
