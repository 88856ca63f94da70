"""What happens to single VMs."""

from __future__ import annotations

from collections.abc import Callable

from .client import Client, refused


def test_a_migration_takes_time_by_memory_and_holds_it_at_both_ends(small: Client) -> None:
    free = int(small("host.compute_free_memory", small.host("xs-02")))
    started = small.clock.now()
    task = small("Async.VM.pool_migrate", small.vm("db-01"), small.host("xs-02"), {"live": "true"})
    small.passes(1)
    assert free - int(small("host.compute_free_memory", small.host("xs-02"))) > 16 << 30
    assert set(small("VM.get_current_operations", small.vm("db-01")).values()) == {"pool_migrate"}
    small.finish(task)
    assert 60 < (small.clock.now() - started).total_seconds() < 80
    assert small.pool.vm("db-01").resident_on == "xs-02"


def test_targets_are_checked(start: Callable[..., Client]) -> None:
    client = start("tight")
    client("host.disable", client.host("xs-02"))
    vm = client.vm("db-01")
    assert client.fails("VM.pool_migrate", vm, client.host("xs-02"), {}) == ["HOST_DISABLED", client.host("xs-02")]
    client.do("host.evacuate", client.host("xs-02"))
    client("host.enable", client.host("xs-02"))
    code, needed, available = client.fails("VM.pool_migrate", vm, client.host("xs-03"), {})
    assert code == "HOST_NOT_ENOUGH_FREE_MEMORY"
    assert int(needed) > int(available)


def test_a_vm_migrates_to_its_own_host_even_when_that_is_disabled(small: Client) -> None:
    small("host.disable", small.host("xs-01"))
    small.do("VM.restart_device_models", small.vm("web-01"))
    assert small.pool.vm("web-01").resident_on == "xs-01"
    assert small.pool.verdict().migrations == 0


def test_suspend_and_resume_on_the_same_host(small: Client) -> None:
    vm = small.pool.vm("mail-01")
    small.do("VM.suspend", vm.ref)
    assert (vm.power_state, vm.resident_on) == ("Suspended", "")
    small.do("VM.resume_on", vm.ref, small.host("xs-03"), False, False)
    assert (vm.power_state, vm.resident_on) == ("Running", "xs-03")
    verdict = small.pool.verdict()
    assert verdict.vms_home
    assert verdict.vm_downtime["mail-01"] > 0


def test_shutdown_and_start_prefer_the_affinity_host(small: Client) -> None:
    vm = small.pool.vm("mail-01")
    small.do("VM.clean_shutdown", vm.ref)
    assert vm.power_state == "Halted"
    assert small.fails("VM.clean_shutdown", vm.ref) == ["VM_BAD_POWER_STATE", vm.ref, "running", "halted"]
    small.do("VM.start", vm.ref, False, False)
    assert vm.resident_on == "xs-03"


def test_a_vm_with_a_pci_device_can_neither_move_nor_be_suspended(start: Callable[..., Client]) -> None:
    client = start("pinned")
    vm = client.vm("render-01")
    for method, params in (("VM.pool_migrate", (client.host("xs-01"), {})), ("VM.suspend", ())):
        assert client.fails(method, vm, *params) == ["VM_HAS_PCI_ATTACHED", vm]
    assert "suspend" not in client("VM.get_allowed_operations", vm)
    client.do("VM.clean_shutdown", vm)
    client.do("VM.start_on", vm, client.host("xs-03"), False, False)


def test_a_second_operation_queues_behind_the_first(small: Client) -> None:
    first = small("Async.VM.pool_migrate", small.vm("db-01"), small.host("xs-02"), {})
    second = small("Async.VM.clean_reboot", small.vm("db-01"))
    assert small.finish(second)["status"] == "success"
    assert small("task.get_status", first) == "success"


def test_ejecting(small: Client) -> None:
    drive = next(r for r, b in small("VBD.get_all_records").items() if b["type"] == "CD")
    with refused("VBD_IS_EMPTY", drive):
        small("VBD.eject", drive)
