"""Actions made into XAPI calls.

Long ones are started asynchronously and give back the task's reference; short ones have happened when they return.
Each call is sent at most once. uuids become references through the snapshot the decision was made on.
"""

from __future__ import annotations

from typing import NoReturn

from bot.rollout import action as do
from bot.rollout.model import CLAIM_KEY, PoolSnapshot
from bot.xen.connection import PoolConnection
from bot.xen.errors import HandleGone, HostNotEmpty, PoolClaimed, XenError, translate
from bot.xen.wire import NULL


def begin(connection: PoolConnection, action: do.Action, snapshot: PoolSnapshot) -> str | None:
    """Start an action; returns the task's reference, or None when it has already happened.

    Raises XenError (a transient one: look again before you repeat it), and TypeError for an action that is none of
    XAPI's business, such as bookkeeping.
    """
    effect = connection.effect
    pool = snapshot.pool.ref
    match action:
        case do.ClaimPool(owner=owner):
            claim(connection, pool, owner)
        case do.ReleasePool(owner=owner):
            release(connection, pool, owner)
        case do.SetSyncSchedule(enabled=enabled):
            effect("pool.set_update_sync_enabled", pool, enabled)
        case do.DisableHa():
            return str(effect("Async.pool.disable_ha"))
        case do.EnableHa(settings=settings):
            srs = [_sr(snapshot, uuid) for uuid in settings.heartbeat_srs]
            return str(effect("Async.pool.enable_ha", srs, dict(settings.configuration)))
        case do.SetHaFailures(failures=failures):
            effect("pool.set_ha_host_failures_to_tolerate", pool, str(failures))
        case do.SetWlb(enabled=enabled):
            effect("pool.set_wlb_enabled", pool, enabled)
        case do.SetAutoPoweron(value=value):
            effect("pool.remove_from_other_config", pool, "auto_poweron")
            if value is not None:
                effect("pool.add_to_other_config", pool, "auto_poweron", value)
        case do.SetSnapshotSchedule(schedule=schedule, enabled=enabled):
            effect("VMSS.set_enabled", _schedule(snapshot, schedule), enabled)
        case do.PlugStorage(host=host, sr=sr):
            return str(effect("Async.PBD.plug", _pbd(snapshot, host, sr)))
        case do.LendHost(host=host):
            effect("host.enable", _host(snapshot, host))
        case do.EjectDisc(drive=drive):
            effect("VBD.eject", connection.read("VBD.get_by_uuid", drive))
        case do.InsertDisc(drive=drive, disc=disc):
            effect("VBD.insert", connection.read("VBD.get_by_uuid", drive), connection.read("VDI.get_by_uuid", disc))
        case do.DisableHost(host=host) | do.ReturnHost(host=host):
            _disable(connection, _host(snapshot, host))
        case do.EvacuateHost(host=host, at_once=at_once, network=network):
            more: list[str] = []
            # Older XAPI lacks the last parameters, so they are left out where nothing is said in them.
            if network or at_once:
                more.append(_network(snapshot, network) if network else NULL)
            if at_once:
                more.append(str(at_once))
            return str(effect("Async.host.evacuate", _host(snapshot, host), *more))
        case do.ApplyUpdates(host=host, checksum=checksum):
            return str(effect("Async.host.apply_updates", _host(snapshot, host), checksum))
        case do.RestartToolstack(host=host):
            effect("host.restart_agent", _host(snapshot, host))
        case do.RebootHost(host=host):
            _reboot(connection, _host(snapshot, host))
        case do.EnableHost(host=host):
            effect("host.enable", _host(snapshot, host))
        case do.MigrateVm(vm=vm, to=to, network=network):
            options = {"live": "true", **({"network": _network(snapshot, network)} if network else {})}
            return str(effect("Async.VM.pool_migrate", _vm(snapshot, vm), _host(snapshot, to), options))
        case do.SuspendVm(vm=vm):
            return str(effect("Async.VM.suspend", _vm(snapshot, vm)))
        case do.ResumeVm(vm=vm, on=on):
            return str(effect("Async.VM.resume_on", _vm(snapshot, vm), _host(snapshot, on), False, False))
        case do.ShutdownVm(vm=vm):
            return str(effect("Async.VM.clean_shutdown", _vm(snapshot, vm)))
        case do.StartVm(vm=vm, on=on):
            return str(effect("Async.VM.start_on", _vm(snapshot, vm), _host(snapshot, on), False, False))
        case do.RestartVm(vm=vm):
            return str(effect("Async.VM.clean_reboot", _vm(snapshot, vm)))
        case do.RestartDeviceModel(vm=vm):
            return str(effect("Async.VM.restart_device_models", _vm(snapshot, vm)))
        case do.SnapshotVm(vm=vm, name=name):
            return str(effect("Async.VM.snapshot", _vm(snapshot, vm), name))
        case _:
            raise TypeError(f"{type(action).__name__} is no call to XAPI")
    return None


def claim(connection: PoolConnection, pool: str, owner: str) -> None:
    """Write our claim into the pool; fine when it is ours already. Raises PoolClaimed when it is another's."""
    if claimed(connection, pool, owner):
        return
    try:
        connection.effect("pool.add_to_other_config", pool, CLAIM_KEY, owner)
    except XenError as error:
        # Adding a key that exists is refused, which makes it a compare-and-set: of two that try at once, one wins.
        if error.code != "MAP_DUPLICATE_KEY" or not claimed(connection, pool, owner):
            raise


def release(connection: PoolConnection, pool: str, owner: str) -> None:
    """Remove our claim; fine when there is none. Raises PoolClaimed when it is another's, which stays."""
    if claimed(connection, pool, owner):
        connection.effect("pool.remove_from_other_config", pool, CLAIM_KEY)


def claimed(connection: PoolConnection, pool: str, owner: str) -> bool:
    """Whether our claim is there. Raises PoolClaimed when another's is."""
    holder = connection.read("pool.get_other_config", pool).get(CLAIM_KEY)
    if holder is not None and holder != owner:
        raise PoolClaimed(str(holder))
    return holder is not None


def _disable(connection: PoolConnection, host: str) -> None:
    try:
        # Without auto_enable the host stays out of service over its restarts until we say otherwise.
        connection.effect("host.disable", host, False)
    except XenError as error:
        # XAPI before 25.31 has one parameter less, and counts before it carries anything out.
        if error.code != "MESSAGE_PARAMETER_COUNT_MISMATCH":
            raise
        connection.effect("host.disable", host)


def _reboot(connection: PoolConnection, host: str) -> None:
    # XAPI would reboot a host with running VMs and shut them down, so it is asked at the last moment.
    left = [
        str(connection.read("VM.get_name_label", vm))
        for vm in connection.read("host.get_resident_VMs", host)
        if not connection.read("VM.get_is_control_domain", vm)
    ]
    if left:
        raise HostNotEmpty(str(connection.read("host.get_name_label", host)), sorted(left))
    connection.effect("host.reboot", host)


def _host(snapshot: PoolSnapshot, uuid: str) -> str:
    host = snapshot.host(uuid)
    return host.ref if host is not None else _missing("host", uuid)


def _vm(snapshot: PoolSnapshot, uuid: str) -> str:
    vm = snapshot.vm(uuid)
    return vm.ref if vm is not None else _missing("VM", uuid)


def _sr(snapshot: PoolSnapshot, uuid: str) -> str:
    return next((sr.ref for sr in snapshot.srs if sr.uuid == uuid), None) or _missing("SR", uuid)


def _schedule(snapshot: PoolSnapshot, uuid: str) -> str:
    found = next((schedule.ref for schedule in snapshot.schedules if schedule.uuid == uuid), None)
    return found or _missing("VMSS", uuid)


def _network(snapshot: PoolSnapshot, uuid: str) -> str:
    network = snapshot.network(uuid)
    return network.ref if network is not None else _missing("network", uuid)


def _pbd(snapshot: PoolSnapshot, host: str, uuid: str) -> str:
    sr = next((sr for sr in snapshot.srs if sr.uuid == uuid), None)
    connections = dict(sr.connections) if sr is not None else {}
    return connections.get(host) or _missing("PBD", f"{host}/{uuid}")


def _missing(kind: str, uuid: str) -> NoReturn:
    error = translate(["UUID_INVALID", kind, uuid])
    if not isinstance(error, HandleGone):
        raise TypeError("UUID_INVALID must mean that the object is gone")
    raise error
