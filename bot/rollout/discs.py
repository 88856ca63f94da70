"""Discs that a rollout took out of drives, and putting them in again once their VM is home."""

from __future__ import annotations

from bot.rollout.action import EjectDisc, InsertDisc, close
from bot.rollout.homes import MIXED
from bot.rollout.memory import Debt, DebtKind, IntentState, Memory
from bot.rollout.model import VM, Host
from bot.rollout.pursuit import Round
from bot.rollout.reason import because


def _kept(debt: Debt, name: str) -> str:
    return str(debt.original.get(name, "")) if isinstance(debt.original, dict) else ""


def owed_on(memory: Memory, host: str) -> tuple[Debt, ...]:
    """The discs that are owed to VMs of the host."""
    return tuple(debt for debt in memory.debts_of(DebtKind.DISC) if _kept(debt, "host") == host)


def eject_discs(round_: Round, vm: VM) -> bool:
    """Take out the discs that tie the VM to its host; True when none is left."""
    clear = True
    for drive in vm.drives:
        if not drive.keeps:
            continue
        clear = False
        original = {"vm": vm.uuid, "disc": drive.disc, "host": vm.resident_on or ""}
        debt = Debt(DebtKind.DISC, drive.vbd, original, vm.name)
        round_.pursue(
            EjectDisc(vm=vm.uuid, drive=drive.vbd, debts=(debt,)),
            because("vm.ejecting", vm=vm.name, disc=drive.name),
            milestone=True,
        )
    return clear


def settle_discs(round_: Round, host: Host) -> bool:
    """Put the discs of the host's VMs in again; True when nothing is left that can be done for it now."""
    clear = True
    for debt in owed_on(round_.memory, host.uuid):
        clear = _settle(round_, debt, host) and clear
    return clear


def settle_homeless_discs(round_: Round, known: frozenset[str]) -> None:
    """Strike off what is owed to VMs of hosts that left the pool, whose storage left with them."""
    for debt in round_.memory.debts_of(DebtKind.DISC):
        if _kept(debt, "host") not in known:
            round_.step(close(debt, "left_alone"), because("debt.home_gone", vm=debt.label))


def _settle(round_: Round, debt: Debt, host: Host) -> bool:
    vm = round_.snapshot.vm(_kept(debt, "vm"))
    if vm is None:
        round_.step(close(debt, "left_alone"), because("debt.vm_gone", vm=debt.label))
        return True
    drive = next((drive for drive in vm.drives if drive.vbd == debt.subject), None)
    if drive is not None:
        if round_.may_still_happen(f"EjectDisc:{debt.subject}"):
            round_.look_again(4)
            return False
        ours = drive.disc == _kept(debt, "disc")
        outcome = "settled" if ours else "left_alone"
        round_.step(close(debt, outcome), because("debt.disc_back" if ours else "debt.disc_other", vm=vm.name))
        return True
    if vm.resident_on not in (None, host.uuid):
        if round_.memory.debt(DebtKind.VM_HOME, vm.uuid) is not None:
            # Only its home can read the disc; it follows when the VM is there.
            round_.waiting.append((debt.key, MIXED))
        else:
            round_.step(close(debt, "left_alone"), because("debt.disc_vm_elsewhere", vm=vm.name))
        return True
    insert = InsertDisc(vm=vm.uuid, drive=debt.subject, disc=_kept(debt, "disc"))
    intent = round_.memory.intent(insert.key)
    if intent is not None and intent.state is IntentState.FAILED and not intent.transient:
        # A disc is not worth stopping a rollout for: it is listed, and tried again later.
        round_.waiting.append((debt.key, intent.error[0] if intent.error else "EFFECT_NOT_SEEN"))
        return True
    round_.pursue(insert, because("vm.inserting", vm=vm.name))
    return False
