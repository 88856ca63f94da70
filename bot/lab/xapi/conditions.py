"""Conditions with names: what production pools are like when nobody looks, each switched on or off on a running world.

Faults make something go wrong at the next opportunity; a condition simply holds, and the pool's records show it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from bot.lab.xapi.failure import NULL
from bot.lab.xapi.faults import FAULTS, FaultError
from bot.lab.xapi.guests import halt, refresh
from bot.lab.xapi.kernel import Steps
from bot.lab.xapi.machine import EMERGENCY, UP, Machine
from bot.lab.xapi.surface import EPOCH
from bot.lab.xapi.world import GIB, World

#: What an XAPI answers in place of a name while it refuses to work with its coordinator.
_EMERGENCY = ["HOST_MASTER_CANNOT_TALK_BACK", "127.0.0.1"]


@dataclass(frozen=True, slots=True)
class Given:
    """What a condition was called with; a condition that needs a host or VM says so when there is none."""

    world: World
    on: bool
    machine: Machine | None
    guest: str
    seconds: float

    @property
    def host(self) -> Machine:
        """The machine. Raises `FaultError`."""
        if self.machine is None:
            raise FaultError("This fault needs the name of a host.", f"Hosts: {', '.join(self.world.machines)}.")
        return self.machine

    @property
    def vm(self) -> str:
        """The VM's ref. Raises `FaultError`."""
        if self.guest == NULL:
            raise FaultError("This fault needs the name of a VM.")
        return self.guest


Condition = Callable[[Given], None]

#: Name → what it does.
CONDITIONS: dict[str, Condition] = {}


def condition(switch: Condition) -> Condition:
    """Register a condition under its function's name, with its docstring as the description."""
    CONDITIONS[switch.__name__] = switch
    told = (switch.__doc__ or "").strip().rstrip(".")
    FAULTS[switch.__name__] = told[:1].lower() + told[1:]
    return switch


def _pool(given: Given, **fields: object) -> None:
    given.world.db.set("pool", given.world.pool, **fields)


def _host(given: Given, **fields: object) -> None:
    given.world.db.set("host", given.host.ref, **fields)


def _vm(given: Given, **fields: object) -> None:
    given.world.db.set("VM", given.vm, **fields)
    refresh(given.world, given.vm)


def _restrict(given: Given, *features: str) -> None:
    present = dict(given.world.db.get("pool", given.world.pool, "restrictions"))
    _pool(given, restrictions={**present, **{f"restrict_{name}": str(given.on).lower() for name in features}})


# -- the pool ---------------------------------------------------------------------------------------------------------


@condition
def licence_without_updates(given: Given) -> None:
    """The licence forbids installing updates."""
    _restrict(given, "updates")


@condition
def livepatching_off(given: Given) -> None:
    """Live patching is switched off in the pool."""
    _pool(given, live_patching_disabled=given.on)


@condition
def secret_rotation_unfinished(given: Given) -> None:
    """A change of the pool secret is unfinished."""
    _pool(given, is_psr_pending=given.on)


@condition
def ha_overcommitted(given: Given) -> None:
    """HA has more to protect than fits after a host failure."""
    _pool(given, ha_overcommitted=given.on, ha_plan_exists_for=0 if given.on else 1)


@condition
def vswitch_controller(given: Given) -> None:
    """The pool is managed by a vSwitch controller."""
    _pool(given, vswitch_controller="10.0.0.9" if given.on else "")


@condition
def never_synced(given: Given) -> None:
    """The pool was never synchronised (off: as if it had been, an hour ago)."""
    world = given.world
    checksum = "" if given.on else world.checksum_of(world.synced)
    world.db.set("Repository", world.repository, hash=checksum)
    _pool(given, last_update_sync=EPOCH if given.on else world.now - timedelta(hours=1))


@condition
def synced_long_ago(given: Given) -> None:
    """The last synchronisation is 40 days old."""
    _pool(given, last_update_sync=given.world.now - (timedelta(days=40) if given.on else timedelta(hours=1)))


@condition
def clustered_storage(given: Given) -> None:
    """The shared storage is a clustered one (GFS2)."""
    for ref, sr in given.world.db.items("SR"):
        if sr["shared"]:
            given.world.db.set("SR", ref, clustered=given.on, type="gfs2" if given.on else "lvmoiscsi")


@condition
def suspend_storage_full(given: Given) -> None:
    """Less than a GiB is left on the storage for suspended VMs."""
    sr = given.world.db.get("pool", given.world.pool, "suspend_image_SR")
    size = given.world.db.get("SR", sr, "physical_size")
    given.world.db.set("SR", sr, physical_utilisation=size - GIB // 2 if given.on else 1024 * GIB)


@condition
def interrupted_upgrade(given: Given) -> None:
    """Somebody began a rolling upgrade and did not finish it: the pool carries the flag."""
    if given.on:
        given.world.db.put("pool", given.world.pool, "other_config", "rolling_upgrade_in_progress", "true")
    else:
        given.world.db.drop("pool", given.world.pool, "other_config", "rolling_upgrade_in_progress")


# -- hosts ------------------------------------------------------------------------------------------------------------


@condition
def clock_off(given: Given) -> None:
    """The host's clock is `seconds` (default: 120) ahead."""
    given.host.skew = (given.seconds or 120.0) if given.on else 0.0


@condition
def disk_full(given: Given) -> None:
    """The root disk of the host's control domain is nearly full, and the host has complained."""
    world, host = given.world, given.host
    host.disk_free = GIB // 4 if given.on else 20 * GIB
    dom0 = str(world.db.get("VM", world.db.get("host", host.ref, "control_domain"), "uuid"))
    for ref in [ref for ref, message in world.db.items("message") if message["obj_uuid"] == dom0]:
        world.db.delete("message", ref)
    if given.on:
        body = 'value: 0.957\nconfig:\n<variable>\n\t<name value="fs_usage"/>\n</variable>'
        world.message("ALARM", "VM", dom0, body)


@condition
def toolstack_unreachable(given: Given) -> None:
    """The host counts as live, but its toolstack is in emergency mode."""
    host = given.host
    if given.world.is_coordinator(host):
        return
    if given.on and host.state == UP:
        host.state, host.emergency = EMERGENCY, list(_EMERGENCY)
    elif not given.on and host.emergency == _EMERGENCY:
        host.state, host.emergency = UP, []


@condition
def host_in_maintenance(given: Given) -> None:
    """Somebody took the host out of service."""
    given.world.set_enabled(given.host, not given.on, by="somebody")
    given.host.auto_enable = not given.on


@condition
def storage_unplugged(given: Given) -> None:
    """The host lost its connection to the shared storage."""
    _plug_shared(given.world, given.host, not given.on)


@condition
def storage_lost_at_boot(given: Given) -> None:
    """After its next boot the host has not connected its shared storage; plugging it by hand works."""
    given.host.storage_after_boot = "unplugged" if given.on else ""


@condition
def storage_broken_at_boot(given: Given) -> None:
    """After its next boot the host has not connected its shared storage, and cannot (off: it can again)."""
    given.host.storage_after_boot = "broken" if given.on else ""


@condition
def link_down(given: Given) -> None:
    """A network interface of the host has no link."""
    _carrier(given.world, given.host, not given.on)


@condition
def link_down_at_boot(given: Given) -> None:
    """After its next boot a network interface of the host has no link (off: it has one again)."""
    given.host.link_lost_at_boot = given.on
    if not given.on:
        _carrier(given.world, given.host, True)


@condition
def bond_degraded(given: Given) -> None:
    """One of the two interfaces of the host's bond has no link."""
    db = given.world.db
    guests = next(
        ref for ref in db.get("host", given.host.ref, "PIFs") if db.get("PIF", ref, "device") in ("eth1", "bond0")
    )
    if db.get("PIF", guests, "device") == "eth1":
        slaves = [
            db.create("PIF", device=name, host=given.host.ref, physical=True, managed=True, VLAN=-1)
            for name in ("eth2", "eth3")
        ]
        bond = db.create("Bond", master=guests, slaves=slaves, links_up=2)
        for slave in slaves:
            db.set("PIF", slave, bond_slave_of=bond)
        db.set("PIF", guests, device="bond0", physical=False, bond_master_of=[bond])
    bond = db.get("PIF", guests, "bond_master_of")[0]
    db.set("Bond", bond, links_up=1 if given.on else 2)


@condition
def licence_expired(given: Given) -> None:
    """The host's licence ended yesterday."""
    ends = given.world.now + timedelta(days=-1 if given.on else 365)
    present = dict(given.world.db.get("host", given.host.ref, "license_params"))
    _host(given, license_params={**present, "expiry": ends.strftime("%Y%m%dT%H:%M:%SZ")})


@condition
def other_processor(given: Given) -> None:
    """The host's processor has fewer features than those of the others."""
    present = dict(given.world.db.get("host", given.host.ref, "cpu_info"))
    _host(given, cpu_info={**present, "features_hvm": "1fcbfbff-80b82221" if given.on else ""})


@condition
def legacy_tls(given: Given) -> None:
    """The host still accepts old TLS versions."""
    _host(given, ssl_legacy=given.on)


@condition
def power_on_by_ilo(given: Given) -> None:
    """The host is configured to be powered on through iLO, which newer releases do not have."""
    _host(given, power_on_mode="iLO" if given.on else "")


@condition
def other_update_level(given: Given) -> None:
    """The host was last updated to another level than the others."""
    _host(given, last_update_hash="5" * 64 if given.on else "")


@condition
def updated_long_ago(given: Given) -> None:
    """The host was last updated seven months ago."""
    _host(given, last_software_update=given.world.now - timedelta(days=213 if given.on else 40))


@condition
def old_toolstack(given: Given) -> None:
    """The host runs a toolstack from before the present way of updating."""
    version = given.host.software_version(given.world.scenario)
    if given.on:
        version |= {"xapi": "23.9", "xapi_build": "23.9.0"}
    _host(given, software_version=version)


@condition
def restart_pending(given: Given) -> None:
    """An earlier update still wants the host to reboot (recommended)."""
    _host(given, pending_guidances_recommended=["reboot_host"] if given.on else [])


@condition
def mandatory_pending(given: Given) -> None:
    """An earlier update still demands that the host reboots."""
    _host(given, pending_guidances=["reboot_host"] if given.on else [])


@condition
def livepatch_failed_before(given: Given) -> None:
    """A live patch failed on the host some time ago."""
    _host(given, pending_guidances_full=["reboot_host_on_kernel_livepatch_failure"] if given.on else [])


@condition
def updates_unknown(given: Given) -> None:
    """The coordinator's table of available updates lacks the host."""
    if given.on and len(given.world.cache) > 1:
        given.world.cache.pop(given.host.ref, None)
    elif not given.on:
        given.world.cache[given.host.ref] = list(given.world.synced)


@condition
def somebody_works_on_host(given: Given) -> None:
    """Somebody empties the host, or so its operations say."""
    if given.on:
        given.host.operations["somebody"] = "evacuate"
    else:
        given.host.operations.pop("somebody", None)
    given.world.refresh_host(given.host.ref)


# -- VMs --------------------------------------------------------------------------------------------------------------


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


# -- pieces -----------------------------------------------------------------------------------------------------------


def _ends(world: World, vm: str, key: str, seconds: float) -> Steps:
    yield seconds
    world.db.drop("VM", vm, "current_operations", key)


def _guest(given: Given, **fields: bool) -> None:
    given.world.db.set("VM_guest_metrics", given.world.db.get("VM", given.vm, "guest_metrics"), **fields)
    refresh(given.world, given.vm)


def _plug_shared(world: World, machine: Machine, attached: bool) -> None:
    for pbd in world.db.get("host", machine.ref, "PBDs"):
        if world.db.get("SR", world.db.get("PBD", pbd, "SR"), "shared"):
            world.db.set("PBD", pbd, currently_attached=attached)


def _carrier(world: World, machine: Machine, carrier: bool) -> None:
    for pif in world.db.get("host", machine.ref, "PIFs"):
        if world.db.get("PIF", pif, "device") == "eth1":
            world.db.set("PIF_metrics", world.db.get("PIF", pif, "metrics"), carrier=carrier)


def after_boot(world: World, machine: Machine) -> None:
    """What a host that has just booted lacks because of a condition."""
    if machine.storage_after_boot:
        _plug_shared(world, machine, False)
        if machine.storage_after_boot == "unplugged":
            machine.storage_after_boot = ""
    if machine.link_lost_at_boot:
        _carrier(world, machine, False)


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
