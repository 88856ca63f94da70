"""The processes of the Procfile, on three machines and one PostgreSQL, behave like one bot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from time import monotonic

import pytest

from bot.lab.pool import LabPool
from bot.lab.slack import LabSlack
from bot.lab.time import ScaledTime
from bot.rollout.lifecycle import State
from storage import audit, intents, outbox, rollouts
from storage.database import Database
from tests.cli.configuration import configured, secrets
from tests.postgres import PostgresServer
from tests.rollout.rehearsal import scene
from tests.slack.conftest import request_update

from .machines import Machine, release, wait_for

pytestmark = pytest.mark.postgresql

#: Simulated seconds in a real one: an update takes a few seconds, long enough to be killed in.
SPEED = 8.0
#: One host: the bot lives on the wall's clock here and takes twenty seconds for each host to come back.
ONE_HOST = scene("small", hosts=("xs-01",), vms=(), ha=False)


class Site:
    """A pool, a workspace, a database, and what every machine is given."""

    def __init__(self, directory: Path, url: str, pool: LabPool, slack: LabSlack) -> None:
        self.directory, self.url, self.pool, self.slack = directory, url, pool, slack
        config = configured(directory, pool, slack)
        self.environ = {
            "XSBOT_CONFIG": str(config),
            "DATABASE_URL": url,
            **secrets(pool.password, slack),
        }

    def state(self) -> State:
        with self.database.reading() as tx:
            return State(rollouts.get(tx, 1).state)

    def applying(self) -> bool:
        """Whether an update is being applied right now, by a task that is written down."""
        with self.database.reading() as tx:
            known = intents.all_intents(tx, 1).values()
        return any(i.key.startswith("ApplyUpdates") and i.task_ref and i.finished_at is None for i in known)

    def waiting(self) -> int:
        with self.database.reading() as tx:
            return outbox.depth(tx)

    def open(self) -> None:
        self.database = Database.open(self.url)


@pytest.fixture
def site(tmp_path: Path, postgres: PostgresServer) -> Iterator[Site]:
    with ExitStack() as stack:
        pool = stack.enter_context(LabPool.start(ONE_HOST, ScaledTime(SPEED)))
        slack = stack.enter_context(LabSlack.start())
        made = Site(tmp_path, postgres.empty(), pool, slack)
        yield made
        made.database.close()


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

    _assert_done_once(site)


def _assert_done_once(site: Site) -> None:
    verdict = site.pool.verdict()
    assert (verdict.hosts_behind, verdict.violations, verdict.vms_away) == ([], [], {})
    for kind in ("host_rebooted", "apply_started"):
        assert sorted(Counter(e.host for e in site.pool.effects if e.kind == kind).values()) == [1], kind
    with site.database.reading() as tx:
        assert audit.verify(tx).ok
        trail = audit.recent(tx, limit=1000)
    assert [row.action for row in trail].count("rollout.running") == 1
    assert "message.undeliverable" not in {row.action for row in trail}
    for channel in ("xs-updates", "xs-audit"):
        told = Counter(message.plain for message in site.slack.messages(channel))
        assert [text for text, times in told.items() if times > 1] == [], channel
