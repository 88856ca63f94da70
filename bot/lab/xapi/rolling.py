"""The rolling-upgrade flag: set while hosts of different versions are in the pool."""

from __future__ import annotations

from bot.lab.xapi.guests import refresh
from bot.lab.xapi.machine import STARTING, UP
from bot.lab.xapi.world import World


def check_rolling(world: World) -> None:
    """Set or clear the rolling-upgrade flag: platform and XAPI major.minor of every host against the coordinator's."""
    if world.coordinator.state not in (UP, STARTING):
        return
    versions = {
        (version["platform_version"], version["xapi"])
        for version in (fields["software_version"] for _, fields in world.db.items("host"))
    }
    mixed = len(versions) > 1
    if mixed != world.rolling:
        if mixed:
            world.db.put("pool", world.pool, "other_config", "rolling_upgrade_in_progress", "true")
        else:
            world.db.drop("pool", world.pool, "other_config", "rolling_upgrade_in_progress")
        world.effect("rolling_upgrade", on=mixed)
        for machine in world.machines.values():
            world.refresh_host(machine.ref)
        for vm in world.db.refs("VM"):
            refresh(world, vm)
