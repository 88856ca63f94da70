"""How a whole pool is at one moment, small enough to be kept, and what differs between two such moments.

Taken before anything is touched and again at the end. In between the first one says what a host had before its turn.
The document is plain JSON, because it is kept as the result of an intent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bot.rollout.model import VM, Host, PoolSnapshot, PowerState
from bot.rollout.reason import Reason, because

#: More names than this are counted only.
_MOST = 6
_SETTINGS = ("ha", "wlb", "sync_schedule", "auto_poweron")


def stock_of(snapshot: PoolSnapshot) -> dict[str, Any]:
    """The document; it takes a full look at the pool."""
    pool = snapshot.pool
    return {
        "pool": {
            "ha": pool.ha.enabled,
            "wlb": pool.wlb_enabled,
            "sync_schedule": pool.update_sync_enabled,
            "auto_poweron": pool.auto_poweron or "",
        },
        "hosts": {host.uuid: _host(host) for host in snapshot.hosts},
        "vms": {vm.uuid: [vm.name, vm.power_state.value, vm.resident_on or "", _agent(vm)] for vm in snapshot.vms},
        "schedules": {schedule.uuid: [schedule.name, schedule.enabled] for schedule in snapshot.schedules},
    }


def _host(host: Host) -> dict[str, Any]:
    return {
        "name": host.name,
        "enabled": host.enabled,
        "live": host.live,
        "unplugged": list(host.unplugged_srs),
        "links_down": list(host.links_down),
        "bonds_degraded": list(host.bonds_degraded),
        "xapi": host.version.xapi,
        "level": host.last_update_hash[:12],
    }


def _agent(vm: VM) -> bool:
    return vm.agent_live is True


def hosts_in(stock: Mapping[str, Any] | None) -> Mapping[str, Mapping[str, Any]]:
    """The hosts of a stock by uuid; none when it was never taken."""
    found = stock.get("hosts") if stock is not None else None
    return found if isinstance(found, Mapping) else {}


def vms_in(stock: Mapping[str, Any] | None) -> Mapping[str, list[Any]]:
    """Name, power state, host and guest agent of each VM by uuid."""
    found = stock.get("vms") if stock is not None else None
    return found if isinstance(found, Mapping) else {}


def compare_stocks(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> tuple[Reason, ...]:
    """What differs that should not: settings, hosts, storage, links and VMs; empty when one stock is missing.

    New versions and update levels are what the rollout is for, and are not mentioned.
    """
    if before is None or after is None:
        return ()
    return tuple(_differences(before, after))


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Reason]:
    for name in _SETTINGS:
        if before["pool"].get(name) != after["pool"].get(name):
            yield because("compared.setting", setting=name)
    then, now = hosts_in(before), hosts_in(after)
    yield from _listed("compared.hosts_gone", (then[uuid]["name"] for uuid in then.keys() - now.keys()))
    yield from _listed("compared.hosts_new", (now[uuid]["name"] for uuid in now.keys() - then.keys()))
    both = [(then[uuid], now[uuid]) for uuid in then.keys() & now.keys()]
    yield from _listed("compared.hosts_silent", (b["name"] for a, b in both if a["live"] and not b["live"]))
    yield from _listed("compared.hosts_out", (b["name"] for a, b in both if a["enabled"] and not b["enabled"]))
    yield from _listed("compared.hosts_in", (b["name"] for a, b in both if b["enabled"] and not a["enabled"]))
    for code, field in (
        ("compared.storage", "unplugged"),
        ("compared.links", "links_down"),
        ("compared.bonds", "bonds_degraded"),
    ):
        yield from _listed(code, (b["name"] for a, b in both if set(b[field]) - set(a[field])))
    yield from _vms(vms_in(before), vms_in(after))
    # A stock of a release that did not look at them says nothing about schedules.
    if "schedules" in before and "schedules" in after:
        yield from _schedules(before["schedules"], after["schedules"])


def _schedules(then: Mapping[str, list[Any]], now: Mapping[str, list[Any]]) -> Iterator[Reason]:
    both = [(then[uuid], now[uuid]) for uuid in then.keys() & now.keys()]
    yield from _listed("compared.schedules_gone", (then[uuid][0] for uuid in then.keys() - now.keys()))
    yield from _listed("compared.schedules_off", (b[0] for a, b in both if a[1] and not b[1]))
    yield from _listed("compared.schedules_on", (b[0] for a, b in both if b[1] and not a[1]))


def _vms(then: Mapping[str, list[Any]], now: Mapping[str, list[Any]]) -> Iterator[Reason]:
    running = PowerState.RUNNING.value
    both = [(then[uuid], now[uuid]) for uuid in then.keys() & now.keys()]
    yield from _listed("compared.vms_gone", (then[uuid][0] for uuid in then.keys() - now.keys()))
    yield from _listed("compared.vms_new", (now[uuid][0] for uuid in now.keys() - then.keys()))
    yield from _listed("compared.vms_stopped", (b[0] for a, b in both if a[1] == running != b[1]))
    yield from _listed("compared.vms_started", (b[0] for a, b in both if b[1] == running != a[1]))
    stayed = [(a, b) for a, b in both if a[1] == b[1] == running]
    yield from _listed("compared.vms_elsewhere", (b[0] for a, b in stayed if a[2] != b[2]))
    yield from _listed("compared.agents_silent", (b[0] for a, b in stayed if a[3] and not b[3]))


def _listed(code: str, names: Iterable[str]) -> Iterator[Reason]:
    found = sorted(names)
    if found:
        shown = ", ".join(found[:_MOST]) + (", …" if len(found) > _MOST else "")
        yield Reason(code, {"count": len(found), "names": shown})
