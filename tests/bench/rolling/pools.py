"""Random pools: hosts, VMs and updates of a shape, each drawn from its seed. What every tool finds is the same.

The durations are assumptions, named `typical`: apply 240 s, reboot 480 s, toolstack 40 s, each host's own between 10 %
less and 15 % more; 10 Gbit/s and 0.25 GiB/s for one migration's stream, 5 s for any migration, and 10 to 40 % of a VM's
memory sent twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from bot.lab.pool import LabPool
from bot.lab.scenario import Durations, HostSpec, Livepatch, Scenario, Update, VmSpec, load_scenario
from bot.lab.xapi.build import DOM0_GIB, HOST_OVERHEAD, VM_OVERHEAD
from bot.lab.xapi.world import GIB

TYPICAL = Durations(jitter=0.0)
HOST_GIB = 256
#: What a host has for VMs, and what a VM needs beside its memory, in GiB.
ROOM_GIB = HOST_GIB - DOM0_GIB - HOST_OVERHEAD / GIB
EXTRA_GIB = VM_OVERHEAD / GIB
#: Sizes of VMs in GiB and how often each comes; 13 on average.
_SIZES = {2: 12, 4: 21, 8: 27, 16: 21, 32: 13, 64: 6}
_JITTER = (0.90, 1.15)
_DIRTIED = (0.10, 0.40)

_REBOOT, _TOOLSTACK, _NONE, _EVACUATE = "reboot", "toolstack", "none", "evacuate"
#: Guidance mix → the task of the hosts that are not asked to reboot, and the share that is.
MIXES: dict[str, tuple[str, float]] = {
    "reboot": (_REBOOT, 1.0),
    "half": (_TOOLSTACK, 0.5),
    "quarter": (_TOOLSTACK, 0.25),
    "toolstack": (_TOOLSTACK, 0.0),
    "evacuate": (_EVACUATE, 0.0),
    "none": (_NONE, 0.0),
}


@dataclass(frozen=True, slots=True)
class Shape:
    """What pools are drawn of.

    `memory` is the share of the hosts' memory that VMs take, in percent; `pinned` of the VMs cannot move, the first
    migration of `failing` of them fails, both in percent; with `bad` no member comes back from its reboot; `largest` is
    the largest size of a VM in GiB.
    """

    hosts: int = 16
    memory: int = 60
    guidance: str = "reboot"
    pinned: int = 0
    failing: int = 0
    bad: bool = False
    largest: int = 64


@dataclass(frozen=True, slots=True)
class Draw:
    """One pool: its scenario, what each host is asked for (by name), and which VMs' first migration fails."""

    shape: Shape
    seed: int
    scenario: Scenario
    tasks: dict[str, str]
    failing: tuple[str, ...]

    def disturb(self, pool: LabPool) -> None:
        """Switch on what goes wrong in it."""
        for name in self.failing:
            pool.vm(name).migration_fails(times=1)
        if self.shape.bad:
            for host in pool.hosts[1:]:
                host.never_returns()


def draw(shape: Shape, seed: int) -> Draw:
    """The pool of that seed. Raises KeyError for guidance that is no mix."""
    other, share = MIXES[shape.guidance]
    # A text, because only the hash of a text is the same in every process.
    chance = Random(f"{seed} {shape}")
    names = [f"xs-{number:02d}" for number in range(1, shape.hosts + 1)]
    rebooting = set(chance.sample(names, round(shape.hosts * share)))
    hosts = tuple(_host(chance, name, live_patched=name not in rebooting) for name in names)
    vms = _vms(chance, shape, names)
    failing = chance.sample(vms, round(len(vms) * shape.failing / 100))
    base = load_scenario("large")
    scenario = Scenario(
        name=f"bench-{shape.hosts}-{shape.memory}-{seed}",
        title=f"{shape.hosts} hosts, {shape.memory} % of memory, seed {seed}",
        pool="bench",
        seed=seed,
        hosts=hosts,
        vms=vms,
        updates=(_update(shape.guidance),),
        later=(),
        installed=base.installed,
        base=base.base,
        ha=False,
        wlb=False,
        auto_poweron=False,
        durations=TYPICAL,
    )
    tasks = {name: _REBOOT if name in rebooting else other for name in names}
    return Draw(shape, seed, scenario, tasks, tuple(vm.name for vm in failing))


def _host(chance: Random, name: str, *, live_patched: bool) -> HostSpec:
    apply_s, reboot_s, toolstack_s = (
        round(base * chance.uniform(*_JITTER), 1) for base in (TYPICAL.apply, TYPICAL.reboot, TYPICAL.toolstack)
    )
    # The live patch of `half` and `quarter` fits the installed kernel only.
    kernel = "" if live_patched else "4.19.19-8.0.41.xs8"
    return HostSpec(name, HOST_GIB, apply_s, reboot_s, toolstack_s, kernel)


def _vms(chance: Random, shape: Shape, names: list[str]) -> tuple[VmSpec, ...]:
    sizes = {size: weight for size, weight in _SIZES.items() if size <= shape.largest}
    found: list[VmSpec] = []
    for name in names:
        wanted = min(shape.memory / 100 * chance.uniform(0.9, 1.1), 0.98) * ROOM_GIB
        while True:
            size = chance.choices(list(sizes), list(sizes.values()))[0]
            while size > 2 and size + EXTRA_GIB > wanted:
                size //= 2
            if size + EXTRA_GIB > wanted:
                break
            wanted -= size + EXTRA_GIB
            found.append(
                VmSpec(
                    f"vm-{len(found) + 1:04d}",
                    name,
                    size,
                    pci=chance.random() < shape.pinned / 100,
                    dirtied=round(chance.uniform(*_DIRTIED), 3),
                )
            )
    return tuple(found)


def _update(guidance: str) -> Update:
    package, recommended = {
        "reboot": ("xen-hypervisor-4.17.5-13.xs8.x86_64", "RebootHost"),
        "toolstack": ("xapi-core-26.1.3-1.xs8.x86_64", "RestartToolstack"),
        "evacuate": ("xsconsole-11.0.9-1.xs8.noarch", "EvacuateHost"),
        "none": ("xsconsole-11.0.9-1.xs8.noarch", ""),
    }.get(guidance, ("kernel-4.19.19-8.0.44.xs8.x86_64", "RebootHost"))
    patched = guidance in ("half", "quarter")
    livepatch = Livepatch("kernel", "8346194f2e98a228", "4.19.19", "8.0.42.xs8", "4.19.19", "8.0.44.xs8")
    return Update(
        id=f"UPDATE-BENCH-{guidance}",
        type="SecurityFix",
        severity="High",
        issued="2026-11-03T09:30:00Z",
        title="The update",
        summary="What all of them install.",
        description="",
        special_info="",
        url="",
        packages=(package,),
        guidance={
            "mandatory": (),
            "recommended": (recommended,) if recommended else (),
            "full": (),
            "livepatch": ("RestartToolstack",) if patched else (),
        },
        livepatches=(livepatch,) if patched else (),
    )
