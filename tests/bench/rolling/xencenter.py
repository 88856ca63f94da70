"""XenCenter's automated updates of a CDN pool, the tasks carried out automatically.

From the last public source of the client (2023). The order:

 1. Prechecks: every host whose recommended guidance is RebootHost or EvacuateHost is asked for the VMs that cannot
    leave it; *Resolve All* shuts those down. Any other blocker leaves the wizard at this page.
 2. Frozen now: the hosts (coordinator first, then by name), each host's guidance and running VMs, the hash.
 3. Each host, one after the other:
    a. RebootHost or EvacuateHost: disable, evacuate (XAPI chooses the targets, ten at a time).
    b. Disable if still enabled, apply.
    c. RebootHost: reboot; wait, looking every second; enable, trying every five seconds; every VM of the frozen list
       that is elsewhere comes back, one at a time (the first may fail 25 times, five seconds apart; any later one that
       fails ends the run).
    d. else RestartToolstack: restart it, wait for it.
    e. Not rebooted: enable. VMs evacuated for EvacuateHost alone are not brought back.
 4. What the prechecks stopped is started again.

It knocks every five seconds at a coordinator that restarts, and waits for hosts without a limit.
"""

from __future__ import annotations

from tests.bench.rolling.client import Client, Refused, Stopped

#: Seconds between two looks at a task or a host, and between two tries of what is refused.
_LOOK, _AGAIN = 1.0, 5.0
_EMPTYING = frozenset({"RebootHost", "EvacuateHost"})
#: Blockers that *Resolve All* resolves by stopping the VM; for lack of memory a person would have to choose VMs.
_PINNED = ("VM_HAS_PCI_ATTACHED", "VM_REQUIRES_SR", "VM_HAS_VGPU")


def roll(client: Client) -> list[str]:
    """Update the pool; what went wrong without ending the run. Raises `Stopped` or `Refused` where it ends."""
    guidance = client.guidance()
    hosts = [host for host in client.hosts() if host in guidance]
    stopped = _resolve_all(client, [host for host in hosts if guidance[host] & _EMPTYING])
    running, checksum = client.running(), client.checksum()
    for host in hosts:
        if guidance[host] & _EMPTYING:
            _evacuate(client, host)
        _disable(client, host)
        client.done("host.apply_updates", host, checksum, every=_LOOK)
        if "RebootHost" in guidance[host]:
            _evacuate(client, host)
            _restart(client, host, "host.reboot", "boot_time")
            client.enable(host, again=_AGAIN)
            _bring_back(client, host, running.get(host, []))
        elif "RestartToolstack" in guidance[host]:
            _restart(client, host, "host.restart_agent", "agent_start_time")
            client.enable(host, again=_AGAIN)
        else:
            client.enable(host, again=_AGAIN)
    for vm, host in stopped:
        client.done("VM.start_on", vm, host, False, False, every=_LOOK)
    return []


def _resolve_all(client: Client, hosts: list[str]) -> list[tuple[str, str]]:
    stopped = []
    for host in hosts:
        for vm, why in client("host.get_vms_which_prevent_evacuation", host).items():
            if why[0] not in _PINNED:
                raise Stopped(f"prechecks: {why[0]}")
            client.done("VM.clean_shutdown", vm, every=_LOOK)
            stopped.append((vm, host))
    return stopped


def _disable(client: Client, host: str) -> None:
    if client("host.get_enabled", host):
        client("host.disable", host)


def _evacuate(client: Client, host: str) -> None:
    _disable(client, host)
    if any(not client("VM.get_is_control_domain", vm) for vm in client("host.get_resident_VMs", host)):
        client.done("host.evacuate", host, every=_LOOK)


def _bring_back(client: Client, host: str, vms: list[str]) -> None:
    """Migrate the VMs to the host, one at a time."""
    away = [vm for vm in vms if client("VM.get_resident_on", vm) != host]
    for vm in away:
        if client("VM.get_power_state", vm) != "Running" or client("VM.get_resident_on", vm) == host:
            continue
        for attempt in range(26):
            try:
                client.done("VM.pool_migrate", vm, host, {"live": "true"}, every=_LOOK)
                break
            except Refused:
                if vm != away[0] or attempt == 25:
                    raise
                client.pause(_AGAIN)


def _restart(client: Client, host: str, call: str, stamp: str) -> None:
    client.restart(host, call, client.newer(host, stamp), every=_LOOK, knock=_AGAIN)
