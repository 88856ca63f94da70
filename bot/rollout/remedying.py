"""The fixes that people approved with a spec: made before the first host, undone as early as possible.

What is lent or taken out is written down as a debt before it is touched; connecting storage is owed to nobody.
"""

from __future__ import annotations

from bot.rollout.action import LendHost, PlugStorage, ReturnHost, close
from bot.rollout.discs import eject_discs
from bot.rollout.fixes import Remedy, subjects_of
from bot.rollout.memory import Debt, DebtKind
from bot.rollout.model import Host
from bot.rollout.pursuit import Round
from bot.rollout.reason import because


def make_fixes(round_: Round) -> bool:
    """Ask for what the spec's fixes say and that cannot be seen yet; True when all of it can."""
    clear = True
    for uuid in subjects_of(round_.spec.fixes, Remedy.PLUG_STORAGE):
        host = round_.snapshot.host(uuid)
        if host is not None and host.live and host.unplugged_srs:
            plug_storage(round_, host)
            clear = False
    for uuid in subjects_of(round_.spec.fixes, Remedy.ENABLE_HOSTS):
        host = round_.snapshot.host(uuid)
        if host is not None and host.live and not host.enabled:
            debt = Debt(DebtKind.HOST_LENT, host.uuid, False, host.name)
            round_.pursue(LendHost(host=host.uuid, debts=(debt,)), because("host.lending", host=host.name))
            clear = False
    for uuid in subjects_of(round_.spec.fixes, Remedy.EJECT_CDS):
        vm = round_.snapshot.vm(uuid)
        if vm is not None and not eject_discs(round_, vm):
            clear = False
    return clear


def plug_storage(round_: Round, host: Host) -> None:
    """Connect the host to all storage that it should have."""
    for uuid in host.unplugged_srs:
        sr = round_.snapshot.sr(uuid)
        name = sr.name if sr is not None else uuid
        plug = PlugStorage(host=host.uuid, sr=uuid)
        round_.pursue(plug, because("host.plugging", host=host.name, storage=name), milestone=True)


def settle_lent(round_: Round) -> bool:
    """Take the hosts out of service again that were put into it for the rollout; True when none is left."""
    clear = True
    for debt in round_.memory.debts_of(DebtKind.HOST_LENT):
        clear = _settle(round_, debt) and clear
    return clear


def _settle(round_: Round, debt: Debt) -> bool:
    host = round_.snapshot.host(debt.subject)
    back = ReturnHost(host=debt.subject)
    if host is None:
        round_.step(close(debt, "left_alone"), because("host.gone", host=debt.label))
        return True
    if not host.enabled:
        if round_.may_still_happen(f"LendHost:{host.uuid}"):
            round_.look_again(4)
            return False
        ours = round_.memory.intent(back.key) is not None
        outcome = "settled" if ours else "left_alone"
        round_.step(close(debt, outcome), because("host.returned", host=host.name))
        return True
    if not host.live and round_.memory.lenient(host.uuid):
        round_.waiting.append((debt.key, "HOST_OFFLINE"))
        return True
    round_.pursue(back, because("host.returning_to_people", host=host.name))
    return False
