"""Live migration inside the pool."""

from __future__ import annotations

from bot.lab.xapi.calls import Context, xapi
from bot.lab.xapi.failure import NULL, XapiFailure
from bot.lab.xapi.guests import agent_after_change, assert_operation, clear_guidance, memory_to_send
from bot.lab.xapi.kernel import Steps
from bot.lab.xapi.operations import claim_vm, release_host, release_vm
from bot.lab.xapi.placement import assert_memory, refused_on
from bot.lab.xapi.world import World


@xapi("VM.pool_migrate")
def pool_migrate(ctx: Context, vm: str, host: str, options: dict[str, str]) -> Steps:
    """Live migration inside the pool; a migration to the VM's own host restarts its device model."""
    world = ctx.world
    source = world.db.get("VM", vm, "resident_on")
    assert_operation(world, vm, "pool_migrate", "*")
    if host != source:
        machine = world.machine(host)
        if not world.may_migrate_to(source, host) and (world.rolling or options.get("force", "false") != "true"):
            raise XapiFailure("NOT_SUPPORTED_DURING_UPGRADE")
        for key, operation in machine.operations.items():
            if operation in ("evacuate", "reboot", "shutdown"):
                raise XapiFailure("OTHER_OPERATION_IN_PROGRESS", "host", host, operation, key)
        if not world.db.get("host", host, "enabled"):
            raise XapiFailure("HOST_DISABLED", host)
        refusal = refused_on(world, vm, host)
        if refusal is not None:
            raise refusal
        assert_memory(world, vm, host)
        assert_reached_over(world, host, options.get("network", NULL))
        world.forward(machine)
    world.forward(world.machine(source))
    yield from migrate(world, vm, host, ctx.key, options.get("network", NULL))


def assert_reached_over(world: World, host: str, network: str) -> None:
    """Refuse a migration network on which the destination has no address."""
    if network == NULL:
        return
    pifs = [ref for ref in world.db.get("host", host, "PIFs") if world.db.get("PIF", ref, "network") == network]
    if not pifs:
        raise XapiFailure("PIF_NOT_PRESENT", host, network)
    if not world.db.get("PIF", pifs[0], "currently_attached"):
        raise XapiFailure("REQUIRED_PIF_IS_UNPLUGGED", pifs[0])
    if not world.db.get("PIF", pifs[0], "IP"):
        raise XapiFailure("INTERFACE_HAS_NO_IP", pifs[0])


def migrate(world: World, vm: str, host: str, key: str, network: str = NULL) -> Steps:
    """Move a VM: memory is reserved at the target at once, the copying waits for a worker at both ends.

    As long as a VM is on its way to it, a host can neither be evacuated nor be restarted: those calls wait.
    """
    source_ref = world.db.get("VM", vm, "resident_on")
    source, target = world.machine(source_ref), world.machine(host)
    yield from claim_vm(world, vm, "pool_migrate", key)
    arrival = world.unique()
    if target is not source:
        target.operations[arrival] = "vm_migrate"
        world.refresh_host(host)
    try:
        world.db.set("VM", vm, scheduled_to_be_resident_on=host)
        before, gib = memory_to_send(world, vm)

        def tell(share: float) -> None:
            if key in world.db.tables["task"]:
                world.db.set("task", key, progress=share)

        if world.faults.takes_migration(world.name("VM", vm)):
            yield from world.streams.carry(source, target, before / 2, gib / 2, lambda share: tell(share / 2))
            world.effect("migration_failed", source_ref, vm, to=target.name)
            raise XapiFailure("INTERNAL_ERROR", "xenopsd error: Storage_interface.Internal_error(migration aborted)")
        yield from world.streams.carry(source, target, before, gib, tell)
        if world.db.get("VM", vm, "power_state") != "Running":
            raise XapiFailure("VM_BAD_POWER_STATE", vm, "running", world.db.get("VM", vm, "power_state").lower())
        if host != source_ref:
            world.place(vm, host)
            agent_after_change(world, vm)
            over = {"network": world.name("network", network)} if network != NULL else {}
            world.effect("vm_migrated", host, vm, **{"from": source.name, "to": target.name}, **over)
        else:
            world.effect("device_model_restarted", host, vm)
        clear_guidance(world, vm, "restart_device_model")
    finally:
        world.db.set("VM", vm, scheduled_to_be_resident_on=NULL)
        release_vm(world, vm, key)
        release_host(world, target, arrival)


@xapi("VM.restart_device_models")
def restart_device_models(ctx: Context, self: str) -> Steps:
    """A migration to where the VM is."""
    yield from pool_migrate(ctx, self, ctx.world.db.get("VM", self, "resident_on"), {})
