"""Xen Orchestra's rolling pool update of a XenServer 8 pool, `shutdownPinnedVms` given.

From the behaviour of its server of August 2026; no line of it is used. The order:

 1. Every host that misses updates is asked for the VMs that cannot leave it; anything but a device passed through ends
    the run before it begins.
 2. Home is where each VM runs now. Hosts as the pool lists them, the coordinator swapped into first place; one by one:
    a. shut down the pinned VMs, eight at a time; ask again whether the host can be evacuated;
    b. disable, evacuate with three migrations at a time, apply;
    c. reboot, whatever the guidance says; at most 20 minutes until it is enabled with a newer agent start time;
    d. start its pinned VMs there, two at a time.
 3. VMs go home, first and last host of the order swapped: one VM at a time in the whole pool, no second try. What fails
    is remembered, and ends the run in an error after the last.

Each asynchronous call costs 0.2 s more than it takes; a coordinator that restarts is knocked at every 60 s.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.bench.rolling.client import Client, Record, Refused, Stopped

#: Seconds its event loop lets pass before it looks at what came.
_DEBOUNCE = 0.2
_KNOCK = 60.0
_BACK_WITHIN = timedelta(minutes=20)
_PINNED = ("VM_HAS_PCI_ATTACHED", "VM_HAS_VGPU", "VM_HAS_SRIOV_VIF")


def roll(client: Client) -> list[str]:
    """Update the pool; the migrations home that failed. Raises `Stopped` or `Refused` where it ends earlier."""
    missing = client.guidance()
    checksum = client.checksum()
    order = [host for host in _order(client) if host in missing]
    for host in order:
        blockers = client("host.get_vms_which_prevent_evacuation", host)
        if any(why[0] not in _PINNED for why in blockers.values()):
            client("host.assert_can_evacuate", host)
    home = client.running()
    for host in order:
        _one(client, host, checksum)
    if order:
        order[0], order[-1] = order[-1], order[0]
    return [failure for host in order for failure in _home(client, host, home.get(host, []))]


def _order(client: Client) -> list[str]:
    coordinator = client("pool.get_all_records").popitem()[1]["master"]
    order = list(client("host.get_all_records"))
    place = order.index(coordinator)
    order[0], order[place] = order[place], order[0]
    return order


def _one(client: Client, host: str, checksum: str) -> None:
    pinned = [vm for vm, why in client("host.get_vms_which_prevent_evacuation", host).items() if why[0] in _PINNED]
    _all(client, 8, "Async.VM.clean_shutdown", [(vm,) for vm in pinned])
    client("host.assert_can_evacuate", host)
    client("host.disable", host)
    try:
        _async(client, "host.evacuate", host, "OpaqueRef:NULL", "3")
    except Refused:
        client("host.enable", host)
        raise
    _async(client, "host.apply_updates", host, checksum)
    asked = _seconds(client("host.get_servertime", host))

    def back(record: Record) -> bool:
        return bool(record["enabled"]) and float(record["other_config"]["agent_start_time"]) > asked

    began = client.now()
    client.restart(host, "host.reboot", back, every=_DEBOUNCE, knock=_KNOCK)
    if client.now() - began > _BACK_WITHIN:
        raise Stopped("the host took too long to restart")
    _all(client, 2, "Async.VM.start_on", [(vm, host, False, False) for vm in pinned])


def _all(client: Client, limit: int, method: str, arguments: list[tuple[object, ...]]) -> None:
    refused = client.many(limit, [lambda each=each: str(client(method, *each)) for each in arguments])  # type: ignore[misc]
    if refused:
        raise refused[0]


def _home(client: Client, host: str, vms: list[str]) -> list[str]:
    failed = []
    here = set(client("host.get_resident_VMs", host))
    for vm in vms:
        if vm in here or client("VM.get_power_state", vm) != "Running":
            continue
        try:
            _async(client, "VM.pool_migrate", vm, host, {"force": "false"})
        except Refused as refusal:
            failed.append(refusal.code)
    return failed


def _async(client: Client, method: str, *params: object) -> None:
    client.done(method, *params, every=_DEBOUNCE)
    client.pause(_DEBOUNCE)


def _seconds(moment: object) -> float:
    return datetime.strptime(f"{moment}+0000", "%Y%m%dT%H:%M:%SZ%z").timestamp()
