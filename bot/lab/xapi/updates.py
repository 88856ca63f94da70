"""The update channel: synchronising it, asking what it has for whom, its schedule."""

from __future__ import annotations

from typing import Any

from bot.lab.scenario import Update
from bot.lab.xapi.calls import Context, xapi
from bot.lab.xapi.failure import XapiFailure
from bot.lab.xapi.guidance import for_host, livepatches_for, outstanding, packages_for
from bot.lab.xapi.kernel import Steps
from bot.lab.xapi.machine import Machine
from bot.lab.xapi.operations import claim_pool, release_pool, wait_pool
from bot.lab.xapi.placement import plan
from bot.lab.xapi.world import World


def assert_one_repository(world: World) -> None:
    """Every update call needs exactly one enabled repository that carries updates."""
    enabled = [
        ref for ref in world.db.get("pool", world.pool, "repositories") if world.db.get("Repository", ref, "update")
    ]
    if not enabled:
        raise XapiFailure("NO_REPOSITORY_ENABLED")
    if len(enabled) > 1:
        raise XapiFailure("MULTIPLE_UPDATE_REPOSITORIES_ENABLED")


def assert_licensed(world: World) -> None:
    """Updates are a feature of the licence."""
    if world.db.get("pool", world.pool, "restrictions").get("restrict_updates") == "true":
        raise XapiFailure("LICENCE_RESTRICTION", "Updates")


def query_host(world: World, machine: Machine) -> None:
    """The coordinator asks a host for its packages; one that is away fails the whole call."""
    if not world.reachable(machine):
        raise XapiFailure("GET_HOST_UPDATES_FAILED", machine.ref)


def fill_cache(world: World) -> None:
    """Ask all hosts, if and only if the table is completely empty. Hosts missing from a partial table stay missing."""
    if world.cache:
        return
    for machine in world.machines.values():
        query_host(world, machine)
    for machine in world.machines.values():
        world.cache[machine.ref] = outstanding(machine, world.synced)


def channel_of(world: World) -> tuple[Update, ...]:
    """What the vendor's servers hold for the enabled channel: Early Access has updates before Normal does."""
    url = world.db.get("Repository", world.repository, "binary_url")
    if url.rstrip("/").rpartition("/")[2] != "earlyaccess":
        return world.published
    known = {update.id for update in world.published}
    return (*world.published, *(update for update in world.scenario.later if update.id not in known))


def take_in(world: World, updates: tuple[Update, ...]) -> str:
    """The mirror holds these updates now: ask every host what it lacks, and stamp the sync; answers the checksum."""
    for machine in world.machines.values():
        query_host(world, machine)
    before = world.checksum
    world.synced = updates
    world.mirror = world.coordinator.ref
    checksum = world.checksum_of(updates)
    world.cache.clear()
    fill_cache(world)
    for machine in world.machines.values():
        clean = not outstanding(machine, updates)
        world.db.set("host", machine.ref, latest_synced_updates_applied="yes" if clean else "no")
    world.db.set("Repository", world.repository, hash=checksum)
    world.db.set("pool", world.pool, last_update_sync=world.now.replace(microsecond=0))
    world.effect("synced", checksum=checksum, changed=checksum != before)
    return checksum


@xapi("pool.sync_updates")
def sync_updates(
    ctx: Context,
    self: str,
    force: bool,
    token: str = "",
    token_id: str = "",
    username: str = "",
    password: str = "",
) -> Steps:
    """Fetch the channel's metadata and packages; answers the new checksum."""
    world = ctx.world
    assert_licensed(world)
    yield from claim_pool(world, "sync_updates", ctx.key)
    try:
        assert_one_repository(world)
        if world.db.get("Repository", world.repository, "origin") == "bundle":
            raise XapiFailure("CAN_NOT_SYNC_UPDATES")
        yield world.takes("sync")
        if world.faults.takes_sync():
            raise XapiFailure("REPOSYNC_FAILED")
        return take_in(world, channel_of(world))
    finally:
        release_pool(world, ctx.key)


@xapi("pool.check_update_readiness")
def check_update_readiness(ctx: Context, self: str, requires_reboot: bool) -> list[list[str]]:
    """Error vectors of what stands in the way; each host looked at alone, blockers ignoring HA."""
    world = ctx.world
    assert_licensed(world)
    answer: list[list[str]] = []
    if world.db.get("pool", self, "ha_enabled"):
        answer.append(["HA_IS_ENABLED"])
    for machine in world.machines.values():
        if not world.live(machine.ref):
            answer.append(["HOST_OFFLINE", machine.ref])
        elif requires_reboot:
            _, errors = plan(world, machine.ref, ignore_ha=True)
            answer += [error.description for error in errors.values()]
    return answer


@xapi("pool.set_update_sync_enabled")
def set_update_sync_enabled(ctx: Context, self: str, value: bool) -> None:
    """Switch the periodic synchronisation."""
    world = ctx.world
    enabled = world.db.get("pool", self, "repositories")
    if value and not enabled:
        raise XapiFailure("NO_REPOSITORIES_CONFIGURED")
    if value and any(world.db.get("Repository", ref, "origin") != "remote" for ref in enabled):
        raise XapiFailure("CAN_NOT_PERIODIC_SYNC_UPDATES")
    before = world.db.get("pool", self, "update_sync_enabled")
    world.db.set("pool", self, update_sync_enabled=value)
    world.change_setting("update_sync_enabled", before, value)


@xapi("pool.configure_update_sync")
def configure_update_sync(ctx: Context, self: str, update_sync_frequency: str, update_sync_day: int) -> None:
    """Daily, or weekly on a day counted from Sunday = 0."""
    world = ctx.world
    if update_sync_frequency not in ("daily", "weekly"):
        raise XapiFailure("INVALID_VALUE", "update_sync_frequency", update_sync_frequency)
    if update_sync_frequency == "weekly" and not 0 <= update_sync_day <= 6:
        raise XapiFailure("INVALID_UPDATE_SYNC_DAY", str(update_sync_day))
    day = 0 if update_sync_frequency == "daily" else update_sync_day
    record = world.db.record("pool", self)
    before = f"{record['update_sync_frequency']} {record['update_sync_day']}"
    world.db.set("pool", self, update_sync_frequency=update_sync_frequency, update_sync_day=day)
    world.change_setting("update_sync_schedule", before, f"{update_sync_frequency} {day}")


def get_updates(world: World, key: str, refs: list[str] | None) -> Steps:
    """The document behind `GET /updates`, for all hosts in the table or the subset asked for."""
    assert_licensed(world)
    yield from wait_pool(world, "get_updates", key)
    try:
        assert_one_repository(world)
        if not world.checksum:
            # Never synced: there is no metadata on the coordinator's disk.
            raise XapiFailure("INVALID_REPOMD_XML")
        if not world.has_packages:
            raise XapiFailure("INVALID_UPDATEINFO_XML")
        yield 0.5 if world.cache else 5.0
        fill_cache(world)
        return _document(world, refs)
    finally:
        release_pool(world, key)


def _document(world: World, refs: list[str] | None) -> dict[str, Any]:
    hosts = []
    used: set[str] = set()
    for ref, updates in world.cache.items():
        if refs is not None and ref not in refs:
            continue
        machine = world.machine(ref)
        patches = [patch.as_json() for patch in livepatches_for(machine, updates)]
        used |= {update.id for update in updates}
        hosts.append(
            {
                "ref": ref,
                "guidance": for_host(machine, updates),
                "RPMS": packages_for(updates),
                "updates": [update.id for update in updates],
                "livepatches": patches + machine.failed_livepatches,
            }
        )
    return {
        "xapi-api-version": "2.23",
        "hosts": hosts,
        "updates": [
            {
                "id": update.id,
                "summary": update.summary,
                "description": update.description,
                "special-info": update.special_info,
                "URL": update.url,
                "type": update.type,
                "issued": _compact(update.issued),
                "severity": update.severity,
                "livepatches": [patch.as_json() for patch in update.livepatches],
                "guidance": {level: list(tasks) for level, tasks in update.guidance.items()},
                "title": update.title,
            }
            for update in world.synced
            if update.id in used
        ],
        "hash": world.checksum,
    }


def _compact(issued: str) -> str:
    """`2026-11-03T09:30:00Z` → `20261103T09:30:00Z`, as XAPI writes dates."""
    date, time = issued.split("T")
    return f"{date.replace('-', '')}T{time}"


def foreign_sync(ctx: Context) -> Steps:
    """Somebody else's synchronisation: the vendor published more, the checksum changes."""
    world = ctx.world
    known = {update.id for update in world.published}
    world.published = (*world.published, *(u for u in world.scenario.later if u.id not in known))
    while True:
        try:
            return (yield from sync_updates(ctx, world.pool, False))
        except XapiFailure as refusal:
            if not refusal.code.endswith("_IN_PROGRESS"):
                raise
        yield 10.0
