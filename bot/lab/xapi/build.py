"""Builds the objects of a pool from its scenario: hosts, storage, networks, VMs, repositories."""

from __future__ import annotations

from datetime import timedelta

from bot.lab.scenario import HostSpec, VmSpec
from bot.lab.xapi.guests import refresh
from bot.lab.xapi.machine import Machine
from bot.lab.xapi.world import GIB, World

#: Memory of the control domain and of the hypervisor itself.
DOM0_GIB = 2
HOST_OVERHEAD = GIB // 2
VM_OVERHEAD = 16 << 20


def build(world: World, addresses: list[str]) -> None:
    """Fill the database of a fresh world. The first host is the coordinator."""
    db, scenario = world.db, world.scenario
    for number, (spec, address) in enumerate(zip(scenario.hosts, addresses, strict=True), start=1):
        _host(world, spec, address, number)
    first = next(iter(world.machines.values()))
    base = db.create(
        "Repository",
        name_label="XenServer 8 Base",
        name_description="Packages of the release",
        binary_url="https://updates.example.com/xs8/base",
        source_url="https://updates.example.com/xs8/base-source",
        update=False,
    )
    checksum = world.checksum_of(world.synced)
    normal = db.create(
        "Repository",
        name_label="XenServer 8 Normal",
        name_description="Updates after the Early Access phase",
        binary_url="https://updates.example.com/xs8/normal",
        source_url="https://updates.example.com/xs8/normal-source",
        update=True,
        hash=checksum,
    )
    shared = _sr(world, "Shared iSCSI", "lvmoiscsi", list(world.machines.values()), shared=True)
    world.pool = db.create(
        "pool",
        name_label=scenario.pool,
        name_description=scenario.title,
        master=first.ref,
        default_SR=shared,
        suspend_image_SR=shared,
        crash_dump_SR=shared,
        repositories=[base, normal],
        last_update_sync=world.now.replace(microsecond=0) - timedelta(hours=5),
        update_sync_enabled=True,
        update_sync_frequency="weekly",
        update_sync_day=5,
        tls_verification_enabled=True,
        restrictions={"restrict_updates": "false", "restrict_ha": "false", "restrict_wlb": "false"},
        other_config={"auto_poweron": "true"} if scenario.auto_poweron else {},
    )
    if scenario.wlb:
        db.set("pool", world.pool, wlb_enabled=True, wlb_url="wlb.example.com:8012", wlb_username="wlb")
    _networks(world)
    locals_ = {
        machine.name: _sr(world, f"Local storage on {machine.name}", "ext", [machine], shared=False)
        for machine in world.machines.values()
    }
    for machine in world.machines.values():
        db.set("host", machine.ref, suspend_image_sr=shared, crash_dump_sr=shared)
        _dom0(world, machine)
    for vm in scenario.vms:
        _vm(world, vm, locals_[vm.host] if vm.local else shared)
    if scenario.ha:
        statefile = db.create(
            "VDI", name_label="Statefile for HA", SR=shared, type="ha_statefile", virtual_size=4 << 20
        )
        db.set("SR", shared, VDIs=[*db.get("SR", shared, "VDIs"), statefile])
        db.set(
            "pool",
            world.pool,
            ha_enabled=True,
            ha_statefiles=[statefile],
            ha_configuration={"timeout": "60"},
            ha_host_failures_to_tolerate=1,
            ha_plan_exists_for=1,
            ha_cluster_stack="xhad",
        )
    world.mirror = world.coordinator.ref
    for machine in world.machines.values():
        world.refresh_host(machine.ref)
        world.cache[machine.ref] = list(world.synced)
    for ref in db.refs("VM"):
        refresh(world, ref)


def _host(world: World, spec: HostSpec, address: str, number: int) -> None:
    db, scenario = world.db, world.scenario
    metrics = db.create("host_metrics", memory_total=spec.memory_gib * GIB, live=True, last_updated=world.now)
    booted = world.now - timedelta(days=40, minutes=number)
    ref = db.create(
        "host",
        name_label=spec.name,
        name_description=f"Simulated host {number}",
        hostname=spec.name,
        address=address,
        metrics=metrics,
        enabled=True,
        memory_overhead=HOST_OVERHEAD,
        API_version_major=2,
        API_version_minor=23,
        API_version_vendor="XenSource",
        edition="premium-per-socket",
        latest_synced_updates_applied="no",
        last_software_update=booted,
        tls_verification_enabled=True,
        https_only=True,
        ssl_legacy=False,
        license_params={"restrict_updates": "false"},
        cpu_info={"cpu_count": "32", "socket_count": "2", "vendor": "GenuineIntel"},
        other_config={
            "boot_time": f"{booted.timestamp():.0f}.",
            "agent_start_time": f"{booted.timestamp() + 60:.0f}.",
        },
    )
    machine = Machine(
        name=spec.name,
        address=address,
        number=number,
        ref=ref,
        uuid=db.get("host", ref, "uuid"),
        packages=dict(scenario.installed),
        booted_xen=scenario.installed["xen-hypervisor"],
        booted_kernel=spec.booted_kernel or scenario.installed["kernel"],
        durations={
            what: seconds
            for what, seconds in (
                ("apply", spec.apply_s),
                ("reboot", spec.reboot_s),
                ("toolstack", spec.toolstack_s),
            )
            if seconds is not None
        },
    )
    world.machines[spec.name] = machine
    db.set("host", ref, software_version=machine.software_version(scenario))


def _networks(world: World) -> None:
    db = world.db
    for index, label in enumerate(("Management", "Guests")):
        network = db.create("network", name_label=label, bridge=f"xenbr{index}", managed=True)
        pifs = []
        for machine in world.machines.values():
            pif = db.create(
                "PIF",
                metrics=db.create("PIF_metrics", carrier=True, speed=10_000, duplex=True, last_updated=world.now),
                managed=True,
                device=f"eth{index}",
                network=network,
                host=machine.ref,
                physical=True,
                management=index == 0,
                currently_attached=True,
                ip_configuration_mode="Static" if index == 0 else "None",
                IP=machine.address if index == 0 else "",
                MAC=f"02:00:{world.number >> 8:02x}:{world.number & 255:02x}:{index:02x}:{machine.number:02x}",
                VLAN=-1,
            )
            pifs.append(pif)
            db.set("host", machine.ref, PIFs=[*db.get("host", machine.ref, "PIFs"), pif])
        db.set("network", network, PIFs=pifs)


def _sr(world: World, label: str, type_: str, machines: list[Machine], shared: bool) -> str:
    db = world.db
    sr = db.create(
        "SR",
        name_label=label,
        type=type_,
        shared=shared,
        content_type="user",
        physical_size=8192 * GIB,
        physical_utilisation=1024 * GIB,
    )
    for machine in machines:
        pbd = db.create("PBD", SR=sr, host=machine.ref, currently_attached=True)
        db.set("SR", sr, PBDs=[*db.get("SR", sr, "PBDs"), pbd])
        db.set("host", machine.ref, PBDs=[*db.get("host", machine.ref, "PBDs"), pbd])
    return sr


def _dom0(world: World, machine: Machine) -> None:
    db = world.db
    vm = db.create(
        "VM",
        name_label=f"Control domain on host: {machine.name}",
        power_state="Running",
        is_control_domain=True,
        memory_static_max=DOM0_GIB * GIB,
        memory_dynamic_max=DOM0_GIB * GIB,
        memory_dynamic_min=DOM0_GIB * GIB,
        VCPUs_max=8,
        VCPUs_at_startup=8,
        metrics=db.create("VM_metrics", start_time=world.now),
    )
    world.place(vm, machine.ref)
    db.set("host", machine.ref, control_domain=vm)


def _vm(world: World, spec: VmSpec, sr: str) -> None:
    db = world.db
    memory = spec.memory_gib * GIB
    host = world.machines[spec.host].ref
    other_config: dict[str, str] = {"auto_poweron": "true"} if world.scenario.auto_poweron else {}
    if spec.pci:
        other_config["pci"] = "0/0000:3b:00.0"
    vm = db.create(
        "VM",
        name_label=spec.name,
        name_description=f"{spec.memory_gib} GiB guest",
        power_state=spec.power,
        affinity=host,
        memory_overhead=VM_OVERHEAD,
        memory_static_max=memory,
        memory_static_min=memory // 2,
        memory_dynamic_max=memory,
        memory_dynamic_min=memory,
        memory_target=memory,
        VCPUs_max=spec.vcpus,
        VCPUs_at_startup=spec.vcpus,
        actions_after_reboot="restart",
        actions_after_crash="restart",
        HVM_boot_policy="BIOS order",
        domain_type="hvm",
        platform={"device-model": "qemu-upstream-compat", "cores-per-socket": "1", "viridian": "false"},
        other_config=other_config,
        attached_PCIs=[f"OpaqueRef:{db.new_uuid()}"] if spec.pci else [],
        ha_restart_priority="restart" if spec.protected else "",
        ha_always_run=spec.protected,
        metrics=db.create("VM_metrics", start_time=world.now, hvm=True),
        guest_metrics=db.create("VM_guest_metrics", PV_drivers_detected=True, PV_drivers_up_to_date=True, live=True),
    )
    world.dirtied[vm] = spec.dirtied
    vdi = db.create("VDI", name_label=f"{spec.name} disk", SR=sr, type="user", virtual_size=40 * GIB, managed=True)
    disk = db.create(
        "VBD", VM=vm, VDI=vdi, userdevice="0", device="xvda", bootable=True, mode="RW", type="Disk",
        currently_attached=spec.power == "Running",
    )  # fmt: skip
    drive = db.create("VBD", VM=vm, userdevice="3", device="xvdd", mode="RO", type="CD", empty=True)
    db.set("VDI", vdi, VBDs=[disk])
    db.set("SR", sr, VDIs=[*db.get("SR", sr, "VDIs"), vdi])
    network = db.find("network", name_label="Guests")
    vif = db.create(
        "VIF", VM=vm, network=network, device="0", MTU=1500, currently_attached=spec.power == "Running",
        MAC=f"06:00:00:{world.random.randrange(256):02x}:{world.random.randrange(256):02x}:01",
        locking_mode="network_default",
    )  # fmt: skip
    db.set("network", network, VIFs=[*db.get("network", network, "VIFs"), vif])
    db.set("VM", vm, VBDs=[disk, drive], VIFs=[vif])
    if spec.power in ("Running", "Paused"):
        world.place(vm, host)
