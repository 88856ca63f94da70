"""What clients do to VMs: start, stop, suspend, resume, reboot, and ask."""

from __future__ import annotations

from bot.lab.xapi.calls import Context, xapi
from bot.lab.xapi.failure import NULL, XapiFailure
from bot.lab.xapi.guests import (
    assert_operation,
    clear_guidance,
    halt,
    memory_seconds,
    set_power,
    started_anew,
)
from bot.lab.xapi.kernel import Steps
from bot.lab.xapi.operations import claim_vm, release_vm
from bot.lab.xapi.placement import assert_memory, choose_host, refused_on


def _run(ctx: Context, vm: str, operation: str, seconds: float) -> Steps:
    """The common frame: tests, the VM's lock, the waiting. The caller changes the state afterwards."""
    world = ctx.world
    yield from claim_vm(world, vm, operation, ctx.key)
    try:
        assert_operation(world, vm, operation, ctx.key)
        resident = world.db.get("VM", vm, "resident_on")
        if resident != NULL:
            world.forward(world.machine(resident))
        yield seconds
    finally:
        release_vm(world, vm, ctx.key)


def _start(ctx: Context, vm: str, host: str, operation: str, resume: bool) -> Steps:
    world = ctx.world
    assert_operation(world, vm, operation, "*")
    if not world.db.get("host", host, "enabled"):
        raise XapiFailure("HOST_DISABLED", host)
    machine = world.machine(host)
    if "evacuate" in machine.operations.values():
        raise XapiFailure("HOST_EVACUATE_IN_PROGRESS", host)
    if world.rolling and world.versions(host) != max(world.versions(m.ref) for m in world.machines.values()):
        raise XapiFailure("NOT_SUPPORTED_DURING_UPGRADE")
    refusal = refused_on(world, vm, host)
    if refusal is not None:
        raise refusal
    assert_memory(world, vm, host)
    world.forward(machine)
    world.db.set("VM", vm, scheduled_to_be_resident_on=host)
    try:
        yield from _run(ctx, vm, operation, memory_seconds(world, vm) if resume else world.takes("start"))
        set_power(world, vm, "Running", host)
        world.effect("vm_resumed" if resume else "vm_started", host, vm)
        if not resume:
            started_anew(world, vm)
    finally:
        world.db.set("VM", vm, scheduled_to_be_resident_on=NULL)


@xapi("VM.start")
def start(ctx: Context, vm: str, start_paused: bool, force: bool) -> Steps:
    """Start wherever it fits, preferably at its affinity host."""
    assert_operation(ctx.world, vm, "start", "*")
    yield from _start(ctx, vm, choose_host(ctx.world, vm), "start", resume=False)


@xapi("VM.start_on")
def start_on(ctx: Context, vm: str, host: str, start_paused: bool, force: bool) -> Steps:
    """Start on the host named."""
    yield from _start(ctx, vm, host, "start_on", resume=False)


@xapi("VM.resume")
def resume(ctx: Context, vm: str, start_paused: bool, force: bool) -> Steps:
    """Resume wherever it fits."""
    assert_operation(ctx.world, vm, "resume", "*")
    yield from _start(ctx, vm, choose_host(ctx.world, vm), "resume", resume=True)


@xapi("VM.resume_on")
def resume_on(ctx: Context, vm: str, host: str, start_paused: bool, force: bool) -> Steps:
    """Resume on the host named."""
    yield from _start(ctx, vm, host, "resume_on", resume=True)


@xapi("VM.suspend")
def suspend(ctx: Context, vm: str) -> Steps:
    """Write the VM's memory to the suspend SR and free its host."""
    world = ctx.world
    if world.db.get("pool", world.pool, "suspend_image_SR") == NULL:
        raise XapiFailure("VM_NO_SUSPEND_SR", vm)
    host = world.db.get("VM", vm, "resident_on")
    yield from _run(ctx, vm, "suspend", memory_seconds(world, vm))
    _assert_it_stops(ctx, vm)
    clear_guidance(world, vm, "restart_device_model")
    set_power(world, vm, "Suspended")
    world.effect("vm_suspended", host, vm)


@xapi("VM.clean_shutdown")
def clean_shutdown(ctx: Context, vm: str) -> Steps:
    """Ask the guest to shut down."""
    yield from _stop(ctx, vm, "clean_shutdown", ctx.world.takes("clean_shutdown"))


@xapi("VM.hard_shutdown")
def hard_shutdown(ctx: Context, vm: str) -> Steps:
    """Pull the plug."""
    yield from _stop(ctx, vm, "hard_shutdown", ctx.world.takes("hard_shutdown"))


@xapi("VM.shutdown")
def shutdown(ctx: Context, vm: str) -> Steps:
    """Clean, then hard; not offered while versions are mixed."""
    if ctx.world.rolling:
        raise XapiFailure("NOT_SUPPORTED_DURING_UPGRADE")
    yield from _stop(ctx, vm, "clean_shutdown", ctx.world.takes("clean_shutdown"))


def _assert_it_stops(ctx: Context, vm: str) -> None:
    """A guest that does not answer keeps running."""
    if ctx.world.faults.takes_vm_stop(ctx.world.name("VM", vm)):
        raise XapiFailure("VM_FAILED_SHUTDOWN_ACKNOWLEDGMENT", vm)


def _stop(ctx: Context, vm: str, operation: str, seconds: float) -> Steps:
    host = ctx.world.db.get("VM", vm, "resident_on")
    yield from _run(ctx, vm, operation, seconds)
    if operation == "clean_shutdown":
        _assert_it_stops(ctx, vm)
    halt(ctx.world, vm)
    ctx.world.effect("vm_shut_down", host, vm, by="call", operation=operation)


@xapi("VM.clean_reboot")
def clean_reboot(ctx: Context, vm: str) -> Steps:
    """Ask the guest to reboot; it stays on its host."""
    yield from _reboot(ctx, vm, "clean_reboot")


@xapi("VM.hard_reboot")
def hard_reboot(ctx: Context, vm: str) -> Steps:
    """Reset."""
    yield from _reboot(ctx, vm, "hard_reboot")


def _reboot(ctx: Context, vm: str, operation: str) -> Steps:
    yield from _run(ctx, vm, operation, ctx.world.takes("clean_reboot"))
    ctx.world.effect("vm_rebooted", ctx.world.db.get("VM", vm, "resident_on"), vm)
    started_anew(ctx.world, vm)


# ---------------------------------------------------------------------------------------------------- questions


@xapi("VM.snapshot")
def snapshot(ctx: Context, vm: str, new_name: str, ignore_vdis: list[str] | None = None) -> Steps:
    """A disk snapshot; refused while the pool is in rolling upgrade."""
    world = ctx.world
    assert_operation(world, vm, "snapshot", "*")
    yield from _run(ctx, vm, "snapshot", 5.0)
    ref = world.db.create(
        "VM", name_label=new_name, is_a_snapshot=True, is_a_template=True, snapshot_of=vm, snapshot_time=world.now
    )
    world.db.set("VM", vm, snapshots=[*world.db.get("VM", vm, "snapshots"), ref])
    world.effect("vm_snapshot", vm=vm, name=new_name)
    return ref


@xapi("VM.assert_can_boot_here")
def assert_can_boot_here(ctx: Context, self: str, host: str) -> None:
    """Refuse if the VM cannot run on the host, memory included."""
    refusal = refused_on(ctx.world, self, host)
    if refusal is not None:
        raise refusal
    if ctx.world.db.get("VM", self, "resident_on") != host:
        assert_memory(ctx.world, self, host)


@xapi("VM.get_possible_hosts")
def get_possible_hosts(ctx: Context, vm: str) -> list[str]:
    """Enabled hosts the VM can run on."""
    return [
        machine.ref
        for machine in ctx.world.machines.values()
        if ctx.world.db.get("host", machine.ref, "enabled") and refused_on(ctx.world, vm, machine.ref) is None
    ]


@xapi("VM.set_ha_restart_priority")
def set_ha_restart_priority(ctx: Context, self: str, value: str) -> None:
    """Protect a VM ("restart"), or not ("best-effort", "")."""
    if value not in ("", "restart", "best-effort"):
        raise XapiFailure("INVALID_VALUE", "ha_restart_priority", value)
    ctx.world.db.set("VM", self, ha_restart_priority=value, ha_always_run=value == "restart")


@xapi("VBD.eject")
def eject(ctx: Context, vbd: str) -> None:
    """Take the disc out of a virtual drive."""
    record = ctx.world.db.record("VBD", vbd)
    if record["type"] != "CD":
        raise XapiFailure("VBD_NOT_REMOVABLE_MEDIA", vbd)
    if record["empty"]:
        raise XapiFailure("VBD_IS_EMPTY", vbd)
    ctx.world.db.set("VBD", vbd, VDI=NULL, empty=True)
    ctx.world.effect("disc_ejected", vm=record["VM"])


@xapi("VBD.insert")
def insert(ctx: Context, vbd: str, vdi: str) -> None:
    """Put a disc into a virtual drive; the VM's host must have the disc's storage."""
    world = ctx.world
    record = world.db.record("VBD", vbd)
    if record["type"] != "CD":
        raise XapiFailure("VBD_NOT_REMOVABLE_MEDIA", vbd)
    if not record["empty"]:
        raise XapiFailure("VBD_NOT_EMPTY", vbd)
    host, sr = world.db.get("VM", record["VM"], "resident_on"), world.db.get("VDI", vdi, "SR")
    hosts = {world.db.get("PBD", pbd, "host") for pbd in world.db.get("SR", sr, "PBDs")}
    if host not in (NULL, *hosts):
        raise XapiFailure("VM_REQUIRES_SR", record["VM"], sr)
    world.db.set("VBD", vbd, VDI=vdi, empty=False)
    world.effect("disc_inserted", vm=record["VM"])
