"""A pool, a workspace and a database, and what every process on them is given."""

from __future__ import annotations

import socket
from collections import Counter
from pathlib import Path

from bot.lab.pool import LabPool
from bot.lab.slack import LabSlack
from bot.rollout.lifecycle import State
from storage import audit, intents, outbox, rollouts
from storage.database import Database
from storage.tables import AuditRow
from tests.cli.configuration import configured, secrets
from tests.processes.signed import SECRET
from tests.rollout.rehearsal import scene

#: Simulated seconds in a real one: an update takes a few seconds, long enough to be disturbed in.
SPEED = 8.0
#: One host: the bot lives on the wall's clock here and takes twenty seconds for each host to come back.
ONE_HOST = scene("small", hosts=("xs-01",), vms=(), ha=False)


class Site:
    """What the processes of one installation share. `open` the database once it has its tables."""

    def __init__(self, directory: Path, url: str, pool: LabPool, slack: LabSlack) -> None:
        self.directory, self.url, self.pool, self.slack = directory, url, pool, slack
        self._configuration = configured(directory, pool, slack)
        self.environ = {
            "XSBOT_CONFIG": str(self._configuration),
            "DATABASE_URL": url,
            **secrets(pool.password, slack),
        }

    def over_http(self) -> tuple[dict[str, str], str]:
        """The environment of one more process that Slack calls over HTTP, and its address."""
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        text = self._configuration.read_text(encoding="utf-8")
        own = self.directory / f"http-{port}.toml"
        own.write_text(text.replace("[slack]", '[slack]\nmode = "http"') + f"\n[web]\nport = {port}\n", "utf-8")
        environ = {**self.environ, "XSBOT_CONFIG": str(own), "SLACK_SIGNING_SECRET": SECRET}
        return environ, f"http://127.0.0.1:{port}"

    def open(self) -> None:
        """Look into the database from now on."""
        self.database = Database.open(self.url)

    def state(self) -> State:
        """Where rollout 1 is."""
        with self.database.reading() as tx:
            return State(rollouts.get(tx, 1).state)

    def applying(self) -> bool:
        """Whether an update is being applied right now, by a task that is written down."""
        with self.database.reading() as tx:
            known = intents.all_intents(tx, 1).values()
        return any(i.key.startswith("ApplyUpdates") and i.task_ref and i.finished_at is None for i in known)

    def waiting(self) -> int:
        """How many messages wait for Slack."""
        with self.database.reading() as tx:
            return outbox.depth(tx)

    def trail(self) -> list[AuditRow]:
        """The audit trail, which verifies."""
        with self.database.reading() as tx:
            assert audit.verify(tx).ok
            return audit.recent(tx, limit=1000)

    def assert_done_once(self, doubled: int = 0) -> None:
        """The hosts are updated, everything happened once; at most `doubled` messages are there twice."""
        verdict = self.pool.verdict()
        assert (verdict.hosts_behind, verdict.violations, verdict.vms_away) == ([], [], {})
        for kind in ("host_rebooted", "apply_started"):
            assert sorted(Counter(e.host for e in self.pool.effects if e.kind == kind).values()) == [1], kind
        actions = [row.action for row in self.trail()]
        assert actions.count("rollout.running") == 1
        assert "message.undeliverable" not in actions
        told = [m.plain for channel in ("xs-updates", "xs-audit") for m in self.slack.messages(channel)]
        assert len(told) - len(set(told)) <= doubled
