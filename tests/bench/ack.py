"""Acknowledgements at sixty commands a second while fifty rollouts run, beside a bare Bolt app on the same machine.

Both apps are connected all the time, to a workspace of their own each, over the same client; they are asked in turns,
so that whatever else the machine does meets both alike.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack

from tests.bench.child import BenchError, Child
from tests.bench.figures import Figure, quantile
from tests.bench.scene import settings_for, start_pools

_ROLLOUTS = 50
_PER_SECOND = 60.0
_TURNS = 5
_TURN_S = 6.0


def run() -> list[Figure]:
    """Pools of two hosts and four VMs, one process that does everything, SQLite."""
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        town = stack.enter_context(Child("workspace"))
        site = stack.enter_context(Child("pools"))
        bare = stack.enter_context(Child("bare"))
        bare.do("connect", **town.do("open", name="bare"))
        bot = stack.enter_context(Child("process"))
        pools = start_pools(site, _ROLLOUTS, hosts=2, vms=4)
        slack = town.do("open", name="bot")
        bot.do("prepare", settings=settings_for(pools, f"sqlite:///{directory}/xsbot.sqlite", slack), parts=[])
        bot.do("begin_rollouts")
        bot.do("start")
        for name in ("bare", "bot"):
            town.do("wait_connected", name=name)
        deadline = time.monotonic() + 90
        while bot.do("states").get("running", 0) < _ROLLOUTS:
            if time.monotonic() > deadline:
                raise BenchError(f"not all rollouts are driven: {bot.do('states')}")
            time.sleep(0.5)
        ms: dict[str, list[float]] = {"bare": [], "bot": []}
        missed = 0
        for _ in range(_TURNS):
            for name in ("bare", "bot"):
                typed = town.do("type", name=name, per_second=_PER_SECOND, seconds=_TURN_S)
                ms[name] += typed["ms"]
                missed += typed["missed"]
    figures = [
        Figure(f"ack_{name}_ms_p{round(100 * part)}", quantile(ms[name], part), "ms")
        for name in ("bare", "bot")
        for part in (0.5, 0.95, 0.99)
    ]
    ratios = [
        Figure(
            f"ack_ratio_p{round(100 * part)}",
            quantile(ms["bot"], part) / quantile(ms["bare"], part),
            aim=1.3 if part == 0.99 else None,
        )
        for part in (0.5, 0.95, 0.99)
    ]
    return [*figures, *ratios, Figure("ack_missed", missed, aim=1), Figure("ack_commands", len(ms["bot"]))]
