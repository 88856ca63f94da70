"""Guidance: levels add up, stronger tasks cover weaker ones, both vocabularies mean the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rollout.guidance import (
    EXECUTION_ORDER,
    HOST_TASKS,
    NO_GUIDANCE,
    VM_TASKS,
    Guidance,
    Level,
    Task,
    guidance_of,
    in_execution_order,
    parse_task,
    without_covered,
)

tasks = st.frozensets(st.sampled_from(list(Task)))
guidances = st.builds(Guidance, tasks, tasks, tasks)


@pytest.mark.parametrize(
    ("updates", "pending"),
    [
        ("RebootHost", "reboot_host"),
        ("RestartToolstack", "restart_toolstack"),
        ("RestartDeviceModel", "restart_device_model"),
        ("RestartVM", "restart_vm"),
        ("RebootHostOnLivePatchFailure", "reboot_host_on_livepatch_failure"),
        ("RebootHostOnXenLivePatchFailure", "reboot_host_on_xen_livepatch_failure"),
        ("RebootHostOnKernelLivePatchFailure", "reboot_host_on_kernel_livepatch_failure"),
    ],
)
def test_both_vocabularies_name_the_same_task(updates: str, pending: str) -> None:
    assert parse_task(updates) is parse_task(pending)
    assert parse_task(updates).value == updates


def test_evacuate_is_understood_though_it_is_never_pending() -> None:
    assert parse_task("EvacuateHost") is Task.EVACUATE_HOST


@pytest.mark.parametrize("word", ["SomethingNew", "", "evacuate_host", "reboothost"])
def test_an_unknown_word_is_read_as_a_reboot(word: str) -> None:
    assert parse_task(word) is Task.REBOOT_HOST


def test_a_level_includes_the_levels_before_it() -> None:
    asked = guidance_of(["RestartToolstack"], ["EvacuateHost"], ["RestartVM"])
    assert asked.at(Level.MANDATORY) == {Task.RESTART_TOOLSTACK}
    assert asked.at(Level.RECOMMENDED) == {Task.RESTART_TOOLSTACK, Task.EVACUATE_HOST}
    assert asked.at(Level.FULL) == {Task.RESTART_TOOLSTACK, Task.EVACUATE_HOST, Task.RESTART_VM}


@given(guidances)
def test_levels_cascade(asked: Guidance) -> None:
    assert asked.at(Level.MANDATORY) <= asked.at(Level.RECOMMENDED) <= asked.at(Level.FULL)
    assert asked.at(Level.FULL) == asked.mandatory | asked.recommended | asked.full


@given(guidances, guidances, st.sampled_from(list(Level)))
def test_the_union_asks_for_what_either_asks(one: Guidance, other: Guidance, level: Level) -> None:
    assert (one | other).at(level) == one.at(level) | other.at(level)
    assert one | other == other | one
    assert one | NO_GUIDANCE == one


@given(guidances)
def test_guidance_is_true_when_it_asks_for_anything(asked: Guidance) -> None:
    assert bool(asked) == bool(asked.at(Level.FULL))


@pytest.mark.parametrize(
    ("asked", "left"),
    [
        ({Task.REBOOT_HOST, Task.RESTART_TOOLSTACK, Task.EVACUATE_HOST}, {Task.REBOOT_HOST}),
        ({Task.REBOOT_HOST, Task.RESTART_DEVICE_MODEL}, {Task.REBOOT_HOST}),
        ({Task.EVACUATE_HOST, Task.RESTART_DEVICE_MODEL}, {Task.EVACUATE_HOST}),
        ({Task.RESTART_VM, Task.RESTART_DEVICE_MODEL}, {Task.RESTART_VM}),
        ({Task.EVACUATE_HOST, Task.RESTART_TOOLSTACK}, {Task.EVACUATE_HOST, Task.RESTART_TOOLSTACK}),
        ({Task.REBOOT_HOST, Task.RESTART_VM}, {Task.REBOOT_HOST, Task.RESTART_VM}),
        (
            {Task.REBOOT_HOST, Task.REBOOT_HOST_ON_XEN_LIVEPATCH_FAILURE},
            {Task.REBOOT_HOST, Task.REBOOT_HOST_ON_XEN_LIVEPATCH_FAILURE},
        ),
        (set(), set()),
    ],
)
def test_a_stronger_task_covers_a_weaker_one(asked: set[Task], left: set[Task]) -> None:
    assert without_covered(asked) == left


@given(tasks)
def test_covering_only_drops_and_is_done_at_once(asked: frozenset[Task]) -> None:
    left = without_covered(asked)
    assert left <= asked
    assert without_covered(left) == left
    assert bool(left) == bool(asked)


@given(tasks)
def test_the_order_loses_and_adds_nothing(asked: frozenset[Task]) -> None:
    ordered = in_execution_order(asked)
    assert len(ordered) == len(asked)
    assert frozenset(ordered) == asked
    assert list(ordered) == sorted(ordered, key=EXECUTION_ORDER.index)


def test_every_task_has_its_place_and_its_owner() -> None:
    assert set(EXECUTION_ORDER) == set(Task)
    assert set(Task) == HOST_TASKS | VM_TASKS
    assert not HOST_TASKS & VM_TASKS
    before = in_execution_order([Task.RESTART_VM, Task.REBOOT_HOST, Task.EVACUATE_HOST, Task.RESTART_TOOLSTACK])
    assert before == (Task.EVACUATE_HOST, Task.RESTART_TOOLSTACK, Task.REBOOT_HOST, Task.RESTART_VM)
