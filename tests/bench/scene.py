"""What several benches set up alike: pools and the bot's settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.bench.child import Child


def settings_for(
    pools: Sequence[dict[str, Any]], database_url: str, slack: dict[str, str] | None = None
) -> dict[str, Any]:
    """An installation that watches these pools, with every interval as it is by default."""
    return {
        "installation": "bench",
        "database_url": database_url,
        "slack": {"audit_channel": "C0AUDIT", **(slack or {"bot_token": "xoxb-1", "app_token": "xapp-1"})},
        "roles": {"requester": ["*"], "approver": ["U0BOB", "U0CAROL"], "admin": ["U0ALICE"]},
        "approval": {"required": 1},
        "pools": {f"pool-{number:03d}": pool for number, pool in enumerate(pools, start=1)},
    }


def start_pools(
    site: Child,
    count: int,
    *,
    hosts: int,
    vms: int,
    speed: float = 1.0,
    durations: dict[str, float] | None = None,
    updates: bool = True,
) -> list[dict[str, Any]]:
    """Have the pools started; their part of the configuration."""
    started: list[dict[str, Any]] = site.do(
        "start", count=count, hosts=hosts, vms=vms, speed=speed, durations=durations, updates=updates
    )
    return started
