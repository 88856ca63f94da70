"""Bringing VMs home: moved ones back, stopped and suspended ones up again where they ran.

A debt is struck off only when nothing that was asked for can still undo what is seen.
"""

from __future__ import annotations

from bot.rollout.action import MigrateVm, ResumeVm, ShutdownVm, StartVm, close
from bot.rollout.discs import settle_discs, settle_homeless_discs
from bot.rollout.guidance import Task
from bot.rollout.homes import MIXED
from bot.rollout.memory import Debt, DebtKind, Intent, IntentState
from bot.rollout.model import VM, Host, PowerState
from bot.rollout.pursuit import Round
from bot.rollout.reason import because
from bot.rollout.spec import VmRestarts, VmTreatment
from bot.rollout.vm_policy import at_once
from bot.rollout.vm_tasks import vm_tasks

#: How often a VM that XAPI refused to move home is tried in all; room appears as other hosts come back.
_TRIES_HOME = 3

_VM_DEBTS = (DebtKind.VM_HOME, DebtKind.VM_SUSPENDED, DebtKind.VM_STOPPED)


def home_of(debt: Debt) -> str:
    """The uuid of the host a VM debt leads back to."""
    return str(debt.original)


def settle_vms(round_: Round, host: Host, *, final: bool = False, kinds: tuple[DebtKind, ...] = _VM_DEBTS) -> bool:
    """Bring the VMs of `host` home; True when none of them is owed any more.

    With `final` a VM that cannot go home is a problem for people; before that it is tried again at the end, because
    room often appears as other hosts come back. `kinds` narrows down which debts are looked after.
    """
    owed = [debt for debt in round_.memory.debts_of(*kinds) if home_of(debt) == host.uuid]
    if not owed:
        return settle_discs(round_, host)
    if not host.enabled or not host.live:
        return _host_unavailable(round_, host, owed)
    clear = True
    for debt in owed:
        if not _settle_vm(round_, debt, host, final):
            clear = False
    return clear and settle_discs(round_, host)


def _host_unavailable(round_: Round, host: Host, owed: list[Debt]) -> bool:
    """VMs cannot go home to a host that is out of service.

    If we took it out, it is on its way back. If other people did, or if it is gone, it is theirs to bring back: a
    running rollout asks, one that is ending lists its VMs as waiting.
    """
    ours = round_.memory.debt(DebtKind.HOST_ENABLED, host.uuid) is not None
    if host.live and ours and host.uuid not in round_.memory.skipped:
        return False
    if round_.memory.lenient(host.uuid):
        round_.waiting.extend((debt.key, "HOST_DISABLED" if host.live else "HOST_OFFLINE") for debt in owed)
        return True
    code = "host.disabled_by_others" if host.live else "host.offline"
    round_.problem(because(code, host=host.name, vms=len(owed)))
    return False


def _settle_vm(round_: Round, debt: Debt, host: Host, final: bool) -> bool:
    """One VM; True when nothing is left to do for it now."""
    vm = round_.snapshot.vm(debt.subject)
    if vm is None:
        round_.step(close(debt, "left_alone"), because("debt.vm_gone", vm=debt.label))
        return True
    if debt.kind is DebtKind.VM_HOME:
        return _go_home(round_, debt, vm, host, final)
    if vm.power_state is PowerState.RUNNING and _may_still_stop(round_, vm):
        round_.look_again(4)
        return False
    asleep = PowerState.SUSPENDED if debt.kind is DebtKind.VM_SUSPENDED else PowerState.HALTED
    if vm.power_state is PowerState.RUNNING:
        round_.step(close(debt, "settled"), because("debt.vm_runs", vm=vm.name))
        return True
    if vm.power_state is not asleep:
        round_.step(close(debt, "left_alone"), because("debt.left_alone", what=debt.kind.value, subject=vm.name))
        return True
    if _older_than_coordinator(round_, host):
        round_.waiting.append((debt.key, MIXED))
        return True
    if _comes_later(round_, debt):
        round_.look_again(4)
        return False
    if round_.in_flight(MigrateVm, ResumeVm, StartVm) >= at_once(round_.spec) and not _under_way(round_, vm):
        round_.look_again(4)
        return False
    if debt.kind is DebtKind.VM_SUSPENDED:
        round_.pursue(ResumeVm(vm=vm.uuid, on=host.uuid), because("vm.resuming", vm=vm.name, host=host.name))
    else:
        round_.pursue(StartVm(vm=vm.uuid, on=host.uuid), because("vm.starting", vm=vm.name, host=host.name))
    return False


def _comes_later(round_: Round, debt: Debt) -> bool:
    """Whether a VM of the same host that is to be back before this one is still on its way."""
    place = round_.spec.place(debt.subject)
    return place > 0 and any(
        home_of(other) == home_of(debt) and round_.spec.place(other.subject) < place and not _given_up(round_, other)
        for other in round_.memory.debts_of(DebtKind.VM_STOPPED, DebtKind.VM_SUSPENDED)
    )


def _given_up(round_: Round, debt: Debt) -> bool:
    """Whether XAPI refused to bring the VM back: it keeps nobody else waiting."""
    intents = (round_.memory.intent(f"{kind}:{debt.subject}") for kind in ("StartVm", "ResumeVm"))
    return any(intent is not None and _refused(intent) for intent in intents)


def _may_still_stop(round_: Round, vm: VM) -> bool:
    """Whether a VM that still runs may be about to stop: its debt is written before the call."""
    if vm.current_operations & {"clean_shutdown", "hard_shutdown", "shutdown", "suspend"}:
        return True
    return any(
        round_.may_still_happen(f"{stop}:{vm.uuid}") and not _asked_after(round_, vm, start, stop)
        for stop, start in (("SuspendVm", "ResumeVm"), ("ShutdownVm", "StartVm"))
    )


def _asked_after(round_: Round, vm: VM, later: str, earlier: str) -> bool:
    """Whether we asked for `later` after `earlier`: XAPI starts no VM before its shutdown is over."""
    first, second = round_.memory.intent(f"{earlier}:{vm.uuid}"), round_.memory.intent(f"{later}:{vm.uuid}")
    return first is not None and second is not None and second.started_at >= first.started_at


def _under_way(round_: Round, vm: VM) -> bool:
    if moving(round_, vm) is not None:
        return True
    return any(round_.is_open(f"{kind}:{vm.uuid}") for kind in ("ResumeVm", "StartVm", "ShutdownVm"))


def moving(round_: Round, vm: VM) -> str | None:
    """The uuid of the host that the VM is moving to because of us, as far as anybody knows; None when it is not."""
    for to, intent in round_.memory.moves.get(vm.uuid, ()):
        if round_.may_still_happen(intent.key):
            return to
    return None


def _go_home(round_: Round, debt: Debt, vm: VM, host: Host, final: bool) -> bool:
    if vm.resident_on == host.uuid and round_.may_still_happen(f"EvacuateHost:{host.uuid}"):
        round_.look_again(4)
        return False
    elsewhere = moving(round_, vm)
    if elsewhere is not None and elsewhere != host.uuid:
        # On its way somewhere else: what is seen now will not last.
        round_.look_again(4)
        return False
    if vm.resident_on == host.uuid:
        round_.step(close(debt, "settled"), because("debt.vm_home", vm=vm.name, host=host.name))
        return True
    if vm.power_state is not PowerState.RUNNING:
        ours = round_.memory.debt(DebtKind.VM_STOPPED, vm.uuid) or round_.memory.debt(DebtKind.VM_SUSPENDED, vm.uuid)
        if ours is None:
            round_.step(close(debt, "left_alone"), because("debt.left_alone", what="vm_home", subject=vm.name))
        return ours is None
    away = round_.snapshot.host(vm.resident_on or "")
    if away is not None and not host.version.at_least(away.version):
        # XAPI never moves a VM to an older host; it goes home once its host is updated.
        round_.waiting.append((debt.key, MIXED))
        return True
    busy = round_.in_flight(MigrateVm, ResumeVm, StartVm, ShutdownVm) >= at_once(round_.spec)
    if busy and not _under_way(round_, vm):
        round_.look_again(4)
        return False
    now = round_.spec.vm_restarts is VmRestarts.NOW
    if now and away is not None and not _older_than_coordinator(round_, away) and not round_.memory.aborting:
        if not vm_tasks(round_, (vm,)):
            return False
    elif _restart_wanted(round_, vm):
        # A VM that must restart anyway is not moved live first: it stops there and starts on its updated home.
        stopped = Debt(DebtKind.VM_STOPPED, vm.uuid, host.uuid, vm.name)
        round_.pursue(
            ShutdownVm(vm=vm.uuid, debts=(stopped,)), because("vm.restarting_home", vm=vm.name, host=host.name)
        )
        return False
    home = MigrateVm(vm=vm.uuid, to=host.uuid, network=round_.spec.network[0])
    reason = because("vm.going_home", vm=vm.name, host=host.name)
    intent = round_.memory.intent(home.key)
    if intent is not None and _refused(intent):
        if not final:
            return True
        if intent.attempts < _TRIES_HOME:
            round_.step(home, reason)
            return False
    round_.pursue(home, reason)
    return False


def _refused(intent: Intent) -> bool:
    return intent.state is IntentState.FAILED and not intent.transient


def _restart_wanted(round_: Round, vm: VM) -> bool:
    allowed = round_.spec.vm(vm.uuid)
    return (
        not round_.memory.aborting
        and Task.RESTART_VM in vm.pending.at(round_.spec.level)
        and allowed is not None
        and allowed.treatment in (VmTreatment.RESTART, VmTreatment.SHUTDOWN)
    )


def _older_than_coordinator(round_: Round, host: Host) -> bool:
    coordinator = round_.snapshot.coordinator
    return coordinator is not None and not host.version.at_least(coordinator.version)


def settle_homeless(round_: Round) -> bool:
    """What is owed to hosts that left the pool: their VMs run wherever they can; True when nothing is left."""
    known = frozenset(host.uuid for host in round_.snapshot.hosts)
    clear = True
    settle_homeless_discs(round_, known)
    for debt in round_.memory.debts_of(DebtKind.HOST_ENABLED):
        if debt.subject not in known:
            round_.step(close(debt, "left_alone"), because("host.gone", host=debt.label))
    for debt in round_.memory.debts_of(*_VM_DEBTS):
        if home_of(debt) in known:
            continue
        vm = round_.snapshot.vm(debt.subject)
        refuge = round_.snapshot.coordinator
        if debt.kind is DebtKind.VM_HOME or vm is None or refuge is None:
            round_.step(close(debt, "left_alone"), because("debt.home_gone", vm=debt.label))
        elif not _settle_vm(round_, debt, refuge, final=True):
            clear = False
    return clear
