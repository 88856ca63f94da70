"""What a strategy lets one host's turn do now, and how its VMs leave and come back.

A turn knows which effect is missing next; its pace says whether it may be asked for yet. Alone, a host waits for
nobody: it goes out of service, XAPI empties it, and its VMs come home before the next host's turn.
"""

from __future__ import annotations

from typing import Protocol

from bot.rollout.action import EvacuateHost
from bot.rollout.amendment import AmendmentKind, Offer
from bot.rollout.homecoming import home_of, settle_vms
from bot.rollout.memory import Debt, DebtKind, IntentState
from bot.rollout.model import VM, Host, PowerState
from bot.rollout.pursuit import Round
from bot.rollout.reason import because
from bot.rollout.vm_policy import at_once, last_of

#: How often XAPI is asked to empty a host before people are, as long as it gets on.
_TRIES = 4


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
        for vm in last_of(turn.round.spec, stopping)[: at_once(turn.round.spec)]:
            turn.stop(vm)
        if not stopping:
            reason = because("host.evacuating", host=turn.host.name, vms=len(residents))
            # Which VMs keep the host from being emptied is asked of XAPI before people are.
            stop = Offer(AmendmentKind.SUSPEND, turn.host.uuid)
            action = evacuation(turn, residents, homes=turn.round.spec.brings_home)
            if _failed(turn, action.key) and any(vm.moving_to not in (None, turn.host.uuid) for vm in residents):
                # XAPI gave up over one VM; those that were on their way go on.
                turn.round.look_again(5, reason)
            elif _got_on(turn, action.key):
                rest = because("host.evacuating_rest", host=turn.host.name, vms=len(residents))
                turn.round.step(action, rest, milestone=True)
            else:
                turn.round.pursue(action, reason, milestone=True, wants=stop)

    def settle_vms(self, round_: Round, host: Host, *, final: bool) -> bool:
        return settle_vms(round_, host, final=final)


def _got_on(turn: Emptying, key: str) -> bool:
    """Whether XAPI gave up over one VM after it had moved others: it is asked again, and moves only what is left.

    Each time must have moved a VM, so that this comes to an end.
    """
    intent = turn.round.memory.intent(key)
    if intent is None or not _failed(turn, key):
        return False
    here = {vm.uuid for vm in turn.round.snapshot.residents(turn.host.uuid)}
    homes = turn.round.memory.debts_of(DebtKind.VM_HOME)
    left = sum(home_of(debt) == turn.host.uuid and debt.subject not in here for debt in homes)
    return intent.attempts < min(_TRIES, left + 1)


def _failed(turn: Emptying, key: str) -> bool:
    intent = turn.round.memory.intent(key)
    return intent is not None and intent.state is IntentState.FAILED and not intent.transient


def evacuation(turn: Emptying, residents: tuple[VM, ...], *, homes: bool = True) -> EvacuateHost:
    """Have XAPI empty the host; with `homes` its VMs are owed their way back."""
    return EvacuateHost(
        host=turn.host.uuid,
        at_once=turn.round.spec.evacuate_at_once,
        network=turn.round.spec.network[0],
        debts=tuple(
            Debt(DebtKind.VM_HOME, vm.uuid, turn.host.uuid, vm.name)
            for vm in residents
            if homes and vm.power_state is PowerState.RUNNING and not turn.to_be_stopped(vm)
        ),
    )
