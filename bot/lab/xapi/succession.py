"""Another host becomes the coordinator: because somebody designates it, or because the old one is lost.

Every toolstack of the pool restarts, sessions and tasks are lost, and the new coordinator has no copy of the update
packages: nothing can be installed before a sync. Only a designation resets the time of the last sync.
"""

from __future__ import annotations

from bot.lab.xapi.calls import Context, xapi
from bot.lab.xapi.failure import XapiFailure
from bot.lab.xapi.kernel import Process, Steps
from bot.lab.xapi.lifecycle import fall_silent, start_toolstack, stop_toolstack
from bot.lab.xapi.machine import EMERGENCY, STOPPED, UP, Machine
from bot.lab.xapi.operations import claim_pool, release_pool
from bot.lab.xapi.surface import EPOCH
from bot.lab.xapi.world import World

#: From the call until the toolstacks restart.
_COMMITS = 2.0


@xapi("pool.designate_new_master")
def designate_new_master(ctx: Context, host: str) -> Steps:
    """Make the host the coordinator; answers before the toolstacks restart."""
    world, machine = ctx.world, ctx.world.machine(host)
    yield from claim_pool(world, "designate_new_master", ctx.key)
    try:
        if world.is_coordinator(machine):
            return
        if world.db.get("pool", world.pool, "ha_enabled"):
            raise XapiFailure("HA_IS_ENABLED")
        world.forward(machine)
        world.db.set("pool", world.pool, last_update_sync=EPOCH)
    finally:
        release_pool(world, ctx.key)
    # Not among the processes of calls: those end with the old coordinator.
    world.kernel.spawn(_hand_over(world, machine))


def take_over(world: World, machine: Machine) -> Process:
    """An emergency transition: the host makes itself the coordinator, whatever the old one does."""
    return world.kernel.spawn(_succeed(world, machine))


def _hand_over(world: World, machine: Machine) -> Steps:
    yield _COMMITS
    yield from _succeed(world, machine)


def _succeed(world: World, machine: Machine) -> Steps:
    old = world.coordinator
    if old is machine:
        return
    if machine.state == EMERGENCY and any(not process.done for process in machine.lifecycles):
        # It was waiting for the old coordinator.
        for process in machine.lifecycles:
            process.kill(XapiFailure("TASK_CANCELLED", machine.ref))
        stop_toolstack(world, machine, STOPPED)
    # Members that are starting or waiting find the new coordinator by themselves.
    restarted = [machine, *(each for each in world.machines.values() if each.state == UP and each is not machine)]
    for each in restarted:
        if each.state == UP:
            stop_toolstack(world, each, STOPPED)
    world.db.set("pool", world.pool, master=machine.ref)
    world.effect("coordinator_changed", machine.ref, before=old.name)
    fall_silent(world, old)
    yield world.takes("toolstack")
    for each in restarted:
        if each.state == STOPPED:
            each.begins(world.kernel.spawn(start_toolstack(world, each, booted=False)))
