"""Random pools for the planner, and what really happens on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from bot.rollout.planner.policy import Policy
from bot.rollout.planner.simulation import Course, Reality, Simulation
from bot.rollout.planner.view import Guest, Node, Stage, View

GIB = 2**30


@dataclass
class Pool:
    """A pool drawn from a seed: `load` is the share of memory in use, `mix` what the hosts need (reboot, toolstack,
    half, none), `pinned` the share of VMs that cannot move, `wrong` by which factor the planner's estimates are off."""

    hosts: int = 8
    load: float = 0.6
    seed: int = 0
    mix: str = "reboot"
    sizes: tuple[int, ...] = (2, 4, 8, 8, 16, 16, 32)
    pinned: float = 0.0
    wrong: float = 1.0
    homes: bool = False
    host_gib: int = 256
    apply: dict[str, float] = field(default_factory=dict)
    tail: dict[str, float] = field(default_factory=dict)

    def view(self, *, believed: bool = True) -> View:
        """The pool as the planner sees it, or (without `believed`) with its real durations."""
        luck = Random(self.seed)
        nodes = []
        for number in range(self.hosts):
            uuid = f"h{number:02}"
            reboots = self.mix == "reboot" or (self.mix == "half" and number % 2 == 0)
            self.apply[uuid] = 240 * luck.uniform(0.9, 1.15)
            self.tail[uuid] = (490 if reboots else 45 if self.mix != "none" else 0) * luck.uniform(0.9, 1.15)
            capacity = (self.host_gib - 2) * GIB
            node = Node(
                uuid,
                uuid,
                capacity,
                coordinator=number == 0,
                drains=reboots,
                apply=self.apply[uuid] * (self.wrong if believed else 1),
                tail=self.tail[uuid] * (self.wrong if believed else 1),
            )
            left = min(self.load * luck.uniform(0.9, 1.1) * self.host_gib * GIB, capacity)
            while True:
                memory = luck.choice(self.sizes) * GIB
                if memory > left:
                    break
                left -= memory
                seconds = 5 + memory / GIB / 0.25
                guest = Guest(f"{uuid}-v{len(node.guests)}", memory, uuid, seconds * (self.wrong if believed else 1))
                guest.stays = luck.random() < self.pinned
                guest.home = uuid if self.homes else ""
                node.guests.append(guest)
                node.used += memory
            nodes.append(node)
        return View(nodes)

    def reality(
        self,
        *,
        returns: Callable[[Node], bool] = lambda node: True,
        arrives: Callable[[Guest, str], bool] = lambda guest, to: True,
    ) -> Reality:
        """What really happens, whatever the planner believes."""
        return Reality(
            apply=lambda node: self.apply[node.uuid],
            restart=lambda node: self.tail[node.uuid],
            move=lambda guest: 5 + guest.memory / GIB / 0.25,
            returns=returns,
            arrives=arrives,
        )

    def run(self, policy: Policy, reality: Reality | None = None) -> tuple[Course, View]:
        """Carry it out; the rules of XAPI are checked on the way."""
        view = self.view()
        return Simulation(view, policy, reality or self.reality()).run(), view


def away(view: View) -> int:
    """How many VMs are not at home."""
    return sum(guest.home not in ("", guest.host) for node in view.nodes for guest in node.guests)


def unfinished(view: View) -> list[str]:
    """Hosts that are not updated and back in service."""
    return [node.name for node in view.nodes if node.stage is not Stage.UP]
