"""What a strategy lets one host's turn do now, and how its VMs leave and come back.

A turn knows which effect is missing next; its pace says whether it may be asked for yet. Alone, a host waits for
nobody: it goes out of service, XAPI empties it, and its VMs come home before the next host's turn.
"""

from __future__ import annotations

from typing import Protocol

from bot.rollout.action import EvacuateHost
from bot.rollout.amendment import AmendmentKind, Offer
from bot.rollout.homecoming import STREAMS, settle_vms
from bot.rollout.memory import Debt, DebtKind
from bot.rollout.model import VM, Host, PowerState
from bot.rollout.pursuit import Round
from bot.rollout.reason import because


class Emptying(Protocol):
    """What a pace may ask of the turn whose host is emptied."""

    host: Host
    round: Round

    def to_be_stopped(self, vm: VM) -> bool: ...
    def stop(self, vm: VM) -> None: ...


class Pace(Protocol):
    """How fast one host may go."""

    def may_go_out(self, host: Host) -> bool:
        """Whether it may be taken out of service."""
        ...

    def may_install(self, host: Host) -> bool:
        """Whether it may install: XAPI lets one host of a pool do so at a time."""
        ...

    def may_restart(self, host: Host) -> bool:
        """Whether it, or its toolstack, may restart."""
        ...

    def empty(self, turn: Emptying, residents: tuple[VM, ...]) -> None:
        """Ask for what makes the next of these VMs leave."""
        ...

    def settle_vms(self, round_: Round, host: Host, *, final: bool) -> bool:
        """Bring back what is owed to the host; True when nothing is left for now."""
        ...


class Alone:
    """One host at a time."""

    def may_go_out(self, host: Host) -> bool:
        return True

    def may_install(self, host: Host) -> bool:
        return True

    def may_restart(self, host: Host) -> bool:
        return True

    def empty(self, turn: Emptying, residents: tuple[VM, ...]) -> None:
        stopping = [vm for vm in residents if turn.to_be_stopped(vm)]
        for vm in stopping[:STREAMS]:
            turn.stop(vm)
        if not stopping:
            reason = because("host.evacuating", host=turn.host.name, vms=len(residents))
            # Which VMs keep the host from being emptied is asked of XAPI before people are.
            stop = Offer(AmendmentKind.SUSPEND, turn.host.uuid)
            leaving = evacuation(turn, residents, homes=turn.round.spec.brings_home)
            turn.round.pursue(leaving, reason, milestone=True, wants=stop)

    def settle_vms(self, round_: Round, host: Host, *, final: bool) -> bool:
        return settle_vms(round_, host, final=final)


def evacuation(turn: Emptying, residents: tuple[VM, ...], *, homes: bool = True) -> EvacuateHost:
    """Have XAPI empty the host; with `homes` its VMs are owed their way back."""
    return EvacuateHost(
        host=turn.host.uuid,
        debts=tuple(
            Debt(DebtKind.VM_HOME, vm.uuid, turn.host.uuid, vm.name)
            for vm in residents
            if homes and vm.power_state is PowerState.RUNNING and not turn.to_be_stopped(vm)
        ),
    )
