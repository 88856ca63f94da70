"""A database, the lab's Slack and the one sender between them, on a clock that a test moves by hand."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from slack_sdk import WebClient

from bot.delivery import Delivery
from bot.lab.slack import LabSlack, Message
from bot.rollout.lifecycle import State
from bot.rollout.memory import TurnPhase, TurnProgress
from bot.rollout.reason import because
from bot.rollout.spec import canonical_bytes
from bot.settings import Settings
from storage import outbox, rollouts, threads, turns
from storage.actors import BOT, Actor
from storage.database import Database
from tests.unit.messages.made import NOW, standing_of, updates_for

ALICE = Actor("slack", "U0ALICE", "alice")


class HandClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.moment = NOW

    def now(self) -> datetime:
        return self.moment

    def wait_until(self, deadline: datetime, wake: threading.Event | None = None) -> bool:
        self.moment = max(self.moment, deadline)
        return wake is not None and wake.is_set()

    def pass_(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


def settings_for(slack: LabSlack, **slack_settings: Any) -> Settings:
    """Two pools that report to the lab's workspace."""
    pool = {
        "urls": ["https://127.0.9.1:1"],
        "password": "unused",
        "insecure_ignore_tls": True,
        "channel": "C0UPDATES",
        "mode": "act",
    }
    return Settings.model_validate(
        {
            "slack": {
                "bot_token": slack.bot_token,
                "app_token": slack.app_token,
                "audit_channel": "C0AUDIT",
                "base_url": slack.api_url,
                **slack_settings,
            },
            "roles": {
                "requester": ["S0REQUESTERS"],
                "approver": ["S0APPROVERS", "U0ERIN"],
                "admin": ["S0ADMINS"],
            },
            "approval": {"required": 2},
            "pools": {"lab": pool, "far": {**pool, "channel": "#nowhere"}},
        }
    )


def client_of(slack: LabSlack) -> WebClient:
    client = WebClient(slack.bot_token, base_url=slack.api_url)
    client.proxy = None
    return client


@dataclass
class Office:
    """What the tests of delivery talk to."""

    slack: LabSlack
    database: Database
    clock: HandClock
    settings: Settings
    delivery: Delivery

    @staticmethod
    def open(slack: LabSlack, directory: Path, **slack_settings: Any) -> Office:
        database = Database.open(f"sqlite:///{directory / 'xsbot.sqlite'}")
        database.upgrade()
        clock, settings = HandClock(), settings_for(slack, **slack_settings)
        return Office(slack, database, clock, settings, Delivery(database, client_of(slack), settings, clock))

    def request(self, alias: str = "lab", channel: str = "C0UPDATES", pool_uuid: str = "pool-uuid") -> int:
        """Record a request; its number."""
        made = standing_of()
        stored = canonical_bytes(made.spec).replace(b"pool-uuid", pool_uuid.encode())
        with self.database.transaction() as tx:
            return rollouts.create(
                tx,
                pool_uuid=pool_uuid,
                pool_alias=alias,
                spec_bytes=stored,
                requester=ALICE,
                reason_text="CHG-1234",
                updates=updates_for(),
                forecast=made.forecast.as_dict(),
                checks=made.report,
                channel=channel,
                at=self.clock.now(),
                expires_at=self.clock.now() + timedelta(hours=24),
                sentence="alice asked for it.",
            ).id

    def move(self, rollout_id: int, *states: State) -> None:
        """Move the rollout along these states."""
        with self.database.transaction() as tx:
            for state in states:
                reason = because("rollout.looking")
                rollouts.transition(
                    tx, rollout_id, state, actor=BOT, reason=reason, sentence="Moved.", at=self.clock.now()
                )

    def turn(self, rollout_id: int, phase: TurnPhase) -> None:
        """Let the first host get to that phase, and have it shown."""
        with self.database.transaction() as tx:
            turns.record(tx, rollout_id, TurnProgress("host-0", "xs-01", phase, 3, 7), self.clock.now())
            threads.redraw_progress(tx, rollout_id, self.clock.now())

    def line(self, rollout_id: int, text: str) -> None:
        """A milestone in the thread."""
        with self.database.transaction() as tx:
            outbox.enqueue(
                tx,
                outbox.Topic.LINE,
                lane=outbox.rollout_lane(rollout_id),
                key=f"rollout:{rollout_id}:line",
                payload={"rollout_id": rollout_id, "reason": because(text).as_dict()},
                at=self.clock.now(),
            )

    def deliver(self, seconds: float = 60) -> None:
        """Let the sender work for so long, as its own loop would, second by second."""
        for _ in range(round(seconds)):
            self.delivery.run_once(self.clock.now())
            self.clock.pass_(1)

    def card(self) -> Message:
        return next(entry for entry in self.slack.messages("xs-updates") if "Expected cost" in entry.plain)

    def waiting(self) -> int:
        with self.database.reading() as tx:
            return outbox.depth(tx)
