"""Three hundred rollouts driven by one process, on SQLite and on PostgreSQL."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from typing import Any

from tests.bench.child import BenchError, Child
from tests.bench.figures import Figure, quantile
from tests.bench.scene import settings_for, start_pools
from tests.postgres import PostgresServer, find_postgres

_ROLLOUTS = 300
_WINDOW_S = 45.0
#: Real seconds until every rollout has a driver.
_PATIENCE_S = 240.0


def run() -> list[Figure]:
    """Pools of two hosts and four VMs, as fast as in a machine room; the bot lives on the wall's clock."""
    figures = _on("sqlite")
    if find_postgres() is None:
        raise BenchError("there is no PostgreSQL for it (Debian, Ubuntu: apt install postgresql)")
    return figures + _on("postgresql")


def _on(kind: str) -> list[Figure]:
    with ExitStack() as stack:
        slack: dict[str, str] | None = None
        if kind == "sqlite":
            # One process does it all there, so it needs a workspace to talk to.
            town = stack.enter_context(Child("workspace"))
            slack = town.do("open", name="bot")
            url = f"sqlite:///{stack.enter_context(tempfile.TemporaryDirectory())}/xsbot.sqlite"
        else:
            binaries = find_postgres()
            assert binaries is not None
            url = stack.enter_context(PostgresServer(binaries)).upgraded()
        site = stack.enter_context(Child("pools"))
        pools = start_pools(site, _ROLLOUTS, hosts=2, vms=4)
        worker = stack.enter_context(Child("process"))
        settings = settings_for(pools, url, slack)
        worker.do("prepare", settings=settings, parts=[] if kind == "sqlite" else ["worker"])
        worker.do("begin_rollouts")
        return _measured(kind, worker, site)


def _measured(kind: str, worker: Child, site: Child) -> list[Figure]:
    began = time.monotonic()
    worker.do("start")
    states: dict[str, Any] = {}
    while states.get("running", 0) < _ROLLOUTS:
        if time.monotonic() - began > _PATIENCE_S:
            raise BenchError(f"not all rollouts are driven after {_PATIENCE_S:.0f} s: {states}")
        time.sleep(0.5)
        states = worker.do("states")
    ramp = time.monotonic() - began
    # The herd of the start is over when everybody has waited once.
    time.sleep(5.0)
    worker.do("noted")
    calls, before, pools_before = site.do("calls"), worker.usage(), site.usage()
    time.sleep(_WINDOW_S)
    after, pools_after, noted = worker.usage(), site.usage(), worker.do("noted")
    calls = site.do("calls") - calls
    trouble = site.do("trouble")
    states = worker.do("states")
    if trouble or states.get("driven", 0) < _ROLLOUTS:
        raise BenchError(f"a rollout fared badly: {states} {trouble[:3]}")
    name = f"rollouts_{kind}"
    return [
        Figure(f"{name}_all_driven_s", ramp, "s"),
        Figure(f"{name}_rss_mib", after.rss_mib, "MiB"),
        Figure(f"{name}_cpu_share", after.share_since(before)),
        Figure(f"{name}_threads", after.threads),
        Figure(f"{name}_looks_per_s", len(noted["looks"]) / (after.at - before.at), "/s"),
        Figure(f"{name}_calls_per_s", calls / (after.at - before.at), "/s"),
        Figure(f"{name}_due_to_look_ms_p50", 1000 * quantile(noted["delays"], 0.5), "ms"),
        Figure(f"{name}_due_to_look_ms_p99", 1000 * quantile(noted["delays"], 0.99), "ms"),
        Figure(f"{name}_due_to_look_ms_max", 1000 * max(noted["delays"], default=0.0), "ms"),
        Figure(f"{name}_look_ms_p50", 1000 * quantile(noted["looks"], 0.5), "ms"),
        Figure(f"{name}_look_ms_p99", 1000 * quantile(noted["looks"], 0.99), "ms"),
        Figure(f"{name}_simulation_cpu_share", pools_after.share_since(pools_before)),
    ]
