"""xsbot: its real worker, rules, gateway and database drive the rollout; only approval and Slack are left out.

The driver is the product's own, so that how soon it notices the end of a migration is part of the figures.
"""

from __future__ import annotations

import tempfile
import threading
import time as real
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path
from typing import Any

from bot.lab.pool import LabPool
from bot.lab.time import SteppedTime
from bot.messages.sentences import recorded
from bot.rollout.checks import Report, Severity
from bot.rollout.decision import Decision
from bot.rollout.lifecycle import State
from bot.rollout.model import PoolSnapshot
from bot.rollout.proposal import Choices
from bot.rollout.spec import Placement, Preset, StoppedVms, parse_spec
from bot.rollouts import Role, Rollouts
from bot.rollouts.asking import Blocked
from bot.rollouts.start import start
from bot.settings import Settings
from bot.worker import Driver
from bot.xen.address import PoolAddress
from bot.xen.gateway import Gateway
from storage.actors import Actor
from storage.database import Database
from storage.tables import RolloutRow
from tests.bench.rolling.client import Stopped
from tests.bench.rolling.loop import Effort, Loop
from tests.bench.rolling.near import near_gateway

_ALICE = Actor("slack", "UALICE", "alice")


class _Everybody:
    """Everybody may do everything."""

    def roles_of(self, user_id: str, pool: str) -> frozenset[Role]:
        return frozenset(Role)

    def holders(self, role: Role, pool: str) -> frozenset[str]:
        return frozenset({"UALICE"})


class _Driver(Driver):
    """The product's driver with a stopwatch."""

    effort: Effort

    def _look(self, row: RolloutRow, minds_discs: bool) -> PoolSnapshot:
        began = real.perf_counter()
        try:
            return super()._look(row, minds_discs)
        finally:
            self.effort.rounds += 1
            self.effort.looking += real.perf_counter() - began

    def _round(self, row: RolloutRow, snapshot: PoolSnapshot) -> Decision:
        began = real.perf_counter()
        try:
            return super()._round(row, snapshot)
        finally:
            seconds = real.perf_counter() - began
            self.effort.deciding += seconds
            self.effort.longest = max(self.effort.longest, seconds)


def choices(preset: str, placement: str) -> Choices:
    """What somebody chooses who asks for this preset and placement.

    Raises `Stopped` when this release has no such choice.
    """
    if preset and preset not in list(Preset):
        raise Stopped(f"this release has no preset {preset}")
    if placement and placement not in list(Placement):
        raise Stopped(f"this release has no placement {placement}")
    return Choices(
        stopped_vms=StoppedVms.SHUTDOWN,
        preset=Preset(preset or Preset.SERIAL),
        placement=Placement(placement or Placement.HOME),
    )


def offers(preset: str) -> bool:
    """Whether this release has the preset (and with it a choice of placements)."""
    for entry in fields(Choices):
        if entry.name == "preset":
            presets: Any = type(entry.default)
            return preset in {str(value) for value in presets}
    return False


def roll(pool: LabPool, time: SteppedTime, wanted: Choices, effort: Effort, *, product: bool = False) -> None:
    """Update the pool by rounds whose memory is in this process, with no wire to the lab; or, `product`, by the worker
    of the product with its database, over HTTPS. Raises `Stopped` where people would be asked.
    """
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        settings = Settings.model_validate(
            {
                "installation": "bench",
                "database_url": f"sqlite:///{directory}/xsbot.sqlite",
                "slack": {"audit_channel": "C0AUDIT", "bot_token": "xoxb-bench", "app_token": "xapp-bench"},
                "approval": {"allow_unreviewed": True},
                "roles": {"requester": ["*"], "approver": ["UALICE"]},
                "pools": {
                    "bench": {
                        "urls": [host.url for host in pool.hosts],
                        "username": pool.username,
                        "password": pool.password,
                        "ca_file": str(pool.ca_file),
                        "channel": "C0UPDATES",
                        "mode": "act",
                    }
                },
            }
        )
        address = PoolAddress(
            urls=settings.pool("bench").urls,
            username=pool.username,
            password=pool.password,
            ca_file=str(pool.ca_file),
        )
        database = Database.open(settings.database_url)
        stack.callback(database.close)
        database.upgrade()
        gateway = Gateway(address, time=time, name="bench") if product else near_gateway(pool, address, time)
        stack.callback(gateway.close)
        desk = Rollouts(database, {"bench": gateway}, settings, time, _Everybody(), recorded)
        (_drive if product else _loop)(desk, gateway, wanted, effort)


def _loop(desk: Rollouts, gateway: Gateway, wanted: Choices, effort: Effort) -> None:
    preview = desk.preview("bench", wanted, _ALICE)
    _refuse(desk, preview.report)
    Loop(gateway, desk.time, parse_spec(preview.stored), preview.updates, effort).drive(desk.say)


def _refuse(desk: Rollouts, report: Report) -> None:
    blocking = report.of(Severity.BLOCKS)
    if blocking:
        raise Stopped("checks: " + "; ".join(desk.say(finding.reason) for finding in blocking))


def _drive(desk: Rollouts, gateway: Gateway, wanted: Choices, effort: Effort) -> None:
    try:
        asked = desk.propose("bench", wanted, _ALICE, "", "C0UPDATES")
    except Blocked as blocked:
        _refuse(desk, blocked.report)
        raise
    start(desk, asked.row.id)
    driver = _Driver(desk, gateway, asked.row.id, threading.Event(), threading.Event())
    driver.effort = effort
    driver.drive()
    standing = desk.standing(asked.row.id)
    if State(standing.row.state) is not State.SUCCEEDED:
        reason = standing.row.problem_reason or standing.row.headline_reason
        raise Stopped(desk.say(reason) if reason is not None else standing.row.state)
