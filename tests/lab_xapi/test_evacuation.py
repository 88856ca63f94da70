"""Evacuation: the plan, its blockers, its moves."""

from __future__ import annotations

from collections.abc import Callable

from .client import Client, refused


def test_it_moves_every_guest_and_does_not_disable(small: Client) -> None:
    small.do("host.evacuate", small.host("xs-02"))
    assert small.pool.host("xs-02").resident_vms == []
    assert small.pool.host("xs-02").enabled is True
    assert {vm.power_state for vm in small.pool.vms} == {"Running"}


def test_progress_advances_with_every_vm(small: Client) -> None:
    task = small("Async.host.evacuate", small.host("xs-02"))
    seen = set()
    while small("task.get_status", task) == "pending":
        seen.add(round(small("task.get_progress", task), 2))
        small.passes(2)
    assert {0.0, 0.25, 0.5} <= seen


def test_four_migrations_at_a_time_per_host(start: Callable[..., Client]) -> None:
    client = start("large")
    client("host.disable", client.host("xs-05"))
    client("Async.host.evacuate", client.host("xs-05"))
    client.passes(4)
    world = client.pool.world
    assert client.pool.run(lambda: world.machines["xs-05"].outgoing) == 4
    assert client.pool.run(lambda: max(m.incoming for m in world.machines.values())) <= 4


def test_ha_makes_unprotected_vms_blockers(start: Callable[..., Client]) -> None:
    client = start("small", ha=True)
    blockers = client("host.get_vms_which_prevent_evacuation", client.host("xs-03"))
    assert blockers[client.vm("mail-01")] == ["HOST_EVACUATE_VM_NOT_HA_PROTECTED", client.vm("mail-01")]
    assert client.vm("web-03") not in blockers
    client("pool.disable_ha")
    assert client("host.get_vms_which_prevent_evacuation", client.host("xs-03")) == {}


def test_a_single_host_has_nowhere_to_go(start: Callable[..., Client]) -> None:
    client = start("single")
    vm = client.vm("db-01")
    blockers = client("host.get_vms_which_prevent_evacuation", client.host("xs-01"))
    assert blockers[vm] == ["NO_HOSTS_AVAILABLE", vm]
    assert client.vm("build-01") not in blockers
    with refused("CANNOT_EVACUATE_HOST"):
        client("host.assert_can_evacuate", client.host("xs-01"))


def test_local_disks_and_pci_devices_pin_a_vm(start: Callable[..., Client]) -> None:
    client = start("pinned")
    local = client("host.get_vms_which_prevent_evacuation", client.host("xs-02"))
    assert [vector[:2] for vector in local.values()] == [["VM_REQUIRES_SR", client.vm("cache-01")]]
    pci = client("host.get_vms_which_prevent_evacuation", client.host("xs-03"))
    assert list(pci.values()) == [["VM_HAS_PCI_ATTACHED", client.vm("render-01")]]
    assert client.fails("host.evacuate", client.host("xs-03")) == ["VM_HAS_PCI_ATTACHED", client.vm("render-01")]
    assert client.pool.host("xs-03").resident_vms == ["mail-01", "render-01", "web-03"]


def test_one_deficient_target_blocks_vms_for_the_whole_pool(small: Client) -> None:
    pbds = small("host.get_PBDs", small.host("xs-03"))
    shared = small("pool.get_default_SR", small.pool_ref())
    small("PBD.unplug", next(pbd for pbd in pbds if small("PBD.get_SR", pbd) == shared))
    blockers = small("host.get_vms_which_prevent_evacuation", small.host("xs-02"))
    assert {tuple(vector) for vector in blockers.values()} == {
        ("VM_REQUIRES_SR", small.vm(name), shared) for name in small.pool.host("xs-02").resident_vms
    }
    small("host.disable", small.host("xs-03"))
    assert small("host.get_vms_which_prevent_evacuation", small.host("xs-02")) == {}


def test_memory_is_packed_biggest_first(start: Callable[..., Client]) -> None:
    client = start("tight")
    assert client("host.get_vms_which_prevent_evacuation", client.host("xs-01")) == {}
    client("host.disable", client.host("xs-03"))
    blockers = client("host.get_vms_which_prevent_evacuation", client.host("xs-01"))
    assert {vector[0] for vector in blockers.values()} == {"HOST_NOT_ENOUGH_FREE_MEMORY"}
    assert all(vector[1] == vm for vm, vector in blockers.items())
    client("host.enable", client.host("xs-03"))
    for name in ("xs-01", "xs-02", "xs-03"):
        client("host.disable", client.host(name))
        client.do("host.evacuate", client.host(name))
        client("host.enable", client.host(name))


def test_a_blocked_operation_names_its_reason(small: Client) -> None:
    small.pool.vm("git-01").refuses_migration()
    vm = small.vm("git-01")
    assert small("host.get_vms_which_prevent_evacuation", small.host("xs-02")) == {
        vm: ["OPERATION_BLOCKED", vm, "blocked by its owner"]
    }
    assert "pool_migrate" not in small("VM.get_allowed_operations", vm)


def test_a_failing_migration_fails_the_call_and_a_retry_moves_the_rest(small: Client) -> None:
    small.pool.vm("git-01").migration_fails(times=1)
    assert small.fails("host.evacuate", small.host("xs-02"))[0] == "INTERNAL_ERROR"
    small.passes(120)
    assert small.pool.host("xs-02").resident_vms == ["git-01"]
    small.do("host.evacuate", small.host("xs-02"))


def test_vms_do_not_move_to_older_hosts(small: Client) -> None:
    small.update_host("xs-01")
    small("host.reboot", small.host("xs-01"))
    small.passes(15)
    small.close()
    small.until_enabled("xs-01", "xs-02", "xs-03")
    small.do("VM.pool_migrate", small.vm("web-01"), small.host("xs-01"), {})
    blockers = small("host.get_vms_which_prevent_evacuation", small.host("xs-01"))
    assert list(blockers.values()) == [["NO_HOSTS_AVAILABLE", small.vm("web-01")]]
