"""Switching faults on a running world by their names."""

from __future__ import annotations

from typing import Any

from bot.lab.xapi.calls import Account, Context
from bot.lab.xapi.conditions import CONDITIONS, Given
from bot.lab.xapi.failure import NULL
from bot.lab.xapi.faults import FAULTS, FaultError
from bot.lab.xapi.guests import refresh, set_power
from bot.lab.xapi.kernel import Steps
from bot.lab.xapi.lifecycle import come_back, lose_power, restart_toolstack
from bot.lab.xapi.machine import DOWN, STOPPED, Machine
from bot.lab.xapi.migration import migrate
from bot.lab.xapi.succession import take_over
from bot.lab.xapi.updates import foreign_sync
from bot.lab.xapi.world import World

_ARGUMENTS = {"host", "vm", "times", "seconds", "on", "method", "code"}
_SOMEBODY = Account("somebody", "pool-admin", superuser=True)


def disturb(world: World, name: str, arguments: dict[str, Any]) -> None:
    """Switch the fault `name`; arguments are host, vm, times, seconds, on as the fault needs them."""
    if name not in FAULTS:
        raise FaultError(f"There is no fault {name!r}.", f"The lab knows: {', '.join(FAULTS)}.")
    unknown = set(arguments) - _ARGUMENTS
    if unknown:
        raise FaultError(
            f"A fault has no argument {', '.join(sorted(unknown))}.", f"Known: {', '.join(sorted(_ARGUMENTS))}."
        )
    on = bool(arguments.get("on", True))
    times = int(arguments.get("times", 1)) if on else 0
    faults = world.faults
    if name in CONDITIONS:
        CONDITIONS[name](_given(world, arguments, on))
    elif name == "call_fails":
        _call_fails(world, arguments, times)
    elif name == "host_never_returns":
        _never_returns(world, _machine(world, arguments), on)
    elif name == "apply_fails":
        faults.apply_fails[_machine(world, arguments).name] = times
    elif name == "migration_fails":
        faults.migration_fails[world.name("VM", _vm(world, arguments))] = times
    elif name == "livepatch_fails":
        machine = _machine(world, arguments)
        (faults.livepatch_fails.add if on else faults.livepatch_fails.discard)(machine.name)
    elif name == "sync_fails":
        faults.sync_fails = times
    elif name == "ha_enable_fails":
        faults.ha_enable_fails = times
    elif name == "backup_fails":
        faults.backup_fails = times
    elif name == "backup_truncated":
        faults.backup_truncated = times
    elif name == "coordinator_slow":
        faults.coordinator_slow = float(arguments.get("seconds", 30.0)) if on else 0.0
    elif name == "drop_connections":
        world.network.reset(_or_coordinator(world, arguments).name)
    elif name == "unreachable":
        _unreachable(world, _or_coordinator(world, arguments), on)
    elif name == "answers_lost":
        faults.answers_lost = times
    elif name == "toolstack_restarts":
        machine = _or_coordinator(world, arguments)
        machine.begins(world.kernel.spawn(restart_toolstack(world, machine, by="somebody")))
    elif name == "power_fails":
        lose_power(world, _machine(world, arguments))
    elif name == "vm_stop_fails":
        faults.vm_stop_fails[world.name("VM", _vm(world, arguments))] = times
    elif name == "foreign_sync":
        _foreign_sync(world)
    elif name == "vm_started":
        world.kernel.spawn(_vm_started(world, _vm(world, arguments), _machine(world, arguments).ref))
    elif name == "coordinator_replaced":
        take_over(world, _machine(world, arguments))
    elif name == "evacuation_blocked":
        _evacuation_blocked(world, _vm(world, arguments), on)
    world.effect("fault", name=name, arguments={key: str(text) for key, text in arguments.items()})


def _given(world: World, arguments: dict[str, Any], on: bool) -> Given:
    return Given(
        world,
        on,
        _machine(world, arguments) if "host" in arguments else None,
        _vm(world, arguments) if "vm" in arguments else NULL,
        float(arguments.get("seconds", 0.0)),
    )


def _call_fails(world: World, arguments: dict[str, Any], times: int) -> None:
    method = str(arguments.get("method", "host.apply_updates")).removeprefix("Async.")
    words = [word.strip() for word in str(arguments.get("code", "INTERNAL_ERROR")).split(",")]
    world.faults.refusals[method] = [words] * times


def _machine(world: World, arguments: dict[str, Any]) -> Machine:
    try:
        return world.machines[str(arguments["host"])]
    except KeyError:
        raise FaultError("This fault needs the name of a host.", f"Hosts: {', '.join(world.machines)}.") from None


def _or_coordinator(world: World, arguments: dict[str, Any]) -> Machine:
    return _machine(world, arguments) if "host" in arguments else world.coordinator


def _unreachable(world: World, machine: Machine, on: bool) -> None:
    if on:
        world.faults.unreachable.add(machine.name)
        world.network.down(machine.name)
    elif machine.name in world.faults.unreachable:
        world.faults.unreachable.discard(machine.name)
        if machine.state not in (STOPPED, DOWN):
            world.network.up(machine.name)


def _vm(world: World, arguments: dict[str, Any]) -> str:
    ref = world.db.find("VM", name_label=str(arguments.get("vm", "")), is_control_domain=False)
    if ref == NULL:
        raise FaultError("This fault needs the name of a VM.")
    return ref


def _never_returns(world: World, machine: Machine, on: bool) -> None:
    if on:
        world.faults.never_returns.add(machine.name)
        return
    world.faults.never_returns.discard(machine.name)
    if machine.lost:
        machine.begins(world.kernel.spawn(come_back(world, machine)))


def _foreign_sync(world: World) -> None:
    task = world.db.create(
        "task", name_label="Async.pool.sync_updates", created=world.now.replace(microsecond=0),
        resident_on=world.coordinator.ref, status="pending", type="<none/>",
    )  # fmt: skip
    context = Context(world, _SOMEBODY, NULL, world.coordinator, task)
    process = world.kernel.spawn(foreign_sync(context))
    world.running[process] = world.coordinator.ref

    def ended(_: object) -> None:
        world.running.pop(process, None)
        if task in world.db.tables["task"]:
            world.db.set(
                "task", task, progress=1.0, finished=world.now.replace(microsecond=0),
                status="success" if process.error is None else "failure",
            )  # fmt: skip

    process.when_done(ended)


def _vm_started(world: World, vm: str, host: str) -> Steps:
    if world.db.get("VM", vm, "power_state") == "Running":
        yield from migrate(world, vm, host, f"OpaqueRef:{world.db.new_uuid()}")
        return
    yield world.takes("start")
    set_power(world, vm, "Running", host)
    world.effect("vm_started", host, vm, by="somebody")


def _evacuation_blocked(world: World, vm: str, on: bool) -> None:
    if on:
        world.db.put("VM", vm, "blocked_operations", "pool_migrate", "blocked by its owner")
    else:
        world.db.drop("VM", vm, "blocked_operations", "pool_migrate")
    refresh(world, vm)
