"""How a host goes away and comes back: toolstack restarts, reboots, emergency mode, the order of starting.

Order of a start: sockets open, HOST_STILL_BOOTING for a while; a member registers with the coordinator (live, enabled
becomes false, its tasks are cancelled) or stays in emergency mode when its XAPI is newer than the coordinator's; then
versions, boot time and pending guidance are written; `enabled` comes last, and only if nothing forbids it.
"""

from __future__ import annotations

from datetime import datetime

from bot.lab.xapi.conditions import after_boot
from bot.lab.xapi.failure import NULL, ConnectionAborted, XapiFailure
from bot.lab.xapi.guests import halt, set_power
from bot.lab.xapi.guidance import FIELDS
from bot.lab.xapi.kernel import Steps
from bot.lab.xapi.machine import DOWN, EMERGENCY, STARTING, STOPPED, UP, Machine, version_key
from bot.lab.xapi.migration import migrate
from bot.lab.xapi.operations import release_host
from bot.lab.xapi.placement import plan
from bot.lab.xapi.rolling import check_rolling
from bot.lab.xapi.world import World

#: Without a heartbeat for this long, host_metrics.live becomes false.
_ASSUMED_DEAD = 600.0
#: From listening to ready.
_STARTING = 5.0
#: From ready to enabled.
_ENABLING = 3.0
_RETRY_PERMANENT = 60.0
_RETRY_TEMPORARY = 5.0


def coordinator_lost(world: World, gone: str) -> None:
    """The coordinator's toolstack went away: everything that lived in its memory is gone."""
    moving = [world.name("VM", vm) for vm, record in world.db.items("VM") if record["current_operations"]]
    busy = [
        machine.name
        for machine in world.machines.values()
        if {"apply_updates", "evacuate"} & set(machine.operations.values())
    ]
    for process in list(world.running):
        process.kill(ConnectionAborted())
    world.running.clear()
    world.pool_operations.clear()
    world.db.set("pool", world.pool, current_operations={})
    world.cache.clear()
    for machine in world.machines.values():
        keep = {key: op for key, op in machine.operations.items() if key.startswith("reboot:")}
        machine.operations = keep if machine.rebooting and not world.is_coordinator(machine) else {}
    for vm in world.db.refs("VM"):
        world.db.set("VM", vm, current_operations={})
    for drop in world.on_coordinator_lost:
        drop()
    world.effect("coordinator_lost", world.coordinator.ref, because=gone, vms=moving, hosts=busy)


def stop_toolstack(world: World, machine: Machine, state: str) -> None:
    """Connections break, calls of its own end, sockets close."""
    machine.state = state
    machine.ready = False
    fall_silent(world, machine)
    world.network.down(machine.name)
    machine.disabled_by_request = False
    if world.is_coordinator(machine):
        coordinator_lost(world, state)
        if state == DOWN:
            for member in world.machines.values():
                if member is not machine and member.state == UP:
                    world.kernel.after(30.0, lambda m=member: _lose_coordinator(world, m))  # type: ignore[misc]
    else:
        kill_work_of(world, machine)


def _lose_coordinator(world: World, member: Machine) -> None:
    """A running member notices that its coordinator is gone: emergency mode, VMs keep running."""
    if member.state == UP and world.coordinator.state in (DOWN, STOPPED):
        member.state = EMERGENCY
        member.emergency = ["HOST_STILL_BOOTING"]
        fall_silent(world, member)
        member.begins(world.kernel.spawn(_reconnect(world, member)))


def _reconnect(world: World, member: Machine) -> Steps:
    """A member in emergency mode restarts its own toolstack until the coordinator is there again."""
    while True:
        yield world.random.uniform(60.0, 180.0)
        if world.coordinator.state == UP:
            # Its stop ends this very process's host-bound work only, not this process.
            stop_toolstack(world, member, STOPPED)
            yield 10.0
            world.effect("member_reconnected", member.ref)
            yield from start_toolstack(world, member, booted=False)
            return


def kill_work_of(world: World, machine: Machine) -> None:
    """Operations that ran on the host end with its toolstack."""
    for process, host in list(world.running.items()):
        if host == machine.ref:
            process.kill(XapiFailure("TASK_CANCELLED", NULL))


def cancel_tasks_of(world: World, machine: Machine) -> None:
    """A host registered again: the coordinator cancels every task resident on it."""
    for ref, task in world.db.items("task"):
        if task["resident_on"] == machine.ref and task["status"] == "pending":
            world.db.set(
                "task", ref, status="cancelled", finished=world.now, progress=1.0, allowed_operations=[],
                error_info=["TASK_CANCELLED", ref],
            )  # fmt: skip


def restart_toolstack(world: World, machine: Machine, by: str = "call") -> Steps:
    """host.restart_agent: about a second later the toolstack goes, and comes back."""
    yield 1.0
    if machine.state not in (UP, EMERGENCY, STARTING):
        return
    stop_toolstack(world, machine, STOPPED)
    yield world.takes("toolstack", machine)
    if machine.state != STOPPED:
        return
    world.effect("toolstack_restarted", machine.ref, by=by)
    yield from start_toolstack(world, machine, booted=False)


def reboot(world: World, machine: Machine, task: str) -> Steps:
    """host.reboot after it answered: ten seconds, then the operating system goes down, whoever is still running."""
    key = f"reboot:{task}"
    machine.rebooting = True
    machine.operations[key] = "shutdown"
    world.refresh_host(machine.ref)
    yield 10.0
    yield from _clear_out(world, machine)
    stop_toolstack(world, machine, DOWN)
    world.effect("host_rebooted", machine.ref)
    for vm in world.guests(machine.ref):
        world.effect("vm_shut_down", machine.ref, vm, by="reboot", operation="power_off")
        halt(world, vm)
    if machine.name in world.faults.never_returns:
        machine.lost = True
        return
    yield world.takes("reboot", machine)
    yield from come_back(world, machine)


def lose_power(world: World, machine: Machine) -> None:
    """The machine is off at once, with everything on it, and starts again by itself."""
    if machine.state == DOWN:
        return
    for process in machine.lifecycles:
        process.kill(ConnectionAborted())
    machine.lost = False
    stop_toolstack(world, machine, DOWN)
    world.effect("host_lost_power", machine.ref)
    for vm in world.guests(machine.ref):
        world.effect("vm_shut_down", machine.ref, vm, by="power_loss", operation="power_off")
        halt(world, vm)
    machine.begins(world.kernel.spawn(_boot_again(world, machine)))


def _boot_again(world: World, machine: Machine) -> Steps:
    yield world.takes("reboot")
    yield from come_back(world, machine)


def come_back(world: World, machine: Machine) -> Steps:
    """The operating system is up again."""
    machine.lost = False
    machine.boot()
    world.effect("host_booted", machine.ref)
    yield from start_toolstack(world, machine, booted=True)


def _clear_out(world: World, machine: Machine) -> Steps:
    """What a shutdown does with VMs that are still there: move what can move, shut down the rest. Never safe."""
    leftovers = world.guests(machine.ref)
    if not leftovers:
        return
    world.effect("rebooted_with_vms", machine.ref, vms=[world.name("VM", vm) for vm in leftovers])
    moves, _ = plan(world, machine.ref, ignore_ha=True)
    started = [
        world.kernel.spawn(migrate(world, vm, target, f"shutdown:{machine.name}")) for vm, target in moves.items()
    ]
    yield from started
    stopping = world.guests(machine.ref)
    if stopping:
        yield 60.0
    for vm in stopping:
        if vm in world.guests(machine.ref):
            world.effect("vm_shut_down", machine.ref, vm, by="reboot", operation="clean_shutdown")
            halt(world, vm)


def fall_silent(world: World, machine: Machine) -> None:
    """No heartbeats from now on; ten minutes later the coordinator assumes the host dead."""
    if machine.silent_since is None and not world.is_coordinator(machine):
        machine.silent_since = world.now
        world.kernel.after(_ASSUMED_DEAD, lambda since=world.now: _assume_dead(world, machine, since))  # type: ignore[misc]


def _assume_dead(world: World, machine: Machine, since: datetime) -> None:
    if machine.silent_since == since and world.coordinator.state == UP:
        world.db.set("host_metrics", world.db.get("host", machine.ref, "metrics"), live=False)
        world.effect("host_assumed_dead", machine.ref)


def start_toolstack(world: World, machine: Machine, booted: bool) -> Steps:
    """The whole start, from listening to enabled."""
    machine.state = STARTING
    if machine.name not in world.faults.unreachable:
        world.network.up(machine.name)
    yield _STARTING
    if not world.is_coordinator(machine):
        yield from _register(world, machine)
    _write_start(world, machine, booted)
    machine.state = UP
    machine.silent_since = None
    yield _ENABLING
    if machine.state != UP:
        return
    machine.ready = True
    if booted:
        machine.rebooting = False
        for key in [key for key in machine.operations if key.startswith("reboot:")]:
            release_host(world, machine, key)
    if may_enable(world, machine):
        world.set_enabled(machine, True, by="startup")
        if booted:
            _auto_poweron(world, machine)
    world.effect("host_ready", machine.ref, enabled=world.db.get("host", machine.ref, "enabled"))
    if world.is_coordinator(machine):
        _reconsider_members(world)


def _reconsider_members(world: World) -> None:
    """A starting coordinator makes members ask to be enabled again, unless somebody disabled them on purpose."""
    for member in world.machines.values():
        if member.state == UP and member.ready and not member.disabled_by_request and may_enable(world, member):
            world.set_enabled(member, True, by="startup")


def _register(world: World, machine: Machine) -> Steps:
    """A member asks the coordinator to be let in; it stays in emergency mode until it is."""
    told = False
    while True:
        if world.is_coordinator(machine):
            # It took over while it was waiting to be let in.
            machine.state = STARTING
            machine.emergency = []
            return
        if world.coordinator.state not in (UP,):
            machine.state = EMERGENCY
            machine.emergency = ["HOST_STILL_BOOTING"]
            yield _RETRY_TEMPORARY
            continue
        recorded = world.db.get("host", world.coordinator.ref, "software_version")["xapi_build"]
        if version_key(machine.xapi_on_disk) > version_key(recorded):
            machine.state = EMERGENCY
            machine.emergency = ["HOST_XAPI_VERSION_HIGHER_THAN_COORDINATOR", machine.xapi_on_disk]
            if not told:
                told = True
                world.set_enabled(machine, False, by="startup")
                world.effect("startup_blocked", machine.ref, version=machine.xapi_on_disk)
                world.message(
                    "XAPI_STARTUP_BLOCKED_AS_VERSION_HIGHER_THAN_COORDINATOR",
                    "Host",
                    machine.uuid,
                    f"{machine.name} runs a newer management stack than the pool coordinator.",
                )
            yield _RETRY_PERMANENT
            continue
        break
    machine.state = STARTING
    machine.emergency = []
    cancel_tasks_of(world, machine)
    world.db.set("host_metrics", world.db.get("host", machine.ref, "metrics"), live=True)
    world.set_enabled(machine, False, by="startup")


def _write_start(world: World, machine: Machine, booted: bool) -> None:
    db, ref = world.db, machine.ref
    if world.is_coordinator(machine):
        world.set_enabled(machine, False, by="startup")
        db.deleted.clear()
    db.set("host", ref, software_version=machine.software_version(world.scenario))
    stamp = f"{world.now.timestamp():.0f}."
    db.put("host", ref, "other_config", "agent_start_time", stamp)
    if booted:
        db.put("host", ref, "other_config", "boot_time", stamp)
    for field in FIELDS.values():
        cleared = [
            task
            for task in db.get("host", ref, field)
            if task != "restart_toolstack" and not (booted and task.startswith("reboot_host"))
        ]
        db.set("host", ref, **{field: cleared})
    for pbd in db.get("host", ref, "PBDs"):
        db.set("PBD", pbd, currently_attached=True)
    if booted:
        after_boot(world, machine)
    if world.is_coordinator(machine):
        check_rolling(world)
    else:
        world.kernel.after(30.0, lambda: check_rolling(world))


def may_enable(world: World, machine: Machine) -> bool:
    """Whether a starting host enables itself: not if told to stay out, nor with mandatory guidance pending."""
    return machine.auto_enable and not world.db.get("host", machine.ref, "pending_guidances")


def _auto_poweron(world: World, machine: Machine) -> None:
    """VMs marked auto_poweron start when their host has booted, if the pool says so."""
    if world.db.get("pool", world.pool, "other_config").get("auto_poweron") != "true":
        return
    for ref, vm in world.db.items("VM"):
        if (
            vm["power_state"] == "Halted"
            and vm["affinity"] == machine.ref
            and vm["other_config"].get("auto_poweron") == "true"
            and not vm["current_operations"]
            and not vm["is_a_template"]
        ):
            set_power(world, ref, "Running", machine.ref)
            world.effect("vm_started", machine.ref, ref, by="auto_poweron")
