"""Conditions of one host, and what of them shows when it has booted."""

from __future__ import annotations

from datetime import timedelta

from bot.lab.xapi.conditions.given import Given, condition
from bot.lab.xapi.machine import EMERGENCY, UP, Machine
from bot.lab.xapi.world import GIB, World

#: What an XAPI answers in place of a name while it refuses to work with its coordinator.
_EMERGENCY = ["HOST_MASTER_CANNOT_TALK_BACK", "127.0.0.1"]


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


def after_boot(world: World, machine: Machine) -> None:
    """What a host that has just booted lacks because of a condition."""
    if machine.storage_after_boot:
        _plug_shared(world, machine, False)
        if machine.storage_after_boot == "unplugged":
            machine.storage_after_boot = ""
    if machine.link_lost_at_boot:
        _carrier(world, machine, False)


def _host(given: Given, **fields: object) -> None:
    given.world.db.set("host", given.host.ref, **fields)


def _plug_shared(world: World, machine: Machine, attached: bool) -> None:
    for pbd in world.db.get("host", machine.ref, "PBDs"):
        if world.db.get("SR", world.db.get("PBD", pbd, "SR"), "shared"):
            world.db.set("PBD", pbd, currently_attached=attached)


def _carrier(world: World, machine: Machine, carrier: bool) -> None:
    for pif in world.db.get("host", machine.ref, "PIFs"):
        if world.db.get("PIF", pif, "device") == "eth1":
            world.db.set("PIF_metrics", world.db.get("PIF", pif, "metrics"), carrier=carrier)
