"""Conditions of one VM."""

from __future__ import annotations

from bot.lab.xapi.conditions.given import Given, condition
from bot.lab.xapi.failure import NULL
from bot.lab.xapi.guests import halt, refresh
from bot.lab.xapi.kernel import Steps
from bot.lab.xapi.machine import Machine
from bot.lab.xapi.world import World


@condition
def tools_missing(given: Given) -> None:
    """The VM runs without the VM Tools: it can be neither moved, suspended nor shut down cleanly."""
    _guest(given, PV_drivers_detected=not given.on, PV_drivers_up_to_date=not given.on, live=not given.on)


@condition
def tools_old(given: Given) -> None:
    """The VM Tools in the VM are out of date."""
    _guest(given, PV_drivers_up_to_date=not given.on)


@condition
def agent_silent(given: Given) -> None:
    """The guest agent of the VM does not report after its next move or start (off: it reports again)."""
    name = given.world.name("VM", given.vm)
    (given.world.faults.silent_guests.add if given.on else given.world.faults.silent_guests.discard)(name)
    if not given.on:
        _guest(given, live=True)


@condition
def vm_dies(given: Given) -> None:
    """The VM stops by itself, now."""
    if given.on and given.world.db.get("VM", given.vm, "power_state") == "Running":
        host = given.world.db.get("VM", given.vm, "resident_on")
        halt(given.world, given.vm)
        given.world.effect("vm_shut_down", host, given.vm, by="itself", operation="crash")


@condition
def vgpu(given: Given) -> None:
    """The VM has a virtual GPU."""
    _vm(given, VGPUs=[f"OpaqueRef:{given.world.db.new_uuid()}"] if given.on else [])


@condition
def usb_device(given: Given) -> None:
    """The VM uses a USB device of its host."""
    _vm(given, VUSBs=[f"OpaqueRef:{given.world.db.new_uuid()}"] if given.on else [])


@condition
def sriov(given: Given) -> None:
    """The VM has an interface on an SR-IOV network without room on the other hosts."""
    db = given.world.db
    network = db.find("network", name_label="SR-IOV")
    if network == NULL:
        network = db.create("network", name_label="SR-IOV", bridge="", managed=True)
        for machine in given.world.machines.values():
            pif = db.create(
                "PIF", device="eth5", network=network, host=machine.ref, managed=True, currently_attached=True,
                sriov_logical_PIF_of=[f"OpaqueRef:{db.new_uuid()}"], VLAN=-1,
            )  # fmt: skip
            db.set("host", machine.ref, PIFs=[*db.get("host", machine.ref, "PIFs"), pif])
    for vif in [ref for ref, entry in db.items("VIF") if entry["VM"] == given.vm and entry["network"] == network]:
        db.set("VM", given.vm, VIFs=[ref for ref in db.get("VM", given.vm, "VIFs") if ref != vif])
        db.delete("VIF", vif)
    if given.on:
        vif = db.create("VIF", VM=given.vm, network=network, device="1", currently_attached=True)
        db.set("VM", given.vm, VIFs=[*db.get("VM", given.vm, "VIFs"), vif])


@condition
def local_cd(given: Given) -> None:
    """A disc from storage that only the VM's host has lies in the VM's drive."""
    db = given.world.db
    host = db.get("VM", given.vm, "resident_on")
    if given.on and host == NULL:
        return
    _insert(given, _iso_sr(given.world, given.world.machine(host)) if given.on else NULL, "driver-disc.iso")


@condition
def tools_cd(given: Given) -> None:
    """The disc of the VM Tools lies in the VM's drive; every host has its own copy of it."""
    db = given.world.db
    sr = db.find("SR", is_tools_sr=True)
    if sr == NULL:
        sr = _new_sr(given.world, "XenServer Tools", list(given.world.machines.values()), is_tools_sr=True)
    _insert(given, sr if given.on else NULL, "guest-tools.iso")


@condition
def backup_running(given: Given) -> None:
    """A backup takes a snapshot of the VM, for `seconds` (default: until switched off)."""
    world, key = given.world, f"OpaqueRef:backup-{given.vm}"
    world.db.drop("VM", given.vm, "current_operations", key)
    if not given.on:
        return
    world.db.put("VM", given.vm, "current_operations", key, "snapshot")
    if given.seconds:
        world.kernel.spawn(_ends(world, given.vm, key, given.seconds))


@condition
def paravirtual(given: Given) -> None:
    """The VM is a paravirtual one, which newer releases do not run."""
    _vm(given, domain_type="pv_in_pvh" if given.on else "hvm")


@condition
def container_managed(given: Given) -> None:
    """The VM is under container management, which newer releases do not have."""
    if given.on:
        given.world.db.put("VM", given.vm, "other_config", "xscontainer-monitor", "true")
    else:
        given.world.db.drop("VM", given.vm, "other_config", "xscontainer-monitor")


@condition
def kept_apart(given: Given) -> None:
    """Every VM of the pool belongs to one group whose VMs should run on different hosts."""
    db = given.world.db
    for ref in db.refs("VM_group"):
        db.delete("VM_group", ref)
    guests = [ref for ref, vm in db.items("VM") if not vm["is_control_domain"] and not vm["is_a_template"]]
    group = db.create("VM_group", name_label="database", placement="anti_affinity", VMs=guests) if given.on else NULL
    for ref in guests:
        db.set("VM", ref, groups=[group] if given.on else [])


def _vm(given: Given, **fields: object) -> None:
    given.world.db.set("VM", given.vm, **fields)
    refresh(given.world, given.vm)


def _guest(given: Given, **fields: bool) -> None:
    given.world.db.set("VM_guest_metrics", given.world.db.get("VM", given.vm, "guest_metrics"), **fields)
    refresh(given.world, given.vm)


def _insert(given: Given, sr: str, label: str) -> None:
    db = given.world.db
    drive = next(ref for ref in db.get("VM", given.vm, "VBDs") if db.get("VBD", ref, "type") == "CD")
    if sr == NULL:
        db.set("VBD", drive, VDI=NULL, empty=True)
        return
    disc = next((ref for ref, vdi in db.items("VDI") if vdi["SR"] == sr and vdi["name_label"] == label), NULL)
    if disc == NULL:
        disc = db.create("VDI", name_label=label, SR=sr, type="user", virtual_size=700 << 20, read_only=True)
    db.set("VBD", drive, VDI=disc, empty=False)


def _iso_sr(world: World, machine: Machine) -> str:
    label = f"ISOs on {machine.name}"
    sr = world.db.find("SR", name_label=label)
    return sr if sr != NULL else _new_sr(world, label, [machine])


def _new_sr(world: World, label: str, machines: list[Machine], **fields: object) -> str:
    db = world.db
    sr = db.create("SR", name_label=label, type="iso", content_type="iso", shared=False, **fields)
    for machine in machines:
        pbd = db.create("PBD", SR=sr, host=machine.ref, currently_attached=True)
        db.set("SR", sr, PBDs=[*db.get("SR", sr, "PBDs"), pbd])
        db.set("host", machine.ref, PBDs=[*db.get("host", machine.ref, "PBDs"), pbd])
    return sr


def _ends(world: World, vm: str, key: str, seconds: float) -> Steps:
    yield seconds
    world.db.drop("VM", vm, "current_operations", key)
