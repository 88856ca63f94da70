"""One host's turn of a CDN update: disable, evacuate, apply, restart, VM tasks, enable, VMs home.

Nothing here remembers a position. Each call looks at the host and says which effect is missing next, so a turn that
was interrupted anywhere goes on where the host really is.
"""

from __future__ import annotations

from datetime import timedelta

from bot.rollout.action import (
    DisableHost,
    EvacuateHost,
    MigrateVm,
    PlugStorage,
    ResumeVm,
    ShutdownVm,
    StartVm,
    SuspendVm,
)
from bot.rollout.amendment import ASKED, AmendmentKind, Offer
from bot.rollout.gate import stock_before, through
from bot.rollout.guidance import Task
from bot.rollout.homecoming import home_of
from bot.rollout.memory import Debt, DebtKind, IntentState, TurnPhase, TurnProgress
from bot.rollout.model import VM, Host
from bot.rollout.need import EMPTYING, HostNeed
from bot.rollout.pace import Alone, Pace
from bot.rollout.preparing import may_evacuate
from bot.rollout.pursuit import Round
from bot.rollout.reason import because
from bot.rollout.settling import settle_host
from bot.rollout.spec import VmAllowance, VmTreatment
from bot.rollout.stock import hosts_in
from bot.rollout.vm_policy import always_stopped, kept_on
from bot.rollout.vm_tasks import due, vm_tasks
from bot.rollout.watching import leaving, restarting, returning

#: How long XAPI may take to connect a host's storage after a boot before it is asked to.
_BY_ITSELF = timedelta(minutes=1)

#: How long members may take to come back to a restarted coordinator before the run goes on without waiting.
_MEMBERS_PATIENCE = timedelta(minutes=15)

ALONE = Alone()

#: The phases in which people see the host's VMs one by one.
_WATCHED = {
    TurnPhase.EVACUATING: leaving,
    TurnPhase.VM_TASKS: restarting,
    TurnPhase.RETURNING_VMS: returning,
}

#: Calls that the coordinator's restart would cut off.
_CUT_OFF = (MigrateVm, SuspendVm, ShutdownVm, ResumeVm, StartVm)


class Turn(HostNeed):
    """One host in one round: the next step towards what it needs."""

    def __init__(self, round_: Round, host: Host) -> None:
        super().__init__(round_, host)
        self.pace: Pace = ALONE
        self.phase = TurnPhase.WAITING
        self.left = 0
        self.total = 0

    def advance(self, *, final: bool = False) -> bool:
        """Ask for the next missing effect; True when the host is done."""
        if self._restarting():
            return False
        if not self.host.live:
            self.round.problem(because("host.offline", host=self.host.name))
            return False
        if not self.applied or (self.round.is_open(self.apply.key) and not self.livepatch_failed):
            return self._earlier_tasks() and self._update()
        return self._restart() and self._vm_tasks() and self._back_in_service(final)

    def back_out(self) -> bool:
        """End the turn of an aborted rollout: finish what cannot be left half done, else undo; True when done."""
        if self._restarting() or self._finishing_open_work():
            return False
        if self.host.is_coordinator and self.memory.aborting and self.round.in_flight(*_CUT_OFF):
            self.round.look_again(5)
            return False
        began = self.memory.intent(self.apply.key) is not None
        # XAPI enables no host that has this pending; what was approved for it is the way back.
        due = self.host.pending.mandatory & {Task.REBOOT_HOST, Task.RESTART_TOOLSTACK}
        ours = self.memory.debt(DebtKind.HOST_ENABLED, self.host.uuid) is not None and not self.host.enabled
        if self.applied and (began or (due and ours)) and not self.livepatch_failed:
            return self._restart() and self._back_in_service(final=False)
        if self._stopped_vms_need_the_update():
            return self.advance()
        return self._back_in_service(final=False)

    def healthy(self) -> bool:
        """Whether the host came through its turn well, as far as this rollout had one there."""
        if not self.begun or through(self.round, self.host):
            return True
        self.phase = TurnPhase.CHECKING
        return False

    def progress(self, done: bool) -> TurnProgress:
        """How far the host is, for the people who watch."""
        if done:
            return TurnProgress(self.host.uuid, self.host.name, TurnPhase.DONE, self.left, self.total)
        watched = _WATCHED.get(self.phase)
        vms = watched(self.round, self.host.uuid) if watched is not None else ()
        return TurnProgress(self.host.uuid, self.host.name, self.phase, self.left, self.total, vms)

    def _restarting(self) -> bool:
        """Whether a restart we asked for is under way (its effect shows as a newer start time)."""
        for action, phase in ((self.reboot, TurnPhase.REBOOTING), (self.toolstack, TurnPhase.RESTARTING_TOOLSTACK)):
            if self.round.awaits(action, because(f"host.{phase.value}", host=self.host.name), live=self.host.live):
                self.phase = phase
                return True
        return self._storage_missing()

    def _storage_missing(self) -> bool:
        """Whether storage is still coming back after the boot; what does not is plugged once, the gate does the rest.

        Storage that was missing before the rollout is nobody's concern here.
        """
        intent = self.memory.intent(self.reboot.key)
        known = hosts_in(stock_before(self.memory)).get(self.host.uuid, {}).get("unplugged", ())
        missing = [uuid for uuid in self.host.unplugged_srs if uuid not in known]
        if intent is None or intent.finished_at is None or not missing:
            return False
        waited = self.round.now - intent.finished_at
        if waited > self.memory.patience.storage:
            return False
        self.phase = TurnPhase.REBOOTING
        if waited > min(_BY_ITSELF, self.memory.patience.storage / 2):
            for plug in (PlugStorage(host=self.host.uuid, sr=uuid) for uuid in missing):
                if self.memory.intent(plug.key) is None:
                    self.round.step(plug, because("host.plugging_again", host=self.host.name))
        self.round.look_again(5, because("host.storage_returning", host=self.host.name))
        return True

    @property
    def empty_before_apply(self) -> bool:
        """Whether guidance wants the host empty; XAPI insists on it where the mandatory list says so."""
        if self.available is None:
            return bool(self.ceiling & EMPTYING)
        return bool((self.available.guidance.at(self.spec.level) | self.pending) & EMPTYING)

    def _earlier_tasks(self) -> bool:
        """Carry out what is mandatory of the updates before these; True when nothing is.

        XAPI installs nothing while it is pending. That is so where people agreed to newer updates in the middle of
        the host's turn; the checks of a request refuse to begin with such a host.
        """
        due = self.host.pending.mandatory & {Task.REBOOT_HOST, Task.RESTART_TOOLSTACK}
        installing = "apply_updates" in self.round.snapshot.pool.current_operations
        if not due or installing or self.round.may_still_happen(self.apply.key):
            return True
        return self._restart()

    def _update(self) -> bool:
        if (self.empty_before_apply and self.must_stay()) or not self._out_of_service():
            return False
        if self.empty_before_apply and not self._emptied():
            return False
        if not self.pace.may_install(self.host):
            self.phase = TurnPhase.QUEUED
            return False
        self.phase = TurnPhase.APPLYING
        intent = self.memory.intent(self.apply.key)
        lost = intent is not None and intent.state is IntentState.LOST
        if lost and "apply_updates" in self.round.snapshot.pool.current_operations:
            # Nobody knows what became of our call, but XAPI is installing: asking again would only be refused.
            self.round.look_again(15, because("host.applying", host=self.host.name, checksum=self.spec.checksum[:12]))
            return False
        short = self.spec.checksum[:12]
        self.round.pursue(self.apply, because("host.applying", host=self.host.name, checksum=short), milestone=True)
        return False

    def _restart(self) -> bool:
        if self.livepatch_failed and not self.needs_reboot and not self.memory.aborting:
            return self._ask_about_livepatch()
        if (self.needs_reboot or self.needs_toolstack) and (ahead := self._ahead_of()) is not None:
            if self.memory.lenient(self.host.uuid):
                return True  # back into service as it is: nobody waits for the coordinator any more
            self.round.look_again(15, because("host.waits_for_coordinator", host=self.host.name, first=ahead.name))
            return False
        if self.needs_reboot:
            if not self._within_ceiling(Task.REBOOT_HOST) or self.must_stay() or not self._out_of_service():
                return False
            if not self._emptied() or not self.pace.may_restart(self.host):
                return False
            self.phase = TurnPhase.REBOOTING
            self.round.pursue(self.reboot, because("host.rebooting", host=self.host.name), milestone=True)
            return False
        if self.needs_toolstack:
            if not self._within_ceiling(Task.RESTART_TOOLSTACK) or not self.pace.may_restart(self.host):
                return False
            self.phase = TurnPhase.RESTARTING_TOOLSTACK
            self.round.pursue(self.toolstack, because("host.restarting_toolstack", host=self.host.name), milestone=True)
            return False
        return True

    def _ahead_of(self) -> Host | None:
        """The coordinator, when it has to be updated before this host may restart; None when the way is free.

        A member that restarts with a newer XAPI than its coordinator has running stays out of the pool. It takes a
        change of coordinator in mid-run for a member to come this far before its coordinator.
        """
        coordinator = self.round.snapshot.coordinator
        if coordinator is None or coordinator.uuid == self.host.uuid or self.spec.host(coordinator.uuid) is None:
            return None
        return coordinator if HostNeed(self.round, coordinator).update_left else None

    def _ask_about_livepatch(self) -> bool:
        if self.tries_livepatch_again or self.round.is_open(self.apply.key):
            if not self._out_of_service():
                return False
            if not self.pace.may_install(self.host):
                self.phase = TurnPhase.QUEUED
                return False
            self.phase = TurnPhase.APPLYING
            self.round.pursue(self.apply, because("host.applying_livepatch_again", host=self.host.name))
        else:
            reboot = Offer(AmendmentKind.REBOOT, self.host.uuid)
            self.round.problem(because("livepatch.failed", host=self.host.name), self.apply.key, wants=reboot)
        return False

    def _within_ceiling(self, task: Task) -> bool:
        # Whoever approved a reboot approved the toolstack's restart with it.
        if task in self.ceiling or Task.REBOOT_HOST in self.ceiling:
            return True
        kind = AmendmentKind.REBOOT if task is Task.REBOOT_HOST else AmendmentKind.TOOLSTACK
        self.round.problem(
            because("ceiling.exceeded", host=self.host.name, task=task.value), wants=Offer(kind, self.host.uuid)
        )
        return False

    def _out_of_service(self) -> bool:
        if not self.host.enabled:
            return True
        if not self.pace.may_go_out(self.host):
            return False
        self.phase = TurnPhase.DISABLING
        debt = Debt(DebtKind.HOST_ENABLED, self.host.uuid, True, self.host.name)
        self.round.pursue(
            DisableHost(host=self.host.uuid, debts=(debt,)), because("host.disabling", host=self.host.name)
        )
        return False

    def _emptied(self) -> bool:
        """Whether no VM runs on the host; asks for the next move otherwise."""
        residents = self.round.snapshot.residents(self.host.uuid)
        if not residents and not self.round.is_open(f"EvacuateHost:{self.host.uuid}"):
            return True
        self.show_leaving()
        if self.must_stay():
            return False
        if self.memory.intent(ASKED) is None and not may_evacuate(self.round, (self.host.uuid,), self.host.uuid):
            # An amendment or a retry forgot what XAPI had said about all hosts: now each is asked about in its turn.
            return False
        self.pace.empty(self, residents)
        return False

    def must_stay(self) -> bool:
        """Whether a VM runs there that the spec says to leave as it is; people are asked then.

        A host that has one is no part of a rollout at first: the VM came there since, or the host need not have been
        emptied until a live patch failed.
        """
        kept = kept_on(self.round.snapshot, self.spec.rules, self.host.uuid)
        if kept:
            names = ", ".join(sorted(vm.name for vm in kept))
            self.round.problem(because("host.vm_must_stay", host=self.host.name, vms=names, count=len(kept)))
        return bool(kept)

    def show_returning(self, left: int) -> None:
        """Tell people that the host is updated, and how many of its VMs are still away."""
        self.phase = TurnPhase.RETURNING_VMS if left else TurnPhase.DONE
        self.left, self.total = left, max(left, self._owed_here())

    def show_leaving(self) -> None:
        """Tell people that the host's VMs are leaving, and how many of how many are left."""
        self.phase = TurnPhase.EVACUATING
        self.left = len(self.round.snapshot.residents(self.host.uuid))
        drained = self.memory.intent(f"DrainHost:{self.host.uuid}")
        began = drained.result if drained is not None and isinstance(drained.result, int) else 0
        self.total = max(self.left, self._owed_here(), began)

    def _owed_here(self) -> int:
        kinds = (DebtKind.VM_HOME, DebtKind.VM_STOPPED, DebtKind.VM_SUSPENDED)
        return sum(home_of(debt) == self.host.uuid for debt in self.memory.debts_of(*kinds))

    def to_be_stopped(self, vm: VM) -> bool:
        """Whether the spec lets us stop this VM, and its own rule says so or XAPI that it still cannot be moved."""
        allowed = self.spec.vm(vm.uuid)
        if allowed is None or allowed.treatment is VmTreatment.RESTART:
            return False
        if always_stopped(self.spec, vm.uuid) is not None:
            return True
        asked = self.memory.intent(ASKED + self.host.uuid) or self.memory.intent(ASKED)
        if asked is None or not isinstance(asked.result, dict):
            return True
        return any(entry[0] == vm.uuid for entry in asked.result.get(self.host.uuid, ()))

    def stop(self, vm: VM) -> None:
        """Suspend or shut down the VM, as the spec says."""
        allowed = self.spec.vm(vm.uuid)
        if allowed is not None and allowed.treatment is VmTreatment.SUSPEND:
            debt = Debt(DebtKind.VM_SUSPENDED, vm.uuid, self.host.uuid, vm.name)
            chosen = always_stopped(self.spec, vm.uuid) is not None
            code = "vm.suspending_as_chosen" if chosen else "vm.suspending"
            self.round.pursue(
                SuspendVm(vm=vm.uuid, debts=(debt,)),
                because(code, vm=vm.name, host=self.host.name),
                milestone=True,
                wants=Offer(
                    AmendmentKind.SHUTDOWN, self.host.uuid, (VmAllowance(vm.uuid, vm.name, VmTreatment.SHUTDOWN),)
                ),
            )
        else:
            debt = Debt(DebtKind.VM_STOPPED, vm.uuid, self.host.uuid, vm.name)
            chosen = always_stopped(self.spec, vm.uuid) is not None
            code = "vm.shutting_down_as_chosen" if chosen else "vm.shutting_down"
            self.round.pursue(
                ShutdownVm(vm=vm.uuid, debts=(debt,)),
                because(code, vm=vm.name, host=self.host.name),
                milestone=True,
            )

    def _vm_tasks(self) -> bool:
        self.phase = TurnPhase.VM_TASKS
        residents = self.round.snapshot.residents(self.host.uuid)
        self.left = len(due(self.round, residents))
        self.total = self.left + sum(self._restarted(vm) for vm in residents)
        return vm_tasks(self.round, residents)

    def _restarted(self, vm: VM) -> bool:
        asked = (self.memory.intent(f"{kind}:{vm.uuid}") for kind in ("RestartVm", "RestartDeviceModel"))
        return any(intent is not None and intent.state is IntentState.DONE for intent in asked)

    def _back_in_service(self, final: bool) -> bool:
        self.phase = TurnPhase.ENABLING
        if not settle_host(self.round, self.host) or self._members_away():
            return False
        self.phase = TurnPhase.RETURNING_VMS
        self.left = self.total = self._owed_here()
        return self.pace.settle_vms(self.round, self.host, final=final)

    def _members_away(self) -> bool:
        """Whether other hosts are still finding their coordinator again after this one's restart.

        Until they have, XAPI cannot reach them and nothing can move to or from them.
        """
        ends = [
            intent.finished_at
            for action in (self.reboot, self.toolstack)
            if (intent := self.memory.intent(action.key)) is not None and intent.finished_at is not None
        ]
        away = [host.name for host in self.round.snapshot.hosts if not host.live]
        if not self.host.is_coordinator or not ends or not away:
            return False
        if self.round.now - max(ends) > _MEMBERS_PATIENCE:
            return False
        self.round.look_again(10, because("hosts.returning", hosts=", ".join(away), coordinator=self.host.name))
        return True

    def _finishing_open_work(self) -> bool:
        """Whether something we asked for is under way on this host; an abort waits for it."""
        for action in (self.apply, EvacuateHost(host=self.host.uuid)):
            if self.round.may_still_happen(action.key) and not (action is self.apply and self.applied):
                self.phase = TurnPhase.APPLYING if action is self.apply else TurnPhase.EVACUATING
                self.round.wait_for(action, because("abort.finishing", host=self.host.name))
                return True
        return False

    def _stopped_vms_need_the_update(self) -> bool:
        """Whether VMs we stopped here could not start again before the host is as new as its coordinator."""
        coordinator = self.round.snapshot.coordinator
        if coordinator is None or self.host.version.at_least(coordinator.version) or self.applied:
            return False
        stopped = self.memory.debts_of(DebtKind.VM_STOPPED, DebtKind.VM_SUSPENDED)
        return any(home_of(debt) == self.host.uuid for debt in stopped)
