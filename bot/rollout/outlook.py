"""What a pool's updates would cost at each level, kept in short for its notice: worked out once per list of updates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bot.rollout.decision import Estimates
from bot.rollout.forecast import costs_by_level
from bot.rollout.guidance import Level, Task
from bot.rollout.model import AvailableUpdates, PoolSnapshot, PowerState
from bot.rollout.proposal import Choices


@dataclass(frozen=True, slots=True)
class LevelOutlook:
    """One level in numbers. `vms` have to leave their host at least once, which takes `moves` live moves in all (back
    home included); `minutes` is (low, high)."""

    hosts: int
    reboots: int
    toolstacks: int
    vms: int
    moves: int
    restarts: int
    minutes: tuple[int, int]

    def as_dict(self) -> dict[str, Any]:
        """The JSON form that the database keeps."""
        return {**asdict(self), "minutes": list(self.minutes)}

    @staticmethod
    def from_dict(stored: Mapping[str, Any]) -> LevelOutlook:
        """The level behind its JSON form."""
        low, high = stored["minutes"]
        return LevelOutlook(**{**stored, "minutes": (low, high)})


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the updates of `checksum` would cost with `preset`, the pool being as it was then.

    `running` counts the VMs that ran; `livepatches` names what live patches are for (``xen``, ``kernel``), `patched`
    counts the hosts that would take one, `rebooting` those of them that recommended guidance reboots all the same.
    """

    checksum: str
    preset: str
    running: int
    levels: Mapping[Level, LevelOutlook]
    livepatches: tuple[str, ...] = ()
    patched: int = 0
    rebooting: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The JSON form that the database keeps."""
        return {
            "checksum": self.checksum,
            "preset": self.preset,
            "running": self.running,
            "livepatches": list(self.livepatches),
            "patched": self.patched,
            "rebooting": self.rebooting,
            "levels": {level.value: entry.as_dict() for level, entry in self.levels.items()},
        }

    @staticmethod
    def from_dict(stored: Mapping[str, Any]) -> Outlook:
        """The outlook behind its JSON form."""
        levels = {Level(word): LevelOutlook.from_dict(entry) for word, entry in stored["levels"].items()}
        return Outlook(**{**stored, "levels": levels, "livepatches": tuple(stored["livepatches"])})


def outlook(snapshot: PoolSnapshot, updates: AvailableUpdates, choices: Choices, estimates: Estimates) -> Outlook:
    """What the updates would cost with these choices at each level, on the pool as it is.

    What keeps VMs on their hosts is not asked for here: the form does, before anybody asks for a rollout.
    """
    levels = {}
    running = sum(vm.power_state is PowerState.RUNNING for vm in snapshot.vms)
    for level, cost in costs_by_level(snapshot, updates, {}, choices, estimates).items():
        levels[level] = LevelOutlook(
            hosts=len(cost.turns),
            reboots=cost.reboots,
            toolstacks=cost.toolstack_restarts,
            # A VM that leaves one host for another that is emptied later leaves twice.
            vms=min(running, sum(turn.vms_moved for turn in cost.turns if turn.evacuates)),
            moves=cost.migrations,
            restarts=cost.vm_restarts,
            minutes=cost.minutes,
        )
    patched = [host for host in updates.hosts if host.livepatches]
    reboots = [host for host in patched if Task.REBOOT_HOST in host.guidance.at(Level.RECOMMENDED)]
    return Outlook(
        checksum=updates.checksum,
        preset=choices.preset.value,
        running=running,
        levels=levels,
        livepatches=tuple(sorted({patch.split(" ")[0] for host in patched for patch in host.livepatches})),
        patched=len(patched),
        rebooting=len(reboots),
    )
