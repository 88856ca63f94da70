"""When a running rollout should be done, and each of its hosts: the rest of it on paper, from the pool as it is.

A forecast is made before anything is touched; this is the same look ahead from the midst. With a planned preset the
planner carries the rest out on paper (`bot.rollout.whatif`); `serial` is summed up, one host after the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot.rollout.decision import Estimates
from bot.rollout.memory import IntentState, Memory
from bot.rollout.model import PoolSnapshot
from bot.rollout.planner.simulation import BrokenRule
from bot.rollout.planner.view import Guest, Node, Stage
from bot.rollout.proposal import preset_of
from bot.rollout.pursuit import Round
from bot.rollout.spec import Preset, Spec, VmTreatment
from bot.rollout.vm_policy import STREAMS, at_once
from bot.rollout.whatif import on_paper, policy_for, present_view

#: Settings given back, the last look at the pool.
_AROUND = 30.0
#: What takes longer than expected is expected to end soon, but not at once.
_SOON = 15.0


@dataclass(frozen=True, slots=True)
class HostTimes:
    """When one host's turn should begin (or did, then it is the moment of the look ahead) and end."""

    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Expectation:
    """What was expected at a moment: the end of the rollout, and of each host that is not done (by uuid)."""

    at: datetime
    end: datetime
    hosts: Mapping[str, HostTimes] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The JSON form that the database keeps."""
        return {
            "at": self.at.isoformat(),
            "end": self.end.isoformat(),
            "hosts": {
                uuid: [times.begins.isoformat(), times.ends.isoformat()] for uuid, times in sorted(self.hosts.items())
            },
        }

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Expectation:
        """What `as_dict` made the JSON of."""
        return Expectation(
            datetime.fromisoformat(data["at"]),
            datetime.fromisoformat(data["end"]),
            {
                str(uuid): HostTimes(datetime.fromisoformat(begins), datetime.fromisoformat(ends))
                for uuid, (begins, ends) in data["hosts"].items()
            },
        )


def expected(
    spec: Spec, memory: Memory, snapshot: PoolSnapshot, estimates: Estimates, now: datetime
) -> Expectation | None:
    """When it should be done; None where that cannot be told.

    That is so for a rollout that is being ended, where people will have to help, and while a restart takes so long
    that nothing else is begun.
    """
    if memory.aborting or memory.settling:
        return None
    round_ = Round(spec, memory, snapshot, estimates, now)
    times = _one_by_one(round_) if preset_of(spec) is Preset.SERIAL else _planned(round_)
    if times is None:
        return None
    seconds, hosts = times
    moments = {
        uuid: HostTimes(now + timedelta(seconds=begins), now + timedelta(seconds=ends))
        for uuid, (begins, ends) in hosts.items()
    }
    return Expectation(now, now + timedelta(seconds=seconds + _restarts(round_) + _AROUND), moments)


_Times = tuple[float, dict[str, tuple[float, float]]]


def _planned(round_: Round) -> _Times | None:
    view = present_view(round_)
    left = {node.uuid for node in view.nodes if node.stage not in (Stage.UP, Stage.LOST)}
    for node in view.nodes:
        if node.stage in (Stage.APPLY, Stage.RESTART):
            node.due = max(node.due, _SOON)
    try:
        course = on_paper(view, policy_for(round_.spec))
    except BrokenRule:
        # Others move VMs as well, and stretch what the planner would have kept: then nothing is promised.
        return None
    if not course.finished or course.stuck is not None:
        return None
    turns = {uuid: course.turns[uuid] for uuid in left}
    return course.settled, {uuid: (max(0.0, turn.begun), turn.back) for uuid, turn in turns.items() if turn.back >= 0}


def _one_by_one(round_: Round) -> _Times:
    """One host after the other, its VMs home before the next."""
    seconds, hosts = 0.0, {}
    view = present_view(round_)
    order = [host.uuid for host in round_.spec.hosts if host.uuid in view.by_uuid]
    begun = [uuid for uuid in order if view.by_uuid[uuid].stage not in (Stage.OLD, Stage.UP, Stage.LOST)]
    for node in sorted((view.by_uuid[uuid] for uuid in order), key=lambda node: node.uuid not in begun):
        if node.stage is Stage.LOST:
            continue
        away = [guest for other in view.nodes for guest in other.guests if guest.home == node.uuid != guest.host]
        turn = _turn(node, away)
        if turn:
            hosts[node.uuid] = (seconds, seconds + turn)
            seconds += turn
    return seconds, hosts


def seconds_left(node: Node, *, home: bool) -> float:
    """Seconds that are left of a host's turn, or that it takes when it begins now, the host by itself: until it is
    back in service, and with `home` the VMs that still have to leave are back on it. What it has to wait for behind
    other hosts is not in it; `bot.rollout.lateness` adds that."""
    return _turn(node, [], home=home)


def _turn(node: Node, away: list[Guest], *, home: bool = True) -> float:
    """Seconds that are left of one host's turn; `away` are the VMs that have left it so far, and come `home`."""
    here = [guest for guest in node.guests if not guest.stays] if node.drains else []
    if node.stage is Stage.UP:
        return _in_streams(away)
    if node.stage in (Stage.RESTART, Stage.RETURN):
        return max(node.due, _SOON) + _in_streams(away)
    left = node.tail + _in_streams([*here, *away] if home else [])
    if node.stage is Stage.APPLIED:
        return left
    if node.stage is Stage.APPLY:
        return max(node.due, _SOON) + left
    return _in_streams(here) + node.apply + left


def _in_streams(guests: list[Guest]) -> float:
    return max([sum(guest.seconds for guest in guests) / STREAMS, *(guest.seconds for guest in guests)], default=0.0)


def _restarts(round_: Round) -> float:
    """Seconds of the VM restarts that guidance asks for and that are left."""
    left = 0
    for allowed in round_.spec.vms:
        known = round_.memory.intent(f"RestartVm:{allowed.uuid}")
        restarted = known is not None and known.state is IntentState.DONE
        left += allowed.treatment is VmTreatment.RESTART and not restarted
    return left * round_.estimates.vm_restart / at_once(round_.spec)
