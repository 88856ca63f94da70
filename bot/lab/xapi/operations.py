"""The locks that clients see as `current_operations`: of the pool, of hosts, of VMs.

Pool operations exclude each other at once (a *blocking* one answers its own `..._IN_PROGRESS` code), except that
everybody waits for a *waiting* one (`get_updates`). Conflicts on hosts and VMs are retried inside the server for up to
two hours, so a conflicting call usually hangs rather than fails.
"""

from __future__ import annotations

from datetime import timedelta

from bot.lab.xapi.failure import XapiFailure
from bot.lab.xapi.kernel import Steps
from bot.lab.xapi.machine import Machine
from bot.lab.xapi.world import World

BLOCKING = {
    "ha_enable": "HA_ENABLE_IN_PROGRESS",
    "ha_disable": "HA_DISABLE_IN_PROGRESS",
    "designate_new_master": "DESIGNATE_NEW_MASTER_IN_PROGRESS",
    "configure_repositories": "CONFIGURE_REPOSITORIES_IN_PROGRESS",
    "sync_updates": "SYNC_UPDATES_IN_PROGRESS",
    "sync_bundle": "SYNC_BUNDLE_IN_PROGRESS",
    "apply_updates": "APPLY_UPDATES_IN_PROGRESS",
}
WAITING = {"get_updates"}
_PATIENCE = timedelta(hours=2)
_RETRY = 5.0


def claim_pool(world: World, operation: str, key: str) -> Steps:
    """Enter a blocking pool operation: fail if another one runs, wait while only waiting ones do."""
    while True:
        for running in world.pool_operations.values():
            if running in BLOCKING:
                raise XapiFailure(BLOCKING[running])
        if not world.pool_operations:
            break
        # Only waiting operations run, and those end by themselves.
        yield world.pool_idle
    _enter_pool(world, operation, key)


def wait_pool(world: World, operation: str, key: str) -> Steps:
    """Enter a waiting pool operation: waits up to two hours until no blocking one runs, then says which does."""
    until = world.now + _PATIENCE
    timer = world.kernel.at(until, world.pool_idle.fire)
    try:
        while blocking := [running for running in world.pool_operations.values() if running in BLOCKING]:
            if world.now >= until:
                raise XapiFailure(BLOCKING[blocking[0]])
            yield world.pool_idle
    finally:
        timer.cancel()
    _enter_pool(world, operation, key)


def _enter_pool(world: World, operation: str, key: str) -> None:
    world.pool_operations[key] = operation
    world.db.set("pool", world.pool, current_operations=dict(world.pool_operations))


def release_pool(world: World, key: str) -> None:
    """Leave a pool operation; those who wait look again."""
    if world.pool_operations.pop(key, None) is not None:
        world.db.set("pool", world.pool, current_operations=dict(world.pool_operations))
        world.pool_idle.fire()


def claim_host(world: World, machine: Machine, operation: str, conflicts: set[str], key: str) -> Steps:
    """Enter a host operation, waiting up to two hours for the ones it conflicts with."""
    until = world.now + _PATIENCE
    while True:
        busy = [(k, op) for k, op in machine.operations.items() if op in conflicts]
        if not busy:
            break
        if world.now >= until:
            raise XapiFailure("OTHER_OPERATION_IN_PROGRESS", "host", machine.ref, busy[0][1], busy[0][0])
        yield _RETRY
    machine.operations[key] = operation
    world.refresh_host(machine.ref)


def release_host(world: World, machine: Machine, key: str) -> None:
    """Leave a host operation."""
    if machine.operations.pop(key, None) is not None:
        world.refresh_host(machine.ref)


def claim_vm(world: World, vm: str, operation: str, key: str) -> Steps:
    """Enter a VM operation, waiting up to two hours while another one runs on the VM."""
    until = world.now + _PATIENCE
    while True:
        current = world.db.get("VM", vm, "current_operations")
        if not current:
            break
        if world.now >= until:
            other, running = next(iter(current.items()))
            raise XapiFailure("OTHER_OPERATION_IN_PROGRESS", "VM", vm, running, other)
        yield _RETRY
    world.db.put("VM", vm, "current_operations", key, operation)


def release_vm(world: World, vm: str, key: str) -> None:
    """Leave a VM operation."""
    if vm in world.db.tables["VM"]:
        world.db.drop("VM", vm, "current_operations", key)
