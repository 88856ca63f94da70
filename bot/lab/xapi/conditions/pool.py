"""Conditions of the pool as a whole."""

from __future__ import annotations

from datetime import timedelta

from bot.lab.xapi.conditions.given import Given, condition
from bot.lab.xapi.surface import EPOCH
from bot.lab.xapi.world import GIB


@condition
def licence_without_updates(given: Given) -> None:
    """The licence forbids installing updates."""
    _restrict(given, "updates")


@condition
def livepatching_off(given: Given) -> None:
    """Live patching is switched off in the pool."""
    _pool(given, live_patching_disabled=given.on)


@condition
def secret_rotation_unfinished(given: Given) -> None:
    """A change of the pool secret is unfinished."""
    _pool(given, is_psr_pending=given.on)


@condition
def ha_overcommitted(given: Given) -> None:
    """HA has more to protect than fits after a host failure."""
    _pool(given, ha_overcommitted=given.on, ha_plan_exists_for=0 if given.on else 1)


@condition
def vswitch_controller(given: Given) -> None:
    """The pool is managed by a vSwitch controller."""
    _pool(given, vswitch_controller="10.0.0.9" if given.on else "")


@condition
def never_synced(given: Given) -> None:
    """The pool was never synchronised (off: as if it had been, an hour ago)."""
    world = given.world
    checksum = "" if given.on else world.checksum_of(world.synced)
    world.db.set("Repository", world.repository, hash=checksum)
    _pool(given, last_update_sync=EPOCH if given.on else world.now - timedelta(hours=1))


@condition
def synced_long_ago(given: Given) -> None:
    """The last synchronisation is 40 days old."""
    _pool(given, last_update_sync=given.world.now - (timedelta(days=40) if given.on else timedelta(hours=1)))


@condition
def clustered_storage(given: Given) -> None:
    """The shared storage is a clustered one (GFS2)."""
    for ref, sr in given.world.db.items("SR"):
        if sr["shared"]:
            given.world.db.set("SR", ref, clustered=given.on, type="gfs2" if given.on else "lvmoiscsi")


@condition
def suspend_storage_full(given: Given) -> None:
    """Less than a GiB is left on the storage for suspended VMs."""
    sr = given.world.db.get("pool", given.world.pool, "suspend_image_SR")
    size = given.world.db.get("SR", sr, "physical_size")
    given.world.db.set("SR", sr, physical_utilisation=size - GIB // 2 if given.on else 1024 * GIB)


@condition
def interrupted_upgrade(given: Given) -> None:
    """Somebody began a rolling upgrade and did not finish it: the pool carries the flag."""
    if given.on:
        given.world.db.put("pool", given.world.pool, "other_config", "rolling_upgrade_in_progress", "true")
    else:
        given.world.db.drop("pool", given.world.pool, "other_config", "rolling_upgrade_in_progress")


def _pool(given: Given, **fields: object) -> None:
    given.world.db.set("pool", given.world.pool, **fields)


def _restrict(given: Given, *features: str) -> None:
    present = dict(given.world.db.get("pool", given.world.pool, "restrictions"))
    _pool(given, restrictions={**present, **{f"restrict_{name}": str(given.on).lower() for name in features}})
