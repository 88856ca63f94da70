"""How far one VM is on its way from its host or back to it, for the people who watch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

#: Percent are told in steps of so many: a message whose words are the same is not sent again.
_STEP = 5
#: So many VMs are named where there is little room.
FEW = 3


class VmStep(StrEnum):
    """What is being done to a VM."""

    WAITING = "waiting"
    MOVING = "moving"
    SUSPENDING = "suspending"
    SHUTTING_DOWN = "shutting_down"
    RESUMING = "resuming"
    STARTING = "starting"
    RESTARTING = "restarting"


@dataclass(frozen=True, slots=True)
class VmProgress:
    """One VM of a host's turn.

    `percent` is what XAPI says of the task (``task.progress``), rounded down, None where it does not; `to` the name of
    the host that the VM moves to, "" where that is not known. `error` is XAPI's code with parameters of the last try
    that failed, empty when none did or when it worked since; `tries` how often it was asked for in all.
    """

    uuid: str
    name: str
    step: VmStep = VmStep.WAITING
    percent: int | None = None
    to: str = ""
    error: tuple[str, ...] = ()
    tries: int = 0

    @property
    def in_hand(self) -> bool:
        """Whether there is more to tell than that it waits for its turn."""
        return self.step is not VmStep.WAITING or bool(self.error)

    def as_dict(self) -> dict[str, Any]:
        """The JSON form that the database keeps, without what is usual."""
        found: dict[str, Any] = {"uuid": self.uuid, "name": self.name, "step": self.step.value}
        more = {"percent": self.percent, "to": self.to, "error": list(self.error), "tries": self.tries}
        return found | {key: value for key, value in more.items() if value or (key == "percent" and value is not None)}

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> VmProgress:
        """The progress kept as JSON by `as_dict`."""
        return VmProgress(
            uuid=str(data["uuid"]),
            name=str(data["name"]),
            step=VmStep(data["step"]),
            percent=data.get("percent"),
            to=str(data.get("to", "")),
            error=tuple(map(str, data.get("error", ()))),
            tries=int(data.get("tries", 0)),
        )


def rounded(share: float) -> int:
    """XAPI's share from 0 to 1 as percent in few steps; never more than is done."""
    return min(100, max(0, int(share * 100 + 1e-9))) // _STEP * _STEP


def briefly(vms: Sequence[VmProgress]) -> tuple[tuple[VmProgress, ...], int]:
    """The first few of those in hand, those under way before those that only wait to be tried again; and how many more
    there are."""
    shown = sorted((vm for vm in vms if vm.in_hand), key=lambda vm: vm.step is VmStep.WAITING)
    return tuple(shown[:FEW]), max(0, len(shown) - FEW)
