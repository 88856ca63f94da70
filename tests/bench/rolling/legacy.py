"""The order of 2014 for XenServer 6.2: patch the whole pool first, then restart toolstacks, then reboot hosts in turn.

From a blog article of that year on patching unlicensed pools. The order:

 1. Apply to every host, one after the other (what `xe patch-pool-apply` did).
 2. Restart the toolstack of every member, then the coordinator's.
 3. Members one after the other: disable, evacuate, reboot, wait. Nothing is brought home.
 4. The coordinator likewise.

Hosts whose guidance does not ask for a reboot are not rebooted; EvacuateHost, which it never heard of, is not heeded.
Where the update brings a newer management stack, step 2 starts members ahead of their coordinator.
"""

from __future__ import annotations

from tests.bench.rolling.client import Client

_LOOK, _AGAIN = 1.0, 5.0


def roll(client: Client) -> list[str]:
    """Update the pool. Raises `Stopped` or `Refused` where it ends."""
    guidance, checksum = client.guidance(), client.checksum()
    coordinator, *members = client.hosts()
    for host in (coordinator, *members):
        if host in guidance:
            client.done("host.apply_updates", host, checksum, every=_LOOK)
    for member in members:
        # Typed into its console; the command does not wait for the pool.
        client("host.restart_agent", member)
        client.pause(_AGAIN)
    _restart(client, coordinator, "host.restart_agent", "agent_start_time")
    for member in members:
        client.enable(member, again=_AGAIN)
    for host in (*members, coordinator):
        if "RebootHost" not in guidance.get(host, ()):
            continue
        client("host.disable", host)
        client.done("host.evacuate", host, every=_LOOK)
        _restart(client, host, "host.reboot", "boot_time")
        client.enable(host, again=_AGAIN)
    return []


def _restart(client: Client, host: str, call: str, stamp: str) -> None:
    client.restart(host, call, client.newer(host, stamp), every=_AGAIN, knock=_AGAIN)
