"""A thousand pools with nothing to do, watched by one process that does everything, on SQLite."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack

from tests.bench.child import BenchError, Child
from tests.bench.figures import Figure
from tests.bench.scene import settings_for, start_pools

_POOLS = 1000
_WINDOW_S = 60.0


def run() -> list[Figure]:
    """Pools of one host, up to date; the default interval between two polls. Every pool has been seen before the
    window begins, so that memory is what it stays at and polls cost what they cost from then on."""
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        town = stack.enter_context(Child("workspace"))
        slack = town.do("open", name="bot")
        site = stack.enter_context(Child("pools"))
        pools = start_pools(site, _POOLS, hosts=1, vms=0, updates=False)
        bot = stack.enter_context(Child("process"))
        bot.do("prepare", settings=settings_for(pools, f"sqlite:///{directory}/xsbot.sqlite", slack), parts=[])
        bot.do("poll_all")
        warm = bot.usage()
        bot.do("start")
        time.sleep(5.0)
        calls, before = site.do("calls"), bot.usage()
        time.sleep(_WINDOW_S)
        after = bot.usage()
        calls = site.do("calls") - calls
    if not calls:
        raise BenchError("no pool was looked at")
    seconds = after.at - before.at
    return [
        Figure("idle_cpu_share", after.share_since(before), aim=0.2),
        Figure("idle_rss_mib", max(warm.rss_mib, after.rss_mib), "MiB", aim=400.0),
        Figure("idle_open_files", after.files),
        Figure("idle_calls_per_s", calls / seconds, "/s"),
        Figure("idle_first_poll_ms", 1000 * warm.cpu_s / _POOLS, "ms"),
    ]
