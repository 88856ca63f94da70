"""One look at a large pool: what it costs the bot, and how long it takes."""

from __future__ import annotations

import time
from statistics import median

from bot.time import RealTime
from bot.xen.address import PoolAddress
from bot.xen.gateway import Gateway
from tests.bench.child import Child
from tests.bench.figures import Figure
from tests.bench.scene import start_pools

_SIZES = ((16, 200), (64, 840))
_TIMES = 5


def run() -> list[Figure]:
    """Sixteen hosts with 200 VMs, and sixty-four with 840: with disks, as before a rollout, and as during one."""
    figures: list[Figure] = []
    for hosts, vms in _SIZES:
        with Child("pools") as site:
            (pool,) = start_pools(site, 1, hosts=hosts, vms=vms)
            address = PoolAddress(
                urls=pool["urls"],
                username=pool["username"],
                password=pool["password"],
                fingerprints=pool["fingerprints"],
            )
            gateway = Gateway(address, time=RealTime(), name="look")
            try:
                for kind, disks in (("whole", True), ("during", False)):
                    figures += _look(gateway, f"look_{hosts}x{vms}_{kind}", disks)
            finally:
                gateway.close()
    return figures


def _look(gateway: Gateway, name: str, disks: bool) -> list[Figure]:
    gateway.snapshot(disks=disks)
    wall, cpu = [], []
    for _ in range(_TIMES):
        began, used = time.monotonic(), time.thread_time()
        gateway.snapshot(disks=disks)
        wall.append(time.monotonic() - began)
        cpu.append(time.thread_time() - used)
    return [
        Figure(f"{name}_cpu_ms", 1000 * median(cpu), "ms"),
        Figure(f"{name}_ms", 1000 * median(wall), "ms"),
    ]
