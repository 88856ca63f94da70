"""What a VM's state carries with it: power and residence, allowed operations, pending guidance."""

from __future__ import annotations

from bot.lab.xapi.failure import NULL
from bot.lab.xapi.guidance import FIELDS
from bot.lab.xapi.placement import ROLLING_VM_OPERATIONS, lacks_tools, refused_operation
from bot.lab.xapi.world import GIB, World

_STATES = {
    "Running": ["clean_shutdown", "hard_shutdown", "clean_reboot", "hard_reboot", "suspend", "pool_migrate", "pause",
                "snapshot"],
    "Halted": ["start", "start_on", "snapshot"],
    "Suspended": ["resume", "resume_on", "hard_shutdown", "snapshot"],
    "Paused": ["unpause", "hard_shutdown"],
}  # fmt: skip


_WITH_TOOLS = ("clean_shutdown", "clean_reboot", "suspend", "pool_migrate")


def refresh(world: World, vm: str) -> None:
    """Recompute VM.allowed_operations."""
    record = world.db.record("VM", vm)
    allowed = [] if record["is_control_domain"] else list(_STATES[record["power_state"]])
    if lacks_tools(world, vm):
        allowed = [operation for operation in allowed if operation not in _WITH_TOOLS]
    if record["attached_PCIs"] or record["VGPUs"] or record["VUSBs"]:
        allowed = [operation for operation in allowed if operation not in ("suspend", "pool_migrate")]
    if world.rolling:
        allowed = [operation for operation in allowed if operation in ROLLING_VM_OPERATIONS]
    allowed = [operation for operation in allowed if operation not in record["blocked_operations"]]
    world.db.set("VM", vm, allowed_operations=allowed)


def set_power(world: World, vm: str, state: str, host: str = NULL) -> None:
    """Change power state and residence together."""
    world.place(vm, host)
    domid = world.random.randrange(1, 30000) if state == "Running" else -1
    world.db.set("VM", vm, power_state=state, domid=domid)
    for vbd in world.db.get("VM", vm, "VBDs"):
        world.db.set("VBD", vbd, currently_attached=state in ("Running", "Paused"))
    refresh(world, vm)


def clear_guidance(world: World, vm: str, *tasks: str) -> None:
    """Take tasks out of all three pending lists of a VM."""
    for field in FIELDS.values():
        left = [task for task in world.db.get("VM", vm, field) if task not in tasks]
        world.db.set("VM", vm, **{field: left})


def started_anew(world: World, vm: str) -> None:
    """A VM started anew: device model done; restart_vm only where the host runs the coordinator's versions."""
    clear_guidance(world, vm, "restart_device_model")
    agent_after_change(world, vm)
    host = world.db.get("VM", vm, "resident_on")
    if host != NULL and world.versions(host) == world.versions(world.coordinator.ref):
        clear_guidance(world, vm, "restart_vm")


def agent_after_change(world: World, vm: str) -> None:
    """After a start or a move the guest agent reports again, unless a condition keeps it silent."""
    metrics = world.db.get("VM", vm, "guest_metrics")
    if metrics != NULL and world.name("VM", vm) in world.faults.silent_guests:
        world.db.set("VM_guest_metrics", metrics, live=False)


def assert_operation(world: World, vm: str, operation: str, key: str = "") -> None:
    """Refuse what the VM's own state forbids."""
    refusal = refused_operation(world, vm, operation, key)
    if refusal is not None:
        raise refusal


def memory_seconds(world: World, vm: str) -> float:
    """How long it takes to write the VM's memory to disk, or to read it, in seconds."""
    durations = world.scenario.durations
    gib = int(world.db.get("VM", vm, "memory_dynamic_max")) / GIB
    seconds = durations.migration_fixed + gib / durations.migration_gib_per_s
    return seconds * (1 + world.random.uniform(-durations.jitter, durations.jitter))


def memory_to_send(world: World, vm: str) -> tuple[float, float]:
    """What a live migration takes: seconds before the first byte; GiB, those sent twice included."""
    durations = world.scenario.durations
    gib = int(world.db.get("VM", vm, "memory_dynamic_max")) / GIB * (1 + world.dirtied.get(vm, 0.0))
    varies = 1 + world.random.uniform(-durations.jitter, durations.jitter)
    return durations.migration_fixed * varies, gib * varies


def halt(world: World, vm: str) -> None:
    """The VM is off now: nothing is pending on it any more."""
    clear_guidance(world, vm, "restart_device_model", "restart_vm")
    set_power(world, vm, "Halted")
