"""host.apply_updates: its preconditions in order, and what it leaves behind."""

from __future__ import annotations

import json

from bot.lab.scenario import Update
from bot.lab.xapi.calls import Context, xapi
from bot.lab.xapi.failure import XapiFailure
from bot.lab.xapi.guidance import (
    FIELDS,
    LEVELS,
    PENDING,
    Guidance,
    for_host,
    livepatches_for,
    merged,
    outstanding,
)
from bot.lab.xapi.kernel import Steps
from bot.lab.xapi.machine import Machine
from bot.lab.xapi.operations import claim_host, claim_pool, release_host, release_pool
from bot.lab.xapi.updates import assert_licensed, assert_one_repository, fill_cache, query_host
from bot.lab.xapi.world import World


@xapi("host.apply_updates")
def apply_updates(ctx: Context, self: str, hash: str) -> Steps:
    """Install what the repository has for the host. One host of a pool at a time. Answers live-patch failures only."""
    world = ctx.world
    assert_licensed(world)
    yield from claim_pool(world, "apply_updates", ctx.key)
    try:
        machine = world.machine(self)
        if world.db.get("pool", world.pool, "ha_enabled"):
            raise XapiFailure("HA_IS_ENABLED")
        if world.db.get("host", self, "enabled"):
            # Done by the coordinator's process: the member's own "somebody asked for it" flag stays unset.
            world.set_enabled(machine, False, by="apply")
        yield from claim_host(world, machine, "apply_updates", {"reboot", "shutdown", "apply_updates"}, ctx.key)
        try:
            return (yield from _apply(world, machine, hash))
        finally:
            release_host(world, machine, ctx.key)
    finally:
        release_pool(world, ctx.key)


def _apply(world: World, machine: Machine, checksum: str) -> Steps:
    db, ref = world.db, machine.ref
    if db.get("host", ref, "pending_guidances"):
        raise XapiFailure("HOST_PENDING_MANDATORY_GUIDANCE_NOT_EMPTY", ref)
    assert_one_repository(world)
    if not checksum or checksum != world.checksum:
        raise XapiFailure("UPDATEINFO_HASH_MISMATCH")
    if not world.has_packages:
        raise XapiFailure("INVALID_UPDATEINFO_XML")
    if world.is_coordinator(machine):
        fill_cache(world)
    query_host(world, machine)
    updates = outstanding(machine, world.synced)
    if not updates:
        failures = (yield from _patch_again(world, machine)) if machine.failed_livepatches else []
        _stamp(world, machine, checksum)
        return _vectors(failures)
    guidance = for_host(machine, updates)
    if {"RebootHost", "EvacuateHost"} & set(guidance["mandatory"]) and world.guests(ref):
        raise XapiFailure("HOST_EVACUATION_IS_REQUIRED", ref)
    restart_vms = _levels_with_restart_vm(world) if world.is_coordinator(machine) else []
    seconds = world.takes("apply", machine)
    world.effect("apply_started", ref, updates=[update.id for update in updates])
    if world.faults.takes_apply(machine.name):
        yield seconds / 2
        world.effect("apply_failed", ref)
        raise XapiFailure("APPLY_UPDATES_FAILED", ref)
    yield seconds
    query_host(world, machine)
    failures = _patch_live(world, machine, updates)
    machine.install(updates)
    _stamp(world, machine, checksum)
    _pend(world, machine, guidance, restart_vms)
    if failures:
        _pend_livepatch_failures(world, machine, failures)
    world.cache[ref] = []
    world.effect("apply_done", ref, updates=[update.id for update in updates], livepatch_failures=len(failures))
    return _vectors(failures)


def _vectors(failures: list[dict[str, str]]) -> list[list[str]]:
    return [["APPLY_LIVEPATCH_FAILED", json.dumps(failure)] for failure in failures]


def _patch_again(world: World, machine: Machine) -> Steps:
    """Live patches that failed stay in the host's list, and an apply with nothing else to do tries them again."""
    yield 5.0
    failures = _patch_live(world, machine, [update for update in world.synced if update.id in machine.applied])
    if failures:
        _pend_livepatch_failures(world, machine, failures)
    return failures


def _stamp(world: World, machine: Machine, checksum: str) -> None:
    world.cache.setdefault(machine.ref, [])
    world.db.set(
        "host",
        machine.ref,
        last_software_update=world.now.replace(microsecond=0),
        latest_synced_updates_applied="yes",
        last_update_hash=checksum,
    )


def _levels_with_restart_vm(world: World) -> list[str]:
    """The levels at which any host of the pool is asked to restart VMs (only the coordinator's apply asks)."""
    every = [for_host(machine, outstanding(machine, world.synced)) for machine in world.machines.values()]
    return [level for level in LEVELS if any("RestartVM" in guidance[level] for guidance in every)]


def _patch_live(world: World, machine: Machine, updates: list[Update]) -> list[dict[str, str]]:
    failures: list[dict[str, str]] = []
    machine.failed_livepatches = []
    for patch in livepatches_for(machine, updates):
        if machine.name in world.faults.livepatch_fails:
            failures.append(patch.as_json())
            machine.failed_livepatches.append(patch.as_json())
            world.effect("livepatch_failed", machine.ref, component=patch.component)
            continue
        machine.livepatched[patch.component] = f"{patch.to_version}-{patch.to_release}"
        _clear_livepatch_failure(world, machine, patch.component)
        world.effect("livepatched", machine.ref, component=patch.component)
        key = f"{patch.component}_livepatches"
        version = {
            **world.db.get("host", machine.ref, "software_version"),
            key: machine.livepatched[patch.component],
        }
        world.db.set("host", machine.ref, software_version=version)
    return failures


def _clear_livepatch_failure(world: World, machine: Machine, component: str) -> None:
    field = FIELDS["recommended"]
    left = [
        task
        for task in world.db.get("host", machine.ref, field)
        if task != f"reboot_host_on_{component}_livepatch_failure"
    ]
    world.db.set("host", machine.ref, **{field: left})


def _pend_livepatch_failures(world: World, machine: Machine, failures: list[dict[str, str]]) -> None:
    field = FIELDS["recommended"]
    added = {f"reboot_host_on_{failure['component']}_livepatch_failure" for failure in failures}
    pending = set(world.db.get("host", machine.ref, field)) | added
    world.db.set("host", machine.ref, **{field: sorted(pending)})


def _pend(world: World, machine: Machine, guidance: Guidance, restart_vms: list[str]) -> None:
    db, ref = world.db, machine.ref
    for level, field in FIELDS.items():
        tasks = [PENDING[task] for task in guidance[level] if task in ("RebootHost", "RestartToolstack")]
        db.set("host", ref, **{field: merged(db.get("host", ref, field), tasks)})
        if "RestartDeviceModel" in guidance[level]:
            for vm in world.guests(ref):
                db.set("VM", vm, **{field: merged(db.get("VM", vm, field), ["restart_device_model"])})
        if level in restart_vms:
            for vm, record in db.items("VM"):
                if record["power_state"] != "Halted" and not record["is_control_domain"]:
                    db.set("VM", vm, **{field: merged(record[field], ["restart_vm"])})
