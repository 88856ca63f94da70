"""Hosts that only wait for their turn serve again while another host is lost: the pool has less than it should already.

Nobody knows how long it will have to do without the lost one. They are taken up again when people have dealt with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bot.rollout.action import KeepHost
from bot.rollout.homecoming import home_of, settle_vms
from bot.rollout.memory import DebtKind
from bot.rollout.model import Host
from bot.rollout.observed import Observed
from bot.rollout.planner.view import Stage
from bot.rollout.pursuit import Round
from bot.rollout.reason import because
from bot.rollout.settling import settle_host

#: What is owed of VMs that stand still for their host's turn.
STOPPED = (DebtKind.VM_STOPPED, DebtKind.VM_SUSPENDED)
_BEGUN = ("ApplyUpdates", "RebootHost", "RestartToolstack")


class Waiting(Protocol):
    """What is asked of a host's turn."""

    host: Host

    @property
    def update_left(self) -> bool: ...


def only_waits(seen: Observed, turn: Waiting) -> bool:
    """Whether the host's turn has begun, but neither its installation nor a restart."""
    host, memory = turn.host, seen.round.memory
    stage = seen.view.by_uuid[host.uuid].stage
    if not turn.update_left or not host.live or stage not in (Stage.OLD, Stage.DRAIN, Stage.OUT):
        return False
    if any(memory.intent(f"{kind}:{host.uuid}") for kind in _BEGUN):
        return False
    if host.pending.mandatory or seen.round.is_open(f"EvacuateHost:{host.uuid}"):
        return False  # XAPI would not put it into service
    ours = memory.debt(DebtKind.HOST_ENABLED, host.uuid) is not None
    return ours or seen.draining(host.uuid) or owes_stopped(seen.round, host)


def owes_stopped(round_: Round, host: Host) -> bool:
    """Whether VMs of the host stand still because of us."""
    return any(home_of(debt) == host.uuid for debt in round_.memory.debts_of(*STOPPED))


def serve_again(seen: Observed, host: Host, lost: Sequence[str]) -> bool:
    """Take the next steps; True when it serves again, or only people can bring that about. `lost` are names."""
    round_, known = seen.round, len(seen.round.problems)
    if seen.draining(host.uuid):
        reason = because("host.put_back", host=host.name, lost=", ".join(lost))
        round_.step(KeepHost(host=host.uuid), reason, milestone=True)
    served = settle_host(round_, host) and settle_vms(round_, host, kinds=STOPPED)
    round_.blame(host.uuid, known)
    return served or len(round_.problems) > known
