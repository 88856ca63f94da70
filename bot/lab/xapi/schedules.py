"""Snapshot schedules (VMSS): while one is on, XAPI takes a snapshot of its VMs again and again."""

from __future__ import annotations

from bot.lab.xapi.conditions import Given, condition
from bot.lab.xapi.failure import NULL
from bot.lab.xapi.kernel import Steps
from bot.lab.xapi.world import World

_NAME = "nightly"
#: Between two snapshots, and how long one takes.
_EVERY, _TAKES = 300.0, 60.0


@condition
def snapshot_schedule(given: Given) -> None:
    """A snapshot schedule covers the VM and takes a snapshot every `seconds` (default: 300)."""
    world = given.world
    known = world.db.find("VMSS", name_label=_NAME)
    if known != NULL:
        world.db.delete("VMSS", known)
        world.db.set("VM", given.vm, snapshot_schedule=NULL)
    if given.on:
        schedule = world.db.create("VMSS", name_label=_NAME, VMs=[given.vm], frequency="hourly")
        world.db.set("VM", given.vm, snapshot_schedule=schedule)
        world.kernel.spawn(_run(world, schedule, given.vm, given.seconds or _EVERY))


def _run(world: World, schedule: str, vm: str, every: float) -> Steps:
    key = f"OpaqueRef:schedule-{vm}"
    while True:
        yield every
        if schedule not in world.db.refs("VMSS"):
            return
        running = world.db.get("VM", vm, "power_state") == "Running"
        idle = not world.db.get("VM", vm, "current_operations")
        if not world.db.get("VMSS", schedule, "enabled") or world.rolling or not running or not idle:
            continue
        world.db.put("VM", vm, "current_operations", key, "snapshot")
        yield _TAKES
        world.db.drop("VM", vm, "current_operations", key)
        world.db.set("VMSS", schedule, last_run_time=world.now)
        world.effect("vm_snapshot", vm=vm, name=_NAME, by="schedule")
