"""Which VMs of a host are said to be under way, to wait, or to be tried again, from one look and what was asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.rollout.action import EvacuateHost, MigrateVm, RestartVm, ResumeVm, ShutdownVm
from bot.rollout.decision import Estimates
from bot.rollout.guidance import Guidance, Level, Task
from bot.rollout.memory import Debt, DebtKind, Intent, IntentState, Memory
from bot.rollout.model import PoolSnapshot, PowerState, XapiTask
from bot.rollout.pursuit import Round
from bot.rollout.spec import Spec, VmAllowance, VmTreatment
from bot.rollout.vm_progress import VmProgress, VmStep, briefly, rounded
from bot.rollout.watching import leaving, restarting, returning
from tests.unit.rollout.pools import NEW, NOW, pool_of, updates_of, vm

SPEC = Spec("pool-1", "prod", NEW, Level.FULL, (), vms=(VmAllowance("vm-web", "web", VmTreatment.RESTART),))
OPEN, FAILED, DONE = IntentState.OPEN, IntentState.FAILED, IntentState.DONE
BUSY = ("OTHER_OPERATION_IN_PROGRESS", "VM", "db", "snapshot")


def round_of(snapshot: PoolSnapshot, *intents: Intent, debts: tuple[Debt, ...] = ()) -> Round:
    memory = Memory(updates_of(snapshot), {intent.key: intent for intent in intents}, debts)
    return Round(SPEC, memory, snapshot, Estimates(), NOW)


def asked(key: str, state: IntentState, minute: int = 0, **more: object) -> Intent:
    return replace(Intent(key, state, NOW + timedelta(minutes=minute)), **more)  # type: ignore[arg-type]


def test_a_move_is_told_with_its_task_and_where_it_goes() -> None:
    snapshot = replace(pool_of(vms=[vm("web", 1), vm("db", 1)]), tasks=(XapiTask("t1", "u", "", progress=0.437),))
    move = asked(MigrateVm(vm="vm-web", to="host-2").key, OPEN, task_ref="t1")
    assert leaving(round_of(snapshot, move), "host-1") == (
        VmProgress("vm-db", "db"),
        VmProgress("vm-web", "web", VmStep.MOVING, 40, "xs-02", tries=1),
    )


def test_what_xapi_moves_by_itself_is_found_through_the_tasks_on_the_vm() -> None:
    moving = vm("web", 1, current_operations=frozenset({"pool_migrate"}), at_work=frozenset({"t7"}), moving_to="host-3")
    snapshot = replace(pool_of(vms=[moving]), tasks=(XapiTask("t7", "u", "", progress=0.05),))
    evacuation = asked(EvacuateHost(host="host-1").key, OPEN, task_ref="t0")
    (found,) = leaving(round_of(snapshot, evacuation), "host-1")
    assert (found.step, found.percent, found.to, found.tries) == (VmStep.MOVING, 5, "xs-03", 0)
    # A task that our account is not shown says nothing.
    (found,) = leaving(round_of(replace(snapshot, tasks=()), evacuation), "host-1")
    assert (found.step, found.percent) == (VmStep.MOVING, None)


def test_a_failed_move_is_remembered_while_the_next_is_under_way_and_forgotten_when_it_worked() -> None:
    snapshot = pool_of(vms=[vm("db", 1)])
    first = asked(MigrateVm(vm="vm-db", to="host-2").key, FAILED, error=BUSY)
    second = asked(MigrateVm(vm="vm-db", to="host-3").key, OPEN, 1)
    (found,) = leaving(round_of(snapshot, first), "host-1")
    assert (found.step, found.error, found.tries, found.in_hand) == (VmStep.WAITING, BUSY, 1, True)
    (found,) = leaving(round_of(snapshot, first, second), "host-1")
    assert (found.step, found.to, found.error, found.tries) == (VmStep.MOVING, "xs-03", BUSY, 2)
    (found,) = leaving(round_of(snapshot, first, replace(second, state=DONE)), "host-1")
    assert (found.error, found.in_hand) == ((), False)
    # The same host was asked for once more: its intent keeps what the try before ended with.
    same = asked(MigrateVm(vm="vm-db", to="host-2").key, OPEN, attempts=2, earlier=BUSY)
    (found,) = leaving(round_of(snapshot, same), "host-1")
    assert (found.error, found.tries) == (BUSY, 2)


@pytest.mark.parametrize(
    ("error", "told"),
    [(BUSY, {"db"}), (("INTERNAL_ERROR", "migration aborted"), {"db", "web"})],
    ids=["xapi names the vm", "xapi names none"],
)
def test_an_evacuation_that_gave_up_is_told_of_the_vm_that_it_gave_up_over(
    error: tuple[str, ...], told: set[str]
) -> None:
    snapshot = pool_of(vms=[vm("web", 1), vm("db", 1)])
    key = EvacuateHost(host="host-1").key
    for evacuation in (asked(key, FAILED, error=error), asked(key, OPEN, attempts=2, earlier=error)):
        found = leaving(round_of(snapshot, evacuation), "host-1")
        assert {entry.name for entry in found if entry.error == error} == told
    # Those that were on their way when it gave up go on.
    moving = replace(snapshot.vms[0], current_operations=frozenset({"pool_migrate"}), moving_to="host-2")
    on_its_way = replace(snapshot, vms=(moving,))
    (found_one,) = leaving(round_of(on_its_way, asked(key, FAILED, error=("INTERNAL_ERROR",))), "host-1")
    assert found_one.error == ()


def test_vms_that_come_back_are_told_until_they_run_at_home() -> None:
    home = vm("home", 1)
    away = vm("away", 2)
    asleep = replace(vm("asleep", None), power_state=PowerState.SUSPENDED)
    debts = (
        Debt(DebtKind.VM_HOME, "vm-home", "host-1", "home"),
        Debt(DebtKind.VM_HOME, "vm-away", "host-1", "away"),
        Debt(DebtKind.VM_SUSPENDED, "vm-asleep", "host-1", "asleep"),
        Debt(DebtKind.VM_HOME, "vm-gone", "host-1", "gone"),
    )
    way_out = asked(MigrateVm(vm="vm-away", to="host-2").key, DONE)
    resume = asked(ResumeVm(vm="vm-asleep", on="host-1").key, OPEN, 1)
    found = returning(round_of(pool_of(vms=[home, away, asleep]), way_out, resume, debts=debts), "host-1")
    assert [(entry.name, entry.step) for entry in found] == [("asleep", VmStep.RESUMING), ("away", VmStep.WAITING)]
    refused = asked(MigrateVm(vm="vm-away", to="host-1").key, FAILED, 2, error=BUSY)
    found = returning(round_of(pool_of(vms=[away]), way_out, refused, debts=debts), "host-1")
    assert [(entry.name, entry.error) for entry in found] == [("away", BUSY)]


def test_restarts_are_told_as_long_as_they_are_to_be_done() -> None:
    pending = Guidance(full=frozenset({Task.RESTART_VM}))
    snapshot = pool_of(vms=[vm("web", 1, pending=pending), vm("other", 1)])
    (found,) = restarting(round_of(snapshot), "host-1")
    assert (found.name, found.step) == ("web", VmStep.WAITING)
    key = RestartVm(vm="vm-web").key
    (found,) = restarting(round_of(snapshot, asked(key, OPEN)), "host-1")
    assert found.step is VmStep.RESTARTING
    assert restarting(round_of(snapshot, asked(key, DONE)), "host-1") == ()


def test_a_shutdown_is_told_before_the_vm_has_stopped() -> None:
    snapshot = pool_of(vms=[vm("web", 1)])
    (found,) = leaving(round_of(snapshot, asked(ShutdownVm(vm="vm-web").key, OPEN)), "host-1")
    assert found.step is VmStep.SHUTTING_DOWN


@pytest.mark.parametrize(
    ("share", "percent"), [(-1, 0), (0.049, 0), (0.05, 5), (0.29, 25), (0.999, 95), (1, 100), (7, 100)]
)
def test_percents_go_in_steps_and_never_ahead(share: float, percent: int) -> None:
    assert rounded(share) == percent


def test_few_are_named_and_those_under_way_first() -> None:
    vms = [VmProgress(f"v{n}", f"web-{n}") for n in range(9)]
    vms[1] = replace(vms[1], error=BUSY)
    for n in (4, 5, 6):
        vms[n] = replace(vms[n], step=VmStep.MOVING)
    shown, more = briefly(vms)
    assert ([vm.name for vm in shown], more) == (["web-4", "web-5", "web-6"], 1)
