"""What became of the pool: a verdict from the world's own state and logs, never from anybody's beliefs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from bot.lab.journal import Effect
from bot.lab.xapi.world import World

_RUNNING = {"vm_started", "vm_resumed"}
_NOT_RUNNING = {"vm_shut_down", "vm_suspended"}
#: Effects that are not the work of whoever carries out the update.
_NOT_WORK = {"fault", "rolling_upgrade", "host_assumed_dead", "synced"}


def _settings(world: World) -> dict[str, Any]:
    pool = world.db.record("pool", world.pool)
    return {
        "wlb_enabled": pool["wlb_enabled"],
        "wlb_url": pool["wlb_url"],
        "update_sync_enabled": pool["update_sync_enabled"],
        "update_sync_frequency": pool["update_sync_frequency"],
        "update_sync_day": pool["update_sync_day"],
        "other_config": {
            key: text for key, text in pool["other_config"].items() if key != "rolling_upgrade_in_progress"
        },
        "snapshot_schedules": {entry["name_label"]: entry["enabled"] for _, entry in world.db.items("VMSS")},
        "hosts_enabled": {host["name_label"]: host["enabled"] for _, host in world.db.items("host")},
    }


def _ha(world: World) -> dict[str, Any]:
    pool = world.db.record("pool", world.pool)
    names = ("ha_enabled", "ha_configuration", "ha_host_failures_to_tolerate", "ha_allow_overcommit")
    ha = {name: pool[name] for name in names}
    ha["srs"] = sorted(world.db.get("VDI", vdi, "SR") for vdi in pool["ha_statefiles"])
    return ha


def _homes(world: World) -> dict[str, tuple[str, str]]:
    return {
        vm["name_label"]: (vm["power_state"], world.name("host", vm["resident_on"]))
        for _, vm in world.db.items("VM")
        if not vm["is_control_domain"] and not vm["is_a_template"]
    }


@dataclass(frozen=True, slots=True)
class Baseline:
    """How the pool began."""

    at: datetime
    settings: dict[str, Any]
    ha: dict[str, Any]
    homes: dict[str, tuple[str, str]]

    @staticmethod
    def of(world: World) -> Baseline:
        """Take down the pool as it is now."""
        return Baseline(world.now, _settings(world), _ha(world), _homes(world))


@dataclass(frozen=True, slots=True)
class Verdict:
    """The figures about a run. Times are simulated seconds."""

    hosts: int
    vms: int
    migrations: int
    reboots: int
    reboots_by_host: dict[str, int]
    toolstack_restarts: int
    #: From the first change of the pool to the last.
    makespan_s: float
    ha_restored: bool
    settings_restored: bool
    #: Names of settings that are not as they began.
    settings_changed: list[str]
    vms_home: bool
    #: VM → where it should be and where it is, for those that are not home.
    vms_away: dict[str, dict[str, str]]
    all_updated: bool
    #: Hosts whose last_update_hash is not the repository's, or that do not run what is on their disk.
    hosts_behind: list[str]
    #: VM → seconds in which a VM that ran at the beginning did not run.
    vm_downtime: dict[str, float]
    #: What nobody should ever do to a pool, in words.
    violations: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def judge(world: World, baseline: Baseline) -> Verdict:
    """Compare the pool with how it began and read its log of effects."""
    effects = world.journal.effects
    work = [effect for effect in effects if effect.kind not in _NOT_WORK]
    by_host = dict.fromkeys(world.machines, 0)
    for effect in effects:
        if effect.kind == "host_rebooted":
            by_host[effect.host] += 1
    now, then = _settings(world), baseline.settings
    changed = [name for name in then if now[name] != then[name]]
    homes = _homes(world)
    away = {
        name: {"began": " on ".join(filter(None, home)), "is": " on ".join(filter(None, homes.get(name, ("gone", ""))))}
        for name, home in baseline.homes.items()
        if homes.get(name) != home
    }
    behind = _behind(world)
    return Verdict(
        hosts=len(world.machines),
        vms=len(baseline.homes),
        migrations=sum(effect.kind == "vm_migrated" for effect in effects),
        reboots=sum(by_host.values()),
        reboots_by_host=by_host,
        toolstack_restarts=sum(effect.kind == "toolstack_restarted" for effect in effects),
        makespan_s=round((work[-1].at - work[0].at).total_seconds(), 1) if work else 0.0,
        ha_restored=_ha(world) == baseline.ha,
        settings_restored=not changed,
        settings_changed=changed,
        vms_home=not away,
        vms_away=away,
        all_updated=not behind,
        hosts_behind=behind,
        vm_downtime=_downtime(effects, baseline, world.now),
        violations=_violations(effects),
    )


def _behind(world: World) -> list[str]:
    behind = []
    for machine in world.machines.values():
        host = world.db.record("host", machine.ref)
        running = host["software_version"]["xapi_build"] == machine.xapi_on_disk
        if host["last_update_hash"] != world.checksum or not running:
            behind.append(machine.name)
    return behind


def _downtime(effects: list[Effect], baseline: Baseline, now: datetime) -> dict[str, float]:
    down: dict[str, datetime] = {}
    total: dict[str, float] = {}
    for effect in effects:
        if baseline.homes.get(effect.vm, ("", ""))[0] != "Running":
            continue
        if effect.kind in _NOT_RUNNING:
            down.setdefault(effect.vm, effect.at)
        elif effect.kind in _RUNNING and effect.vm in down:
            total[effect.vm] = total.get(effect.vm, 0.0) + (effect.at - down.pop(effect.vm)).total_seconds()
    for vm, since in down.items():
        total[vm] = total.get(vm, 0.0) + (now - since).total_seconds()
    return {vm: round(seconds, 1) for vm, seconds in total.items()}


def _violations(effects: list[Effect]) -> list[str]:
    found: list[str] = []
    for effect in effects:
        if effect.kind == "rebooted_with_vms":
            found.append(f"{effect.host} was rebooted while {', '.join(effect.detail['vms'])} ran on it")
        elif effect.kind == "vm_shut_down" and effect.detail.get("by") == "reboot":
            found.append(f"{effect.vm} was shut down by the reboot of {effect.host}")
        elif effect.kind == "startup_blocked":
            found.append(f"{effect.host} started with a newer management stack than the coordinator's")
    return found
