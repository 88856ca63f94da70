"""VMs that cannot leave their host: what XAPI's codes mean, and what can be done."""

from __future__ import annotations

import pytest

from bot.rollout.blocker import (
    HA_NOISE,
    PEOPLE_FIRST,
    Cause,
    can_shut_down,
    can_suspend,
    cause_of,
    real_blockers,
    treatment_of,
)
from bot.rollout.model import HaSettings, PowerState, VmBlocker
from bot.rollout.spec import StoppedVms, VmTreatment
from tests.unit.rollout.pools import host, pool_of, vm

REFUSE, SUSPEND, SHUTDOWN = StoppedVms.REFUSE, StoppedVms.SUSPEND, StoppedVms.SHUTDOWN
WEB = vm("web", 1)
HA_ON = HaSettings(enabled=True, heartbeat_srs=("sr-1",))


@pytest.mark.parametrize(
    ("code", "chosen", "treatment"),
    [
        ("VM_REQUIRES_SR", SUSPEND, VmTreatment.SUSPEND),
        ("VM_REQUIRES_SR", SHUTDOWN, VmTreatment.SHUTDOWN),
        ("VM_REQUIRES_SR", REFUSE, None),
        ("VM_REQUIRES_NETWORK", SUSPEND, VmTreatment.SUSPEND),
        ("NO_HOSTS_AVAILABLE", SUSPEND, VmTreatment.SUSPEND),
        ("HOST_NOT_ENOUGH_FREE_MEMORY", SUSPEND, VmTreatment.SUSPEND),
        ("SOMETHING_NEW", SUSPEND, VmTreatment.SUSPEND),
        ("VM_HAS_PCI_ATTACHED", SUSPEND, VmTreatment.SHUTDOWN),
        ("VM_HAS_VGPU", SUSPEND, VmTreatment.SHUTDOWN),
        ("VM_NON_SUSPENDABLE", SUSPEND, VmTreatment.SHUTDOWN),
        ("OTHER_OPERATION_IN_PROGRESS", SHUTDOWN, None),
        ("VM_LACKS_FEATURE", SHUTDOWN, None),
        ("VM_BAD_POWER_STATE", SHUTDOWN, None),
        ("HOST_NOT_LIVE", SUSPEND, None),
        ("NOT_SUPPORTED_DURING_UPGRADE", SHUTDOWN, None),
    ],
)
def test_the_choice_decides_where_stopping_helps(code: str, chosen: StoppedVms, treatment: VmTreatment | None) -> None:
    assert treatment_of(WEB, code, chosen) is treatment


@pytest.mark.parametrize(
    ("operations", "treatment"),
    [
        ({"clean_shutdown", "suspend"}, VmTreatment.SUSPEND),
        ({"clean_shutdown"}, VmTreatment.SHUTDOWN),
        ({"hard_shutdown"}, None),
        ((), VmTreatment.SUSPEND),
    ],
)
def test_a_vm_is_only_treated_as_xapi_allows(operations: set[str], treatment: VmTreatment | None) -> None:
    assert treatment_of(vm("web", 1, allowed_operations=frozenset(operations)), "VM_REQUIRES_SR", SUSPEND) is treatment


def test_a_vm_with_a_passed_through_device_is_never_suspended() -> None:
    gpu = vm("render", 1, has_pci=True)
    assert treatment_of(gpu, "NO_HOSTS_AVAILABLE", SUSPEND) is VmTreatment.SHUTDOWN


def test_a_paused_vm_is_left_to_people() -> None:
    paused = vm("web", 1, power_state=PowerState.PAUSED)
    assert treatment_of(paused, "NO_HOSTS_AVAILABLE", SUSPEND) is None


@pytest.mark.parametrize("cause", sorted(PEOPLE_FIRST))
def test_what_stopping_does_not_solve_is_neither_suspended_nor_shut_down(cause: Cause) -> None:
    codes = {
        Cause.BUSY: "OTHER_OPERATION_IN_PROGRESS",
        Cause.POWER_STATE: "VM_BAD_POWER_STATE",
        Cause.NO_TOOLS: "VM_LACKS_FEATURE",
        Cause.HOST_STATE: "HOST_DISABLED",
        Cause.MIXED_VERSIONS: "NOT_SUPPORTED_DURING_UPGRADE",
    }
    assert cause_of(codes[cause]) is cause
    assert not can_suspend(WEB, codes[cause])
    assert not can_shut_down(WEB, codes[cause])


def test_without_ha_the_answer_stands() -> None:
    blockers = {"host-1": (VmBlocker("vm-web1", "VM_REQUIRES_SR"),)}
    assert real_blockers(pool_of(), blockers) == blockers


def test_with_ha_on_the_noise_goes_and_the_rest_stays() -> None:
    snapshot = pool_of(ha=HA_ON)
    blockers = {
        "host-1": (VmBlocker("vm-web1", HA_NOISE, ("vm-web1",)), VmBlocker("vm-db1", "VM_REQUIRES_SR")),
        "host-2": (),
    }
    assert real_blockers(snapshot, blockers) == {"host-1": (VmBlocker("vm-db1", "VM_REQUIRES_SR"),), "host-2": ()}


def test_with_ha_on_a_vm_that_cannot_move_is_seen_through_the_noise() -> None:
    vms = [vm("gpu", 1, has_pci=True), vm("cache", 1, local_srs=("sr-local",)), vm("web", 1)]
    snapshot = pool_of(vms=vms, ha=HA_ON)
    blockers = {"host-1": tuple(VmBlocker(entry.uuid, HA_NOISE) for entry in vms)}
    found = {entry.vm: entry.code for entry in real_blockers(snapshot, blockers)["host-1"]}
    assert found == {"vm-gpu": "VM_HAS_PCI_ATTACHED", "vm-cache": "VM_REQUIRES_SR"}


def test_with_ha_on_and_no_other_host_in_service_no_vm_can_leave() -> None:
    snapshot = pool_of([host(1), host(2, enabled=False)], ha=HA_ON)
    found = real_blockers(snapshot, {"host-1": (VmBlocker("vm-web1", HA_NOISE),)})
    assert [entry.code for entry in found["host-1"]] == ["NO_HOSTS_AVAILABLE"]
