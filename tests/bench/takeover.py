"""kill -9 of the worker that drives a rollout, until another worker causes the next effect on the pool."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack

from tests.bench.child import BenchError, Child
from tests.bench.figures import Figure, quantile
from tests.bench.scene import settings_for, start_pools
from tests.postgres import PostgresServer, find_postgres

_KILLS = 3
#: Everything is over before another worker can be there: what is measured is the taking over, not the pool's own pace.
_QUICK = {
    "apply": 2.0, "reboot": 2.0, "toolstack": 2.0, "sync": 1.0, "migration_fixed": 0.2, "migration_gib_per_s": 40.0,
    "ha_enable": 1.0, "ha_disable": 1.0,
}  # fmt: skip


def run() -> list[Figure]:
    """Two workers on PostgreSQL, a pool of four hosts."""
    binaries = find_postgres()
    if binaries is None:
        raise BenchError("there is no PostgreSQL for it (Debian, Ubuntu: apt install postgresql)")
    with ExitStack() as stack:
        postgres = stack.enter_context(PostgresServer(binaries))
        site = stack.enter_context(Child("pools"))
        settings = settings_for(start_pools(site, 1, hosts=4, vms=8, durations=_QUICK), postgres.upgraded())
        workers = [_worker(stack, settings) for _ in range(2)]
        office = stack.enter_context(Child("process"))
        # Started it is not: it only hands in the request.
        office.do("prepare", settings=settings, parts=["clock"])
        office.do("begin_rollouts")
        took = [_kill_one(stack, settings, workers, site) for _ in range(_KILLS)]
        trouble = site.do("trouble")
    if trouble:
        raise BenchError(f"the pool fared badly: {trouble}")
    return [
        Figure("takeover_s_median", quantile(took, 0.5), "s"),
        Figure("takeover_s_max", max(took), "s", aim=10.0),
        Figure("takeover_kills", len(took)),
    ]


def _worker(stack: ExitStack, settings: dict[str, object]) -> Child:
    worker = stack.enter_context(Child("process"))
    worker.do("prepare", settings=settings, parts=["worker"])
    worker.do("start")
    return worker


def _kill_one(stack: ExitStack, settings: dict[str, object], workers: list[Child], site: Child) -> float:
    """Kill the driving worker right after an effect; seconds until the next one. Another worker takes its place."""
    before = site.do("effects")
    _wait_for(lambda: site.do("effects") > before and any(map(_drives, workers)), 60, "an effect of a driven rollout")
    (driver,) = [worker for worker in workers if _drives(worker)]
    killed_at = driver.kill()
    workers.remove(driver)
    seen = site.do("effects")
    _wait_for(lambda: site.do("effects") > seen, 60, "the next effect")
    took = time.monotonic() - killed_at
    workers.append(_worker(stack, settings))
    return took


def _drives(worker: Child) -> bool:
    return bool(worker.do("states")["threads"])


def _wait_for(holds: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise BenchError(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(0.01)
