"""What clients do to hosts: disable, enable, evacuate, reboot, restart the toolstack."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.lab.xapi.calls import Context, xapi
from bot.lab.xapi.failure import NULL, XapiFailure
from bot.lab.xapi.ha import assert_plan_survives
from bot.lab.xapi.kernel import Process, Signal, Steps
from bot.lab.xapi.lifecycle import reboot as run_reboot
from bot.lab.xapi.lifecycle import restart_toolstack
from bot.lab.xapi.migration import assert_reached_over, migrate
from bot.lab.xapi.operations import claim_host, release_host
from bot.lab.xapi.placement import free_memory, plan, refused_on, refused_operation
from bot.lab.xapi.records import encoded_record
from bot.lab.xapi.world import World

_BATCH = 10


@xapi("host.disable")
def disable(ctx: Context, host: str, auto_enable: bool = True) -> None:
    """Take no new VMs. Without effect, and without setting the flags, when the host is disabled already."""
    world, machine = ctx.world, ctx.world.machine(host)
    world.forward(machine)
    if not world.db.get("host", host, "enabled"):
        return
    assert_plan_survives(world, without=host)
    machine.disabled_by_request = True
    machine.auto_enable = auto_enable
    world.set_enabled(machine, False, by="call")


@xapi("host.enable")
def enable(ctx: Context, host: str) -> None:
    """Back into service, unless it is starting, busy with updates or has mandatory guidance pending."""
    world, machine = ctx.world, ctx.world.machine(host)
    world.forward(machine)
    if world.db.get("host", host, "enabled"):
        return
    if not machine.ready:
        raise XapiFailure("HOST_STILL_BOOTING")
    for key, operation in machine.operations.items():
        if operation == "apply_updates":
            raise XapiFailure("OTHER_OPERATION_IN_PROGRESS", "host", host, operation, key)
    if machine.rebooting:
        raise XapiFailure("HOST_DISABLED_UNTIL_REBOOT", host)
    if world.db.get("host", host, "pending_guidances"):
        raise XapiFailure("HOST_PENDING_MANDATORY_GUIDANCE_NOT_EMPTY", host)
    machine.disabled_by_request = False
    machine.auto_enable = True
    world.set_enabled(machine, True, by="call")


@xapi("host.reboot")
def reboot(ctx: Context, host: str) -> Steps:
    """Answers quickly; the machine goes down ten seconds later, with whatever still runs on it."""
    world, machine = ctx.world, ctx.world.machine(host)
    world.forward(machine)
    if world.db.get("host", host, "enabled"):
        raise XapiFailure("HOST_NOT_DISABLED")
    yield from claim_host(
        world, machine, "reboot", {"reboot", "shutdown", "apply_updates", "evacuate", "vm_migrate"}, ctx.key
    )
    release_host(world, machine, ctx.key)
    task = world.db.create(
        "task", name_label="Host is rebooting", created=world.now, resident_on=host, status="pending"
    )
    machine.begins(world.kernel.spawn(run_reboot(world, machine, task)))


@xapi("host.restart_agent")
def restart_agent(ctx: Context, host: str) -> None:
    """Answers at once; the toolstack goes about a second later. VMs keep running."""
    world, machine = ctx.world, ctx.world.machine(host)
    world.forward(machine)
    machine.begins(world.kernel.spawn(restart_toolstack(world, machine)))


@xapi("host.get_vms_which_prevent_evacuation")
def get_vms_which_prevent_evacuation(ctx: Context, self: str) -> dict[str, list[str]]:
    """VM → error vector for each VM that could not leave; empty when all could."""
    ctx.world.machine(self)
    _, errors = plan(ctx.world, self)
    return {vm: error.description for vm, error in errors.items()}


@xapi("host.assert_can_evacuate")
def assert_can_evacuate(ctx: Context, host: str) -> None:
    """The same question as one error."""
    blockers = get_vms_which_prevent_evacuation(ctx, host)
    if blockers:
        raise XapiFailure("CANNOT_EVACUATE_HOST", "|".join(",".join(error) for error in blockers.values()))


@xapi("host.compute_free_memory")
def compute_free_memory(ctx: Context, host: str) -> int:
    """Bytes free for VMs."""
    return free_memory(ctx.world, host)


@xapi("host.compute_memory_overhead")
def compute_memory_overhead(ctx: Context, host: str) -> int:
    """Bytes the hypervisor takes."""
    return int(ctx.world.db.get("host", host, "memory_overhead"))


@xapi("host.get_servertime")
def get_servertime(ctx: Context, host: str) -> object:
    """The host's clock. Carried out by the host itself, whatever its metrics say of it."""
    machine = ctx.world.machine(host)
    if not ctx.world.is_coordinator(machine):
        ctx.world.forward(machine)
    return ctx.world.now + timedelta(seconds=machine.skew)


@xapi("host.call_plugin")
def call_plugin(ctx: Context, host: str, plugin: str, fn: str, args: dict[str, str]) -> str:
    """The one plugin that the lab has: how much room the control domain's root disk has."""
    machine = ctx.world.machine(host)
    ctx.world.forward(machine)
    if plugin != "disk-space":
        raise XapiFailure("XENAPI_MISSING_PLUGIN", plugin)
    if fn != "get_avail_host_disk_space":
        raise XapiFailure("XENAPI_PLUGIN_FAILURE", fn, "UnknownFunction", "")
    return str(machine.disk_free)


@xapi("host.evacuate")
def evacuate(ctx: Context, host: str, network: str = NULL, evacuate_batch_size: int = 0) -> Steps:
    """Move every guest away in batches. Does not disable the host; the first failing migration fails the call."""
    world, machine = ctx.world, ctx.world.machine(host)
    world.forward(machine)
    assert_plan_survives(world, without=host)
    yield from claim_host(world, machine, "evacuate", {"reboot", "shutdown", "evacuate", "vm_migrate"}, ctx.key)
    try:
        moves, errors = plan(world, host)
        if errors:
            raise next(iter(errors.values()))
        for target in set(moves.values()):
            assert_reached_over(world, target, network)
        yield from _move_all(ctx, host, moves, evacuate_batch_size or _BATCH, network)
    finally:
        release_host(world, machine, ctx.key)
    left = world.guests(host)
    if left:
        raise XapiFailure("INTERNAL_ERROR", f"evacuate: {len(left)} VMs are still resident on {host}")


def _move_all(ctx: Context, host: str, moves: dict[str, str], batch: int, network: str) -> Steps:
    world = ctx.world
    waiting = list(moves.items())
    flying: list[Process] = []
    total, done = len(waiting), 0
    some_ended = Signal()
    while waiting or flying:
        while waiting and len(flying) < batch:
            vm, target = waiting.pop(0)
            process = world.kernel.spawn(_move_one(world, vm, target, _task_of_move(world, host), network))
            process.when_done(lambda _: some_ended.fire())
            world.running[process] = host
            process.when_done(world.forget)
            flying.append(process)
        if not any(process.done for process in flying):
            yield some_ended
        # A window that slides over whatever ended, not waves.
        ended = [process for process in flying if process.done]
        flying = [process for process in flying if not process.done]
        for process in ended:
            done += 1
            error = process.error
            if isinstance(error, XapiFailure) and error.code == "VM_BAD_POWER_STATE":
                continue
            if error is not None:
                raise error
        if ctx.key in world.db.tables["task"]:
            world.db.set("task", ctx.key, progress=done / max(total, 1))


def _task_of_move(world: World, host: str) -> str:
    """The task of one of the moves that an evacuation consists of."""
    return world.db.create(
        "task", name_label="Async.VM.pool_migrate", created=world.now.replace(microsecond=0), resident_on=host,
        status="pending", type="<none/>",
    )  # fmt: skip


def _move_one(world: World, vm: str, target: str, task: str, network: str) -> Steps:
    """One move of an evacuation; its task is gone when it is over, as the evacuation destroys it."""
    try:
        yield from _move(world, vm, target, task, network)
    finally:
        if task in world.db.tables["task"]:
            world.db.delete("task", task)


def _move(world: World, vm: str, target: str, key: str, network: str) -> Steps:
    refusal = refused_operation(world, vm, "pool_migrate", "*") or refused_on(world, vm, target)
    if refusal is not None:
        raise refusal
    if not world.db.get("host", target, "enabled"):
        raise XapiFailure("HOST_DISABLED", target)
    world.forward(world.machine(target))
    for other, operation in world.machine(target).operations.items():
        if operation in ("evacuate", "reboot", "shutdown"):
            raise XapiFailure("OTHER_OPERATION_IN_PROGRESS", "host", target, operation, other)
    yield from migrate(world, vm, target, key, network)


@xapi("PBD.plug")
def plug(ctx: Context, self: str) -> None:
    """Connect a host to a storage repository again; a broken one answers as its driver would."""
    world = ctx.world
    machine = world.machine(world.db.get("PBD", self, "host"))
    world.forward(machine)
    if machine.storage_after_boot == "broken":
        raise XapiFailure("SR_BACKEND_FAILURE_141", "", "Unable to connect to iSCSI service on target", "")
    world.db.set("PBD", self, currently_attached=True)
    world.effect("storage_plugged", machine.ref)


@xapi("PBD.unplug")
def unplug(ctx: Context, self: str) -> None:
    """Disconnect a host from a storage repository."""
    ctx.world.db.set("PBD", self, currently_attached=False)


@xapi("message.get")
def get_messages(ctx: Context, cls: str, obj_uuid: str, since: datetime) -> dict[str, object]:
    """The messages about one object since a moment."""
    return {
        ref: encoded_record(ctx.world.db, "message", ref)
        for ref, message in ctx.world.db.items("message")
        if message["cls"] == cls and message["obj_uuid"] == obj_uuid and message["timestamp"] >= since
    }


@xapi("message.destroy")
def destroy_message(ctx: Context, self: str) -> None:
    """Remove a message that was read."""
    ctx.world.db.delete("message", self)
