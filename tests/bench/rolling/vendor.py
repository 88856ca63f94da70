"""The vendor's recipe for the PowerShell module, carried out by a script to the letter.

From the product's documentation, "Apply updates to your pool" (2025), level mandatory and recommended. Coordinator
first, then by name, each host:

 1. Disable it.
 2. Evacuate it if EvacuateHost or RebootHost is among its tasks; VMs that cannot migrate are shut down.
 3. Apply, and wait for the task.
 4. Restart the toolstack (skipped where the host reboots), then reboot.
 5. Enable it if it is still disabled.
 6. Migrate every VM that step 2 evacuated back to it, one call after the other.
 7. Start the VMs that step 2 shut down.

The recipe does not say how to wait for a host; here it is looked at every five seconds.
"""

from __future__ import annotations

from tests.bench.rolling.client import Client

_LOOK, _AGAIN = 1.0, 5.0
_EMPTYING = frozenset({"RebootHost", "EvacuateHost"})
_PINNED = ("VM_HAS_PCI_ATTACHED", "VM_REQUIRES_SR", "VM_HAS_VGPU")


def roll(client: Client) -> list[str]:
    """Update the pool. Raises `Stopped` or `Refused` where the script ends."""
    guidance, checksum = client.guidance(), client.checksum()
    for host in client.hosts():
        if host not in guidance:
            continue
        client("host.disable", host)
        evacuated: list[str] = []
        stopped: list[str] = []
        if guidance[host] & _EMPTYING:
            stopped = _stop_pinned(client, host)
            evacuated = client.running().get(host, [])
            if evacuated:
                client.done("host.evacuate", host, every=_LOOK)
        client.done("host.apply_updates", host, checksum, every=_LOOK)
        if "RebootHost" in guidance[host]:
            _restart(client, host, "host.reboot", "boot_time")
        elif "RestartToolstack" in guidance[host]:
            _restart(client, host, "host.restart_agent", "agent_start_time")
        client.enable(host, again=_AGAIN)
        for vm in evacuated:
            if client("VM.get_resident_on", vm) != host:
                client.done("VM.pool_migrate", vm, host, {}, every=_LOOK)
        for vm in stopped:
            client.done("VM.start_on", vm, host, False, False, every=_LOOK)
    return []


def _stop_pinned(client: Client, host: str) -> list[str]:
    stopped = []
    for vm, why in client("host.get_vms_which_prevent_evacuation", host).items():
        if why[0] in _PINNED:
            client.done("VM.clean_shutdown", vm, every=_LOOK)
            stopped.append(vm)
    return stopped


def _restart(client: Client, host: str, call: str, stamp: str) -> None:
    client.restart(host, call, client.newer(host, stamp), every=_AGAIN, knock=_AGAIN)
