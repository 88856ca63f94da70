"""How long effects may take before people are asked, and what is tried again before that."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.rollout.action import Action, EvacuateHost, MigrateVm, RebootHost, ResumeVm, SuspendVm, TakeStock
from bot.rollout.decision import Estimates
from bot.rollout.guidance import Level
from bot.rollout.memory import Debt, DebtKind, Intent, IntentState, Memory
from bot.rollout.overdue import longest
from bot.rollout.pursuit import Round
from bot.rollout.reason import because
from bot.rollout.spec import Spec
from tests.unit.rollout.pools import GIB, NEW, NOW, pool_of, updates_of, vm

BIG = pool_of(vms=[vm("big", 1, memory=1024 * GIB), vm("small", 2, memory=4 * GIB)])
ESTIMATES = Estimates()


@pytest.mark.parametrize("kind", [MigrateVm, SuspendVm, ResumeVm])
def test_a_large_vm_may_take_as_long_as_its_memory_needs_and_a_small_one_may_not(kind: type[Action]) -> None:
    def limit(uuid: str) -> timedelta:
        more = {"to": "host-3"} if kind is MigrateVm else {"on": "host-1"} if kind is ResumeVm else {}
        found = longest(kind(**{"vm": uuid, **more}), BIG, ESTIMATES)  # type: ignore[arg-type]
        assert found is not None
        return found

    assert limit("vm-small") == timedelta(minutes=20)
    assert limit("vm-big") > timedelta(seconds=ESTIMATES.migration(1024 * GIB)) * 5
    # A VM that is gone has no memory to wait for.
    assert limit("vm-gone") == timedelta(minutes=20)


def test_emptying_a_host_may_take_as_long_as_all_its_vms_also_those_that_left() -> None:
    there = longest(EvacuateHost(host="host-1"), BIG, ESTIMATES)
    away = replace(BIG, vms=tuple(replace(entry, resident_on="host-3") for entry in BIG.vms))
    home = Debt(DebtKind.VM_HOME, "vm-big", "host-1", "big")
    assert longest(EvacuateHost(host="host-1"), away, ESTIMATES, (home,)) == there
    assert longest(EvacuateHost(host="host-2"), BIG, ESTIMATES) == timedelta(hours=1)


def test_a_restart_is_measured_by_what_was_learned_and_a_look_has_no_limit() -> None:
    assert longest(RebootHost(host="host-1"), BIG, Estimates(reboot=1800)) == timedelta(seconds=5400)
    assert longest(TakeStock(moment="before"), BIG, ESTIMATES) is None


@pytest.mark.parametrize(("uuid", "asked"), [("vm-small", True), ("vm-big", False)])
def test_after_two_hours_people_are_asked_about_the_small_vm_only(uuid: str, asked: bool) -> None:
    move = MigrateVm(vm=uuid, to="host-3")
    memory = Memory(updates_of(BIG), {move.key: Intent(move.key, IntentState.OPEN, NOW)})
    spec = Spec("pool-1", "prod", NEW, Level.RECOMMENDED, ())
    round_ = Round(spec, memory, BIG, ESTIMATES, NOW + timedelta(hours=2))
    round_.pursue(move, because("vm.going_home", vm="x", host="y"))
    assert [problem.reason.code for problem in round_.problems] == (["operation.slow"] if asked else [])
