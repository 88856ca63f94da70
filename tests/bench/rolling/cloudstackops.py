"""cloudstackOps' rolling reboot of a XenServer cluster, with the updates applied while each host is empty.

As its users describe it: coordinator first, then the other hosts. Each host is

 1. disabled;
 2. emptied, five VMs at a time, each to the host that has most free memory when it is planned, what was planned before
    it counted;
 3. updated, rebooted whatever the guidance says, and enabled.

Nothing is brought home. A VM that cannot leave ends the run.
"""

from __future__ import annotations

from tests.bench.rolling.client import Client, Stopped

_LOOK, _AGAIN = 1.0, 5.0
_AT_ONCE = 5


def roll(client: Client) -> list[str]:
    """Update the pool. Raises `Stopped` or `Refused` where it ends."""
    missing, checksum = client.guidance(), client.checksum()
    for host in client.hosts():
        if host not in missing:
            continue
        client("host.disable", host)
        _empty(client, host)
        client.done("host.apply_updates", host, checksum, every=_LOOK)
        client.restart(host, "host.reboot", client.newer(host, "boot_time"), every=_AGAIN, knock=_AGAIN)
        client.enable(host, again=_AGAIN)
    return []


def _empty(client: Client, host: str) -> None:
    records = client("VM.get_all_records")
    vms = [vm for vm in client.running().get(host, []) if vm in records]
    free = {
        other: int(client("host.compute_free_memory", other))
        for other, record in client("host.get_all_records").items()
        if other != host and record["enabled"]
    }
    if vms and not free:
        raise Stopped("no other host is enabled")
    planned = []
    for vm in vms:
        target = max(free, key=lambda other: free[other])
        free[target] -= int(records[vm]["memory_dynamic_max"]) + int(records[vm]["memory_overhead"])
        planned.append((vm, target))
    refused = client.many(
        _AT_ONCE,
        [lambda vm=vm, to=to: str(client("Async.VM.pool_migrate", vm, to, {"live": "true"})) for vm, to in planned],  # type: ignore[misc]
    )
    if refused:
        raise refused[0]
    client.next_look(_LOOK)
