"""From a request to a spec: which hosts take part, and the most that may be done to each host and VM."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rollout.blocker import HA_NOISE
from bot.rollout.guidance import LIVEPATCH_FAILURE_TASKS, Guidance, Level, Task, guidance_of
from bot.rollout.model import AvailableUpdates, HaSettings, HostUpdates, PowerState, VmBlocker
from bot.rollout.proposal import (
    Choices,
    choices_of,
    host_needs_turn,
    host_order,
    natural_key,
    propose,
)
from bot.rollout.spec import Livepatch, OnLivepatchFailure, Spec, StoppedVms, VmAllowance, VmTreatment
from tests.unit.rollout.pools import DEFAULTS, NEW, NO_BLOCKERS, OLD, REBOOT, host, pool_of, updates_of, vm

TOOLSTACK = guidance_of(mandatory=["RestartToolstack"])
PENDING_FAILURE = guidance_of(recommended=["reboot_host_on_xen_livepatch_failure"])
XAPI_CHANGES = ("xapi-core-26.1.3-1.xs8.x86_64.rpm",)
PATCHED: dict[str, Any] = {"livepatches": ("xen 4.17.5-12 -> 4.17.5-14",)}


def proposed(choices: Choices = DEFAULTS, guidance: Guidance = REBOOT) -> dict[str, frozenset[Task]]:
    """The ceilings of a pool whose hosts get the same update."""
    snapshot = pool_of()
    spec = propose(snapshot, updates_of(snapshot, guidance), NO_BLOCKERS, choices)
    return {entry.name: entry.tasks for entry in spec.hosts}


def treatments(spec: Spec) -> dict[str, VmTreatment]:
    return {entry.name: entry.treatment for entry in spec.vms}


# -- which hosts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last_hash", "entry", "pending", "needs"),
    [
        (OLD, HostUpdates("host-1", rpms=("a.rpm",)), Guidance(), True),
        (OLD, HostUpdates("host-1"), Guidance(), False),
        (OLD, None, Guidance(), True),
        ("", None, Guidance(), True),
        (NEW, HostUpdates("host-1", rpms=("a.rpm",)), Guidance(), False),
        (NEW, None, Guidance(), False),
        (NEW, None, guidance_of(recommended=["reboot_host"]), True),
        (NEW, HostUpdates("host-1"), guidance_of(full=["reboot_host"]), False),
        (NEW, HostUpdates("host-1"), PENDING_FAILURE, False),
    ],
    ids=[
        "updates",
        "nothing for it",
        "unknown is not current",
        "unknown and never updated",
        "took this checksum",
        "took it and the cache forgot",
        "updated but not rebooted",
        "pending at a higher level",
        "a failed live patch alone",
    ],
)
def test_a_host_takes_part_when_something_is_left_to_do(
    last_hash: str, entry: HostUpdates | None, pending: Guidance, needs: bool
) -> None:
    here = host(1, last_update_hash=last_hash, pending=pending)
    assert host_needs_turn(here, entry, NEW, Level.RECOMMENDED) is needs


def test_hosts_that_are_up_to_date_stay_out_of_the_spec() -> None:
    snapshot = pool_of([host(1, last_update_hash=NEW), host(2), host(3, last_update_hash=NEW)])
    spec = propose(snapshot, updates_of(snapshot), NO_BLOCKERS, Choices())
    assert [entry.name for entry in spec.hosts] == ["xs-02"]


def test_a_host_that_xapi_says_nothing_about_is_in_the_spec() -> None:
    snapshot = pool_of()
    partial = AvailableUpdates(NEW, (HostUpdates("host-1"),))
    spec = propose(snapshot, partial, NO_BLOCKERS, Choices())
    assert [entry.name for entry in spec.hosts] == ["xs-02", "xs-03"]


def test_without_a_checksum_no_host_counts_as_current() -> None:
    assert host_needs_turn(host(1, last_update_hash=""), HostUpdates("host-1", rpms=("a",)), "", Level.FULL)


def test_the_coordinator_goes_first_and_members_follow_as_people_count() -> None:
    hosts = [host(number, name=f"xs-{number}") for number in (10, 2, 1, 3)]
    snapshot = pool_of(hosts, coordinator="host-3", vms=())
    spec = propose(snapshot, updates_of(snapshot), NO_BLOCKERS, Choices())
    assert [entry.name for entry in host_order(snapshot, spec)] == ["xs-3", "xs-1", "xs-2", "xs-10"]


def test_a_host_that_left_the_pool_has_no_turn() -> None:
    snapshot = pool_of()
    spec = propose(snapshot, updates_of(snapshot), NO_BLOCKERS, Choices())
    smaller = pool_of([host(1), host(3)])
    assert [entry.name for entry in host_order(smaller, spec)] == ["xs-01", "xs-03"]


@given(st.permutations(["xs-1", "xs-2", "xs-10", "xs-10a", "7", "", "XS-3", "²"]))
def test_any_names_can_be_sorted(names: list[str]) -> None:
    assert sorted(names, key=natural_key) == ["", "xs-1", "xs-2", "XS-3", "xs-10", "xs-10a", "²", "7"]


# -- the most that may be done to a host ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("guidance", "level", "tasks"),
    [
        (REBOOT, Level.RECOMMENDED, {Task.REBOOT_HOST, Task.EVACUATE_HOST}),
        (REBOOT, Level.MANDATORY, set()),
        (TOOLSTACK, Level.MANDATORY, {Task.RESTART_TOOLSTACK}),
        (guidance_of(full=["EvacuateHost"]), Level.RECOMMENDED, set()),
        (guidance_of(full=["EvacuateHost"]), Level.FULL, {Task.EVACUATE_HOST}),
        (guidance_of(["RestartToolstack"], ["RestartVM"]), Level.FULL, {Task.RESTART_TOOLSTACK, Task.RESTART_VM}),
    ],
)
def test_a_ceiling_has_the_tasks_of_the_chosen_level(guidance: Guidance, level: Level, tasks: set[Task]) -> None:
    assert proposed(Choices(level), guidance=guidance) == dict.fromkeys(("xs-01", "xs-02", "xs-03"), tasks)


def test_pending_tasks_of_the_host_are_part_of_its_ceiling() -> None:
    snapshot = pool_of([host(1, pending=guidance_of(recommended=["reboot_host"])), host(2)])
    spec = propose(snapshot, updates_of(snapshot, TOOLSTACK), NO_BLOCKERS, Choices())
    assert {entry.name: entry.tasks for entry in spec.hosts} == {
        "xs-01": {Task.RESTART_TOOLSTACK, Task.REBOOT_HOST, Task.EVACUATE_HOST},
        "xs-02": {Task.RESTART_TOOLSTACK},
    }


def test_what_a_host_has_installed_already_is_not_asked_of_it_again() -> None:
    done = host(1, last_update_hash=NEW, pending=guidance_of(mandatory=["restart_toolstack"]))
    snapshot = pool_of([done, host(2)])
    spec = propose(snapshot, updates_of(snapshot, REBOOT), NO_BLOCKERS, Choices())
    assert spec.hosts[0].tasks == {Task.RESTART_TOOLSTACK}


@pytest.mark.parametrize("level", list(Level))
def test_when_versions_change_every_updated_host_restarts_its_toolstack_at_every_level(level: Level) -> None:
    snapshot = pool_of()
    updates = updates_of(snapshot, REBOOT)
    one_changes = replace(updates, hosts=(replace(updates.hosts[0], rpms=XAPI_CHANGES), *updates.hosts[1:]))
    spec = propose(snapshot, one_changes, NO_BLOCKERS, Choices(level))
    assert len(spec.hosts) == 3
    assert all(Task.RESTART_TOOLSTACK in entry.tasks for entry in spec.hosts)


def test_while_versions_do_not_change_no_toolstack_is_restarted_unasked() -> None:
    assert all(Task.RESTART_TOOLSTACK not in tasks for tasks in proposed().values())


def test_a_host_that_still_runs_the_old_version_takes_part_in_finishing_the_roll() -> None:
    waiting = host(2, last_update_hash=NEW, pending=guidance_of(recommended=["restart_toolstack"]))
    snapshot = pool_of([host(1, last_update_hash=NEW), waiting], other_config={"rolling_upgrade_in_progress": "true"})
    spec = propose(snapshot, updates_of(snapshot), NO_BLOCKERS, Choices(Level.MANDATORY))
    assert {entry.name: entry.tasks for entry in spec.hosts} == {"xs-02": {Task.RESTART_TOOLSTACK}}


def test_a_vm_that_waits_for_a_new_device_model_gives_its_host_that_task() -> None:
    waiting = vm("web", 2, pending=guidance_of(recommended=["restart_device_model"]))
    snapshot = pool_of(vms=[waiting])
    spec = propose(snapshot, updates_of(snapshot, TOOLSTACK), NO_BLOCKERS, Choices())
    assert [Task.RESTART_DEVICE_MODEL in entry.tasks for entry in spec.hosts] == [False, True, False]


# -- live patches --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choices", "tasks"),
    [
        (Choices(), set()),
        (Choices(livepatch=Livepatch.REBOOT_ANYWAY), {Task.REBOOT_HOST, Task.EVACUATE_HOST}),
        (Choices(on_livepatch_failure=OnLivepatchFailure.REBOOT), {Task.REBOOT_HOST, Task.EVACUATE_HOST}),
    ],
    ids=["accepted", "reboot anyway", "reboot if it fails"],
)
def test_a_live_patch_spares_the_reboot_unless_people_want_it(choices: Choices, tasks: set[Task]) -> None:
    snapshot = pool_of([host(1)])
    spec = propose(snapshot, updates_of(snapshot, Guidance(), **PATCHED), NO_BLOCKERS, choices)
    assert spec.hosts[0].tasks == tasks


@pytest.mark.parametrize("choices", [Choices(livepatch=Livepatch.REBOOT_ANYWAY), Choices(Level.FULL)])
def test_hosts_without_a_live_patch_are_not_affected_by_the_choice(choices: Choices) -> None:
    assert proposed(choices, guidance=TOOLSTACK) == proposed(guidance=TOOLSTACK)


@pytest.mark.parametrize(("failure", "hosts"), [(OnLivepatchFailure.ASK, []), (OnLivepatchFailure.REBOOT, ["xs-01"])])
def test_an_earlier_failed_live_patch_is_rebooted_away_only_when_chosen(
    failure: OnLivepatchFailure, hosts: list[str]
) -> None:
    snapshot = pool_of([host(1, last_update_hash=NEW, pending=PENDING_FAILURE)])
    spec = propose(snapshot, updates_of(snapshot), NO_BLOCKERS, Choices(on_livepatch_failure=failure))
    assert [entry.name for entry in spec.hosts] == hosts
    assert all(entry.tasks == {Task.REBOOT_HOST, Task.EVACUATE_HOST} for entry in spec.hosts)


# -- the VMs that may be stopped -----------------------------------------------------------------------------

PINNED = {"host-1": (VmBlocker("vm-web1", "VM_REQUIRES_SR"),), "host-2": (VmBlocker("vm-db2", "VM_HAS_PCI_ATTACHED"),)}


@pytest.mark.parametrize(
    ("chosen", "listed"),
    [
        (StoppedVms.REFUSE, {}),
        (StoppedVms.SUSPEND, {"web1": VmTreatment.SUSPEND, "db2": VmTreatment.SHUTDOWN}),
        (StoppedVms.SHUTDOWN, {"web1": VmTreatment.SHUTDOWN, "db2": VmTreatment.SHUTDOWN}),
    ],
)
def test_vms_that_cannot_leave_are_listed_with_what_happens_to_them(
    chosen: StoppedVms, listed: dict[str, VmTreatment]
) -> None:
    snapshot = pool_of()
    assert treatments(propose(snapshot, updates_of(snapshot), PINNED, Choices(stopped_vms=chosen))) == listed


def test_where_no_host_is_emptied_no_vm_may_be_stopped() -> None:
    snapshot = pool_of()
    spec = propose(snapshot, updates_of(snapshot, TOOLSTACK), PINNED, Choices(stopped_vms=StoppedVms.SUSPEND))
    assert spec.vms == ()


def test_vms_that_only_ha_keeps_are_not_stopped() -> None:
    snapshot = pool_of(ha=HaSettings(enabled=True))
    noise = {"host-1": (VmBlocker("vm-web1", HA_NOISE),)}
    spec = propose(snapshot, updates_of(snapshot), noise, Choices(stopped_vms=StoppedVms.SHUTDOWN))
    assert spec.vms == ()


def test_when_vms_must_restart_every_running_vm_is_listed() -> None:
    vms = [vm("web", 1), vm("db", 2), vm("off", None), vm("held", 3, power_state=PowerState.PAUSED)]
    snapshot = pool_of(vms=vms)
    asked = guidance_of(recommended=["RestartVM"])
    spec = propose(snapshot, updates_of(snapshot, asked), NO_BLOCKERS, Choices())
    assert treatments(spec) == {"web": VmTreatment.RESTART, "db": VmTreatment.RESTART}
    assert propose(snapshot, updates_of(snapshot, asked), NO_BLOCKERS, Choices(Level.MANDATORY)).vms == ()


def test_a_vm_that_waits_for_a_restart_is_listed_at_its_level() -> None:
    waiting = vm("web", 1, pending=guidance_of(full=["restart_vm"]))
    snapshot = pool_of(vms=[waiting, vm("db", 2)])
    updates = updates_of(snapshot)
    assert treatments(propose(snapshot, updates, NO_BLOCKERS, Choices(Level.FULL))) == {"web": VmTreatment.RESTART}
    assert propose(snapshot, updates, NO_BLOCKERS, Choices(Level.RECOMMENDED)).vms == ()


@pytest.mark.parametrize(
    ("chosen", "treatment"),
    [
        (StoppedVms.REFUSE, VmTreatment.RESTART),
        (StoppedVms.SUSPEND, VmTreatment.SHUTDOWN),
        (StoppedVms.SHUTDOWN, VmTreatment.SHUTDOWN),
    ],
)
def test_a_pinned_vm_that_must_restart_is_shut_down_rather_than_suspended(
    chosen: StoppedVms, treatment: VmTreatment
) -> None:
    snapshot = pool_of(vms=[vm("web1", 1)])
    asked = guidance_of(recommended=["RebootHost", "RestartVM"])
    spec = propose(snapshot, updates_of(snapshot, asked), PINNED, Choices(stopped_vms=chosen))
    assert spec.vms == (VmAllowance("vm-web1", "web1", treatment),)


def test_a_vm_that_vanished_since_is_not_listed() -> None:
    snapshot = pool_of(vms=())
    assert propose(snapshot, updates_of(snapshot), PINNED, Choices(stopped_vms=StoppedVms.SUSPEND)).vms == ()


# -- the rest of the spec ------------------------------------------------------------------------------------


def test_the_spec_names_pool_checksum_choices_and_the_settings_switched_off() -> None:
    choices = Choices(
        Level.FULL, StoppedVms.SHUTDOWN, Livepatch.REBOOT_ANYWAY, OnLivepatchFailure.REBOOT, ("vm_metadata", "or_go_on")
    )
    snapshot = pool_of(ha=HaSettings(enabled=True), wlb_enabled=True, update_sync_enabled=True, auto_poweron="true")
    spec = propose(snapshot, updates_of(snapshot), NO_BLOCKERS, choices)
    assert (spec.pool_uuid, spec.pool_name, spec.checksum) == ("pool-1", "prod", NEW)
    assert choices_of(spec) == replace(choices, tags=())  # rules by tag are resolved by then
    assert set(spec.fixes) == {"ha_off", "wlb_off", "auto_poweron_off", "sync_schedule_off"}
    assert propose(pool_of(auto_poweron="false"), updates_of(snapshot), NO_BLOCKERS, choices).fixes == ()


tasks = st.frozensets(st.sampled_from([task for task in Task if task not in LIVEPATCH_FAILURE_TASKS]))
guidances = st.builds(Guidance, tasks, tasks, tasks)
all_choices = st.builds(
    Choices,
    st.sampled_from(Level),
    st.sampled_from(StoppedVms),
    st.sampled_from(Livepatch),
    st.sampled_from(OnLivepatchFailure),
)


@given(guidances, guidances, all_choices, st.booleans())
def test_whoever_reboots_is_emptied_and_no_bound_is_below_the_guidance(
    asked: Guidance, pending: Guidance, choices: Choices, patched: bool
) -> None:
    snapshot = pool_of([host(1, pending=pending), host(2)])
    updates = updates_of(snapshot, asked, **(PATCHED if patched else {}))
    spec = propose(snapshot, updates, PINNED, choices)
    for entry in spec.hosts:
        assert Task.REBOOT_HOST not in entry.tasks or Task.EVACUATE_HOST in entry.tasks
        assert asked.at(choices.level) <= entry.tasks
        assert not entry.tasks & LIVEPATCH_FAILURE_TASKS
    assert pending.at(choices.level) <= spec.hosts[0].tasks
    assert len({entry.uuid for entry in spec.vms}) == len(spec.vms)
    if choices.stopped_vms is StoppedVms.REFUSE:
        assert all(entry.treatment is VmTreatment.RESTART for entry in spec.vms)


@given(guidances, all_choices)
def test_a_higher_level_allows_everything_a_lower_one_does(asked: Guidance, choices: Choices) -> None:
    snapshot = pool_of()
    bounds = []
    for level in (Level.MANDATORY, Level.RECOMMENDED, Level.FULL):
        spec = propose(snapshot, updates_of(snapshot, asked), NO_BLOCKERS, replace(choices, level=level))
        bounds.append({(entry.uuid, task) for entry in spec.hosts for task in entry.tasks})
    assert bounds[0] <= bounds[1] <= bounds[2]
