"""What a host *is*, beyond what the coordinator's database says about it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime

from bot.lab.scenario import Scenario, Update
from bot.lab.xapi.kernel import Process

_RPM = re.compile(r"^(?P<name>.+)-(?P<version>[^-]+)-(?P<release>[^-]+)\.[^.]+$")

#: The machine is powered and its toolstack has finished starting.
UP = "up"
#: The toolstack listens but is not ready: HOST_STILL_BOOTING.
STARTING = "starting"
#: A member's toolstack that cannot work with its coordinator; answers its emergency error to everything.
EMERGENCY = "emergency"
#: The toolstack is stopped, VMs keep running: connections are refused.
STOPPED = "stopped"
#: The operating system is down: connections are refused, nothing runs.
DOWN = "down"


def split_package(package: str) -> tuple[str, str]:
    """`name-version-release.arch` → (name, version-release)."""
    match = _RPM.match(package)
    if match is None:
        raise ValueError(f"{package!r} is no package name")
    return match["name"], f"{match['version']}-{match['release']}"


def version_key(version: str) -> tuple[int, ...]:
    """Numeric comparison key of a dotted version."""
    return tuple(int(part) for part in re.findall(r"\d+", version))


@dataclass(slots=True)
class Machine:
    """One simulated host as a machine: packages on disk, what runs of them, and the state of its toolstack."""

    name: str
    address: str
    number: int
    ref: str
    uuid: str
    #: package → version-release on disk; changes when updates are applied.
    packages: dict[str, str]
    #: What the running Xen and kernel were booted from; changes at boot only.
    booted_xen: str
    booted_kernel: str
    state: str = UP
    #: Ids of the updates on disk.
    applied: set[str] = field(default_factory=set)
    #: component → version it was live-patched to since boot.
    livepatched: dict[str, str] = field(default_factory=dict)
    #: Live patches that failed; they stay visible in `GET /updates`.
    failed_livepatches: list[dict[str, str]] = field(default_factory=list)
    emergency: list[str] = field(default_factory=list)
    #: `host.disable` was called on it since its toolstack started (in-process flag).
    disabled_by_request: bool = False
    #: False: stay disabled over restarts until somebody calls `host.enable`.
    auto_enable: bool = True
    #: Start-up is complete; before that, host.enable answers HOST_STILL_BOOTING.
    ready: bool = True
    #: Since when the coordinator has had no heartbeat of it.
    silent_since: datetime | None = None
    #: host.reboot was accepted and has not ended yet.
    rebooting: bool = False
    #: The machine has not come back since, because a fault holds it.
    lost: bool = False
    #: conflict table of host operations: key → operation (allowed even where the database hides them).
    operations: dict[str, str] = field(default_factory=dict)
    #: Seconds by which its clock is ahead of the coordinator's.
    skew: float = 0.0
    #: Free bytes on the root disk of its control domain.
    disk_free: int = 20 << 30
    #: What its shared storage is like after the next boot: "", "unplugged" or "broken".
    storage_after_boot: str = ""
    link_lost_at_boot: bool = False
    #: Migrations that hold a worker of this host.
    outgoing: int = 0
    incoming: int = 0
    #: What the host itself needs for something, in seconds, where the scenario says so.
    durations: dict[str, float] = field(default_factory=dict)
    #: The processes that stop or start this machine's toolstack.
    lifecycles: list[Process] = field(default_factory=list)

    def begins(self, process: Process) -> None:
        """Remember a process that stops or starts the toolstack, until it is over."""
        self.lifecycles = [known for known in (*self.lifecycles, process) if not known.done]

    def install(self, updates: list[Update]) -> None:
        """Put the packages of `updates` on disk."""
        for update in updates:
            for package in update.packages:
                name, version = split_package(package)
                if version_key(version) >= version_key(self.packages.get(name, "0")):
                    self.packages[name] = version
            self.applied.add(update.id)

    @property
    def xapi_on_disk(self) -> str:
        """The XAPI version that the next toolstack start will run."""
        return self.packages["xapi-core"].split("-")[0]

    def software_version(self, scenario: Scenario) -> dict[str, str]:
        """The map a starting toolstack reports: read from disk, except what needs a boot to change."""
        xapi = self.xapi_on_disk
        release = self.packages["xenserver-release"].split("-")[1]
        first = scenario.installed["xenserver-release"].split("-")[1]
        step = version_key(release)[0] - version_key(first)[0]
        platform = version_key(scenario.base["platform_version"])
        version = {
            "product_brand": "XenServer",
            "product_version": scenario.base["product_version"],
            "product_version_text": "8",
            "product_version_text_short": "8",
            "platform_name": "XCP",
            "platform_version": ".".join(str(part) for part in (*platform[:-1], platform[-1] + step)),
            "build_number": scenario.base["build_number"],
            "hostname": "localhost",
            "date": "2026-10-01",
            "xapi": ".".join(xapi.split(".")[:2]),
            "xapi_build": xapi,
            "xen": self.booted_xen,
            "linux": self.booted_kernel,
            "xencenter_min": "2.21",
            "xencenter_max": "2.21",
            "network_backend": "openvswitch",
            "db_schema": "5.909",
        }
        if "xen" in self.livepatched:
            version["xen_livepatches"] = self.livepatched["xen"]
        if "kernel" in self.livepatched:
            version["kernel_livepatches"] = self.livepatched["kernel"]
        return version

    def boot(self) -> None:
        """The operating system starts: Xen and kernel are those on disk now."""
        self.booted_xen = self.packages["xen-hypervisor"]
        self.booted_kernel = self.packages["kernel"]
        self.livepatched.clear()
        self.failed_livepatches.clear()
