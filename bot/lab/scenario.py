"""A scenario: which hosts, VMs and updates a simulated pool starts with, read from the files in `scenarios`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from bot.errors import XsbotError

_NOT_SCENARIOS = {"catalogue"}


class ScenarioError(XsbotError):
    """A scenario was asked for that the lab does not have."""


@dataclass(frozen=True, slots=True)
class HostSpec:
    """One host: its name and its memory in GiB.

    The three times, in seconds, are what this host always needs where the scenario's durations would vary;
    `booted_kernel` is the kernel it has been running since its last boot, where that is not the installed one.
    """

    name: str
    memory_gib: int
    apply_s: float | None = None
    reboot_s: float | None = None
    toolstack_s: float | None = None
    booted_kernel: str = ""


@dataclass(frozen=True, slots=True)
class VmSpec:
    """One VM: where it runs, how much memory it has, and what ties it to its host.

    `dirtied` is the share of its memory that a live migration sends twice, because the guest writes meanwhile.
    """

    name: str
    host: str
    memory_gib: int
    power: str = "Running"
    protected: bool = False
    local: bool = False
    pci: bool = False
    vcpus: int = 2
    dirtied: float = 0.0


@dataclass(frozen=True, slots=True)
class Livepatch:
    """One live patch: from which build of Xen or the kernel to which."""

    component: str
    base_build_id: str
    base_version: str
    base_release: str
    to_version: str
    to_release: str

    def as_json(self) -> dict[str, str]:
        """The shape in which `GET /updates` and the failure vectors carry it."""
        return {
            "component": self.component,
            "base_build_id": self.base_build_id,
            "base_version": self.base_version,
            "base_release": self.base_release,
            "to_version": self.to_version,
            "to_release": self.to_release,
        }


@dataclass(frozen=True, slots=True)
class Update:
    """One entry of the update channel, in the fields of XAPI's updateinfo."""

    id: str
    type: str
    severity: str
    issued: str
    title: str
    summary: str
    description: str
    special_info: str
    url: str
    packages: tuple[str, ...]
    guidance: dict[str, tuple[str, ...]]
    livepatches: tuple[Livepatch, ...] = ()


@dataclass(frozen=True, slots=True)
class Durations:
    """How long things take, in simulated seconds (migrations: fixed part plus memory over rate).

    One migration's stream goes at `migration_gib_per_s`; the streams that leave a host share its wire, and so do those
    that arrive.
    """

    apply: float = 240.0
    reboot: float = 480.0
    toolstack: float = 40.0
    sync: float = 120.0
    migration_fixed: float = 5.0
    migration_gib_per_s: float = 0.25
    #: 10 Gbit/s.
    wire_gib_per_s: float = 1.164
    start: float = 20.0
    clean_shutdown: float = 30.0
    hard_shutdown: float = 3.0
    clean_reboot: float = 45.0
    ha_enable: float = 30.0
    ha_disable: float = 15.0
    #: Each duration varies by up to this share, drawn from the scenario's seed.
    jitter: float = 0.05


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything a simulated pool starts with."""

    name: str
    title: str
    pool: str
    seed: int
    hosts: tuple[HostSpec, ...]
    vms: tuple[VmSpec, ...]
    updates: tuple[Update, ...]
    later: tuple[Update, ...]
    installed: dict[str, str]
    base: dict[str, str]
    ha: bool
    wlb: bool
    auto_poweron: bool
    durations: Durations


@cache
def _catalogue() -> dict[str, Any]:
    return tomllib.loads((files("bot.lab.scenarios") / "catalogue.toml").read_text("utf-8"))


def _update(key: str) -> Update:
    raw = dict(_catalogue()["updates"][key])
    raw["packages"] = tuple(raw["packages"])
    raw["guidance"] = {level: tuple(tasks) for level, tasks in raw["guidance"].items()}
    raw["livepatches"] = tuple(Livepatch(**patch) for patch in raw.get("livepatches", ()))
    return Update(**raw)


def _crowd(hosts: tuple[HostSpec, ...], crowds: list[dict[str, Any]]) -> list[VmSpec]:
    vms: list[VmSpec] = []
    for crowd in crowds:
        sizes = crowd["memory_gib"]
        for index in range(crowd["count"]):
            vms.append(
                VmSpec(
                    name=f"{crowd['prefix']}-{index + 1:02d}",
                    host=hosts[len(vms) % len(hosts)].name,
                    memory_gib=sizes[index % len(sizes)],
                    protected=crowd.get("protected", False),
                )
            )
    return vms


@cache
def _names() -> tuple[str, ...]:
    found = {entry.name[:-5] for entry in files("bot.lab.scenarios").iterdir() if entry.name.endswith(".toml")}
    order = ["small", "single", "livepatch", "toolstack-only", "split-guidance", "tight", "pinned", "large"]
    known = [name for name in order if name in found]
    return tuple(known + sorted(found - set(order) - _NOT_SCENARIOS))


def scenario_names() -> list[str]:
    """The names a scenario can be asked for by, the newcomer's one first."""
    return list(_names())


def scenario_titles() -> dict[str, str]:
    """Scenario name → one line for people."""
    return {name: load_scenario(name).title for name in _names()}


@cache
def load_scenario(name: str) -> Scenario:
    """Read a scenario by name; `ScenarioError` names the ones that exist."""
    if name not in _names():
        raise ScenarioError(f"There is no scenario {name!r}.", f"The lab has: {', '.join(_names())}.")
    raw = tomllib.loads((files("bot.lab.scenarios") / f"{name}.toml").read_text("utf-8"))
    hosts = tuple(HostSpec(**host) for host in raw["hosts"])
    vms = [VmSpec(**vm) for vm in raw.get("vms", ())] + _crowd(hosts, raw.get("crowds", []))
    return Scenario(
        name=name,
        title=raw["title"],
        pool=raw["pool"],
        seed=raw["seed"],
        hosts=hosts,
        vms=tuple(vms),
        updates=tuple(_update(key) for key in raw["updates"]),
        later=tuple(_update(key) for key in raw["later"]),
        installed=dict(_catalogue()["installed"]),
        base=dict(_catalogue()["base"]),
        ha=raw.get("ha", False),
        wlb=raw.get("wlb", False),
        auto_poweron=raw.get("auto_poweron", False),
        durations=Durations(**raw.get("durations", {})),
    )
