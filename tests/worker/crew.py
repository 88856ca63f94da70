"""Several processes of one installation, as far as the engine is concerned: each its own desk, gateway and database."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from bot.app import gateways_of
from bot.lab.pool import LabPool
from bot.lab.time import ScaledTime
from bot.messages.sentences import recorded
from bot.rollout.lifecycle import State
from bot.rollout.proposal import Choices
from bot.rollouts import Role, Rollouts
from bot.settings import Settings
from bot.worker import Engine, engine_of
from storage import rollouts
from storage.actors import Actor
from storage.database import Database
from storage.errors import DatabaseUnavailable

ALICE, BOB = Actor("slack", "UALICE", "alice"), Actor("slack", "UBOB", "bob")


class _Everybody:
    """Everybody may do everything."""

    def roles_of(self, user_id: str, pool: str) -> frozenset[Role]:
        return frozenset(Role)

    def holders(self, role: Role, pool: str) -> frozenset[str]:
        return frozenset({ALICE.id, BOB.id})


def settings_for(url: str, pool: LabPool) -> Settings:
    """One pool that may be acted on."""
    return Settings.model_validate(
        {
            "installation": "crew",
            "database_url": url,
            "slack": {"audit_channel": "C0AUDIT", "bot_token": "xoxb-1", "app_token": "xapp-1"},
            "roles": {"requester": ["*"], "approver": ["S0APPROVERS"]},
            "approval": {"required": 1},
            "pools": {
                "lab": {
                    "urls": [host.url for host in pool.hosts],
                    "username": pool.username,
                    "password": pool.password,
                    "fingerprints": {host.uuid: host.fingerprint for host in pool.hosts},
                    "channel": "C0UPDATES",
                    "mode": "act",
                }
            },
        }
    )


class Process:
    """What one process has."""

    def __init__(self, settings: Settings, clock: ScaledTime, *, works: bool = True) -> None:
        self.database = Database.open(settings.database_url)
        self.database.upgrade()
        self.gateways = gateways_of(settings, clock)
        self.desk = Rollouts(
            self.database,
            self.gateways,
            settings,
            clock,
            _Everybody(),
            recorded,
            wake=lambda: self.engine.wake(),
            settle=lambda alias: self.engine.settle(alias),
        )
        self.engine: Engine = engine_of(self.desk, works=works)
        self.engine.start()

    def stop(self) -> float:
        """Leave; the seconds it took."""
        began = time.monotonic()
        self.engine.stop.set()
        for gateway in self.gateways.values():
            gateway.close()
        self.engine.shut_down(began + 1.5)
        self.database.close()
        return time.monotonic() - began

    def begin(self) -> int:
        """Ask for an update of the pool and have it approved; the rollout's number."""
        standing = self.desk.propose("lab", Choices(), ALICE, "the November fixes", "C0UPDATES")
        self.desk.approve(standing.row.id, standing.digest, BOB)
        return standing.row.id

    def readable_state(self, rollout_id: int) -> State | None:
        """Where the rollout is, None while the database does not answer."""
        try:
            return self.state(rollout_id)
        except DatabaseUnavailable:
            return None

    def state(self, rollout_id: int) -> State:
        with self.database.reading() as tx:
            return State(rollouts.get(tx, rollout_id).state)


def until(holds: Callable[[], object], within: timedelta = timedelta(seconds=60)) -> None:
    """Wait for it."""
    deadline = time.monotonic() + within.total_seconds()
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
