"""Where a VM can run: memory, storage, network, devices, versions; and the plan of an evacuation.

Planner facts: an evacuation's targets are the other enabled hosts of same or newer version; every VM must be able to
run on *every* target (memory aside); then the biggest VM goes to the host with the most free memory, without
backtracking.
"""

from __future__ import annotations

from bot.lab.xapi.failure import NULL, XapiFailure
from bot.lab.xapi.world import World

#: Operations that XAPI still offers while the rolling-upgrade flag is set (those the lab simulates).
ROLLING_VM_OPERATIONS = {
    "start", "start_on", "clean_shutdown", "hard_shutdown", "clean_reboot", "hard_reboot", "suspend", "resume",
    "resume_on", "pause", "unpause", "pool_migrate",
}  # fmt: skip
#: Operations that need the VM Tools in the guest.
_NEEDS_TOOLS = {"suspend", "checkpoint", "pool_migrate", "migrate_send", "clean_shutdown", "clean_reboot"}
#: Operations that a passed-through PCI device forbids.
_NEEDS_NO_PCI = {"suspend", "checkpoint", "pool_migrate", "migrate_send"}
_NEEDS_STATE = {
    "start": {"Halted"}, "start_on": {"Halted"}, "clean_shutdown": {"Running"}, "clean_reboot": {"Running"},
    "hard_shutdown": {"Running", "Paused", "Suspended"}, "hard_reboot": {"Running", "Paused"},
    "suspend": {"Running"}, "resume": {"Suspended"}, "resume_on": {"Suspended"}, "pool_migrate": {"Running"},
    "snapshot": {"Running", "Halted", "Suspended", "Paused"}, "pause": {"Running"}, "unpause": {"Paused"},
}  # fmt: skip


def needs(world: World, vm: str) -> int:
    """Bytes a VM needs on a host: XAPI plans with dynamic_min."""
    record = world.db.record("VM", vm)
    return int(record["memory_dynamic_min"]) + int(record["memory_overhead"])


def free_memory(world: World, host: str) -> int:
    """host.compute_free_memory: total, less overhead, less every resident or arriving VM."""
    record = world.db.record("host", host)
    total = int(world.db.get("host_metrics", record["metrics"], "memory_total"))
    taken = sum(
        needs(world, ref)
        for ref, vm in world.db.items("VM")
        if host in (vm["resident_on"], vm["scheduled_to_be_resident_on"])
    )
    return total - int(record["memory_overhead"]) - taken


def refused_on(world: World, vm: str, host: str) -> XapiFailure | None:
    """Why the VM cannot run on the host (memory aside), or None."""
    db = world.db
    if not world.live(host):
        return XapiFailure("HOST_NOT_LIVE")
    plugged = {
        db.get("PBD", pbd, "SR") for pbd in db.get("host", host, "PBDs") if db.get("PBD", pbd, "currently_attached")
    }
    for vbd in db.get("VM", vm, "VBDs"):
        vdi = db.get("VBD", vbd, "VDI")
        if vdi != NULL:
            sr = db.get("VDI", vdi, "SR")
            if sr not in plugged:
                return XapiFailure("VM_REQUIRES_SR", vm, sr)
    networks = {db.get("PIF", pif, "network") for pif in db.get("host", host, "PIFs")}
    for vif in db.get("VM", vm, "VIFs"):
        network = db.get("VIF", vif, "network")
        if network not in networks:
            return XapiFailure("VM_REQUIRES_NETWORK", vm, network)
        if db.get("network", network, "name_label") == "SR-IOV" and db.get("VM", vm, "resident_on") != host:
            return XapiFailure("NETWORK_SRIOV_INSUFFICIENT_CAPACITY", network)
    return None


def lacks_tools(world: World, vm: str) -> bool:
    """Whether the VM's guest says nothing of VM Tools."""
    metrics = world.db.get("VM", vm, "guest_metrics")
    return metrics != NULL and not world.db.get("VM_guest_metrics", metrics, "PV_drivers_detected")


def refused_operation(world: World, vm: str, operation: str, key: str = "") -> XapiFailure | None:
    """Why the VM's own state forbids the operation, in XAPI's order of tests, or None.

    Another operation on the VM counts, unless it is `key`'s own or `key` is "*" (the caller will queue for the VM).
    """
    record = world.db.record("VM", vm)
    if operation in record["blocked_operations"]:
        return XapiFailure("OPERATION_BLOCKED", vm, record["blocked_operations"][operation])
    wanted = _NEEDS_STATE.get(operation)
    if wanted is not None and record["power_state"] not in wanted:
        expected = "running" if "Running" in wanted else next(iter(wanted)).lower()
        return XapiFailure("VM_BAD_POWER_STATE", vm, expected, str(record["power_state"]).lower())
    for other, running in record["current_operations"].items():
        if key not in (other, "*"):
            return XapiFailure("OTHER_OPERATION_IN_PROGRESS", "VM", vm, running, other)
    if record["is_control_domain"]:
        return XapiFailure("OPERATION_NOT_ALLOWED", "This is a control domain")
    if operation in _NEEDS_TOOLS and lacks_tools(world, vm):
        return XapiFailure("VM_LACKS_FEATURE", vm)
    if operation in _NEEDS_NO_PCI and record["attached_PCIs"]:
        return XapiFailure("VM_HAS_PCI_ATTACHED", vm)
    if operation in _NEEDS_NO_PCI and record["VGPUs"]:
        return XapiFailure("VM_HAS_VGPU", vm)
    if operation in _NEEDS_NO_PCI and record["VUSBs"]:
        return XapiFailure("VM_HAS_VUSBS", vm)
    if world.rolling and operation not in ROLLING_VM_OPERATIONS:
        return XapiFailure("NOT_SUPPORTED_DURING_UPGRADE")
    return None


def assert_memory(world: World, vm: str, host: str) -> None:
    """Refuse a VM that does not fit into the host's free memory."""
    required, available = needs(world, vm), free_memory(world, host)
    if required > available:
        raise XapiFailure("HOST_NOT_ENOUGH_FREE_MEMORY", str(required), str(available))


def targets(world: World, source: str) -> list[str]:
    """Where an evacuation of `source` may go: enabled hosts of same or newer version."""
    return [
        machine.ref
        for machine in world.machines.values()
        if machine.ref != source
        and world.db.get("host", machine.ref, "enabled")
        and world.may_migrate_to(source, machine.ref)
    ]


def plan(world: World, source: str, ignore_ha: bool = False) -> tuple[dict[str, str], dict[str, XapiFailure]]:
    """The evacuation plan: VM → target, and VM → why it cannot leave."""
    vms = world.guests(source)
    hosts = targets(world, source)
    if not hosts:
        return {}, {vm: XapiFailure("NO_HOSTS_AVAILABLE", vm) for vm in vms}
    errors: dict[str, XapiFailure] = {}
    if world.db.get("pool", world.pool, "ha_enabled") and not ignore_ha:
        for vm in vms:
            record = world.db.record("VM", vm)
            if not (record["ha_always_run"] and record["ha_restart_priority"] == "restart"):
                errors[vm] = XapiFailure("HOST_EVACUATE_VM_NOT_HA_PROTECTED", vm)
    for vm in vms:
        if vm in errors:
            continue
        refusals = [refusal for host in hosts if (refusal := refused_on(world, vm, host)) is not None]
        refused = refused_operation(world, vm, "pool_migrate") or (refusals[0] if refusals else None)
        if refused is not None:
            errors[vm] = refused
    free = {host: free_memory(world, host) for host in hosts}
    moves: dict[str, str] = {}
    for vm in sorted((vm for vm in vms if vm not in errors), key=lambda v: needs(world, v), reverse=True):
        host = max(free, key=lambda h: free[h])
        if free[host] < needs(world, vm):
            errors[vm] = XapiFailure("HOST_NOT_ENOUGH_FREE_MEMORY", vm)
            continue
        free[host] -= needs(world, vm)
        moves[vm] = host
    return moves, errors


def choose_host(world: World, vm: str) -> str:
    """Where VM.start and VM.resume put a VM: its affinity host if possible, else the emptiest that can run it."""
    newest = max(world.versions(machine.ref) for machine in world.machines.values())
    refusals: list[XapiFailure] = []
    fitting: list[str] = []
    for machine in world.machines.values():
        if not world.db.get("host", machine.ref, "enabled") or not world.reachable(machine):
            continue
        if world.rolling and world.versions(machine.ref) != newest:
            continue
        refusal = refused_on(world, vm, machine.ref)
        if refusal is None and needs(world, vm) > free_memory(world, machine.ref):
            refusal = XapiFailure(
                "HOST_NOT_ENOUGH_FREE_MEMORY",
                str(needs(world, vm)),
                str(free_memory(world, machine.ref)),
            )
        if refusal is None:
            fitting.append(machine.ref)
        else:
            refusals.append(refusal)
    if not fitting:
        raise refusals[0] if refusals else XapiFailure("NO_HOSTS_AVAILABLE")
    affinity = str(world.db.get("VM", vm, "affinity"))
    return affinity if affinity in fitting else max(fitting, key=lambda host: free_memory(world, host))
