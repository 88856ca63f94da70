"""The rolling strategy: several hosts in hand, each VM moved by name to a chosen host.

Each round it first lets go on what is in hand, then asks the planner what else may begin. When a host gets into trouble
nothing new begins; what is in hand is finished before people are asked.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.rollout.action import DrainHost, KeepHost, MigrateVm, close
from bot.rollout.amendment import ASKED, AmendmentKind, Offer
from bot.rollout.deadline import ask_once_held, hold_late
from bot.rollout.homecoming import home_of, settle_vms
from bot.rollout.memory import Debt, DebtKind, IntentState
from bot.rollout.model import VM, Host
from bot.rollout.observed import Observed
from bot.rollout.pace import Emptying, evacuation
from bot.rollout.pausing import members_before_pause
from bot.rollout.planner.plan import Move, Plan
from bot.rollout.planner.planner import plan
from bot.rollout.planner.policy import policy_of
from bot.rollout.planner.view import Stage
from bot.rollout.preparing import may_evacuate
from bot.rollout.pursuit import Round
from bot.rollout.reason import Reason, because
from bot.rollout.serving import STOPPED, only_waits, owes_stopped, serve_again
from bot.rollout.spec import Preset, VmRestarts
from bot.rollout.turn import Turn
from bot.rollout.vm_policy import at_once, last_of
from bot.rollout.vm_tasks import vm_tasks

_IN_HAND = (Stage.OUT, Stage.APPLY, Stage.APPLIED, Stage.RESTART, Stage.RETURN, Stage.LOST)
#: While VMs move, their tasks tell of the end; this is for what happens around them.
_LOOK = 15.0


class Planned:
    """The pace of a host under a plan. What was asked for already goes on whatever the plan."""

    def __init__(self, round_: Round, plan: Plan) -> None:
        self.round = round_
        self.plan = plan

    def may_go_out(self, host: Host) -> bool:
        # A host may come back into service by itself, or by somebody's hand, between its installation and its restart.
        return host.uuid in self.plan.out or self.round.memory.intent(f"ApplyUpdates:{host.uuid}") is not None

    def may_install(self, host: Host) -> bool:
        return self.plan.apply == host.uuid or self.round.memory.intent(f"ApplyUpdates:{host.uuid}") is not None

    def may_restart(self, host: Host) -> bool:
        if host.uuid in self.plan.restart or host.uuid == self.plan.apply:
            return True
        asked = (self.round.memory.intent(f"{kind}:{host.uuid}") for kind in ("RebootHost", "RestartToolstack"))
        return any(intent is not None and intent.state is not IntentState.DONE for intent in asked)

    def empty(self, turn: Emptying, residents: tuple[VM, ...]) -> None:
        tied = [vm for vm in residents if turn.to_be_stopped(vm)]
        if len(tied) == len(residents) and (turn.host.uuid == self.plan.apply or turn.host.uuid in self.plan.restart):
            # What cannot move stops at the last moment, right before its host's turn.
            for vm in last_of(turn.round.spec, tied)[: at_once(turn.round.spec)]:
                turn.stop(vm)
        elif turn.host.uuid == self.plan.apply or turn.host.uuid in self.plan.restart:
            # The planner counts it as empty, so what is left neither moves nor is stopped: XAPI says why.
            rest = tuple(vm for vm in residents if vm not in tied)
            homes = turn.round.spec.brings_home
            reason = because("host.evacuating_anyhow", host=turn.host.name, vms=len(rest))
            turn.round.pursue(evacuation(turn, rest, homes=homes), reason, milestone=True)
        else:
            self.round.look_again(_LOOK)

    def settle_vms(self, round_: Round, host: Host, *, final: bool) -> bool:
        # Moved VMs go home when the planner finds room; those that stand still come back with their host.
        return settle_vms(round_, host, final=True) if final else settle_vms(round_, host, kinds=STOPPED)


class Rolling:
    """The strategy of the planned presets."""

    plans = True

    def advance(self, round_: Round, turns: Sequence[Turn]) -> tuple[Turn, ...]:
        """Let go on what is in hand, begin what the planner says; the hosts that are in hand now."""
        if not turns:
            return ()
        return _Pass(round_, turns).hand()


class _Pass:
    """One round of the strategy."""

    def __init__(self, round_: Round, turns: Sequence[Turn]) -> None:
        self.round, self.turns = round_, turns
        self.spec = round_.spec
        self.homes = self.spec.brings_home
        self.seen = Observed(round_, {turn.host.uuid: turn for turn in turns}, self.spec.placement)
        self.view = self.seen.view
        self.stages = {node.uuid: node.stage for node in self.view.nodes}
        self.names = {turn.host.uuid: turn.host.name for turn in turns}
        self.undone: dict[str, Turn] = {}
        self.putting_back = False

    def hand(self) -> tuple[Turn, ...]:
        """Take the steps; what is in hand."""
        self._advance([turn for turn in self.turns if self._in_hand(turn)], Plan())
        unwell = self._unwell()
        self.view.troubled = self.view.troubled or bool(self.round.problems) or unwell
        self._put_back()
        self.view.members = members_before_pause(self.round, self.turns)
        policy = policy_of(Preset(self.spec.preset), self.spec.placement, self.spec.max_out)
        hold_late(self.round, self.view, policy)
        decided = plan(self.view, policy)
        self._book(decided)
        begun = {*decided.out, *decided.restart, *([decided.apply] if decided.apply else [])}
        self._advance([turn for turn in self.turns if turn.host.uuid in begun], decided)
        for move in decided.moves:
            self._move(move)
        self._restart_vms({move.vm for move in decided.moves})
        self._close_homes()
        self._stuck(decided)
        ask_once_held(self.round, self.view, (turn.host for turn in self.turns if turn.update_left))
        self._show()
        self._look(decided)
        self._defer_problems()
        return tuple(turn for turn in self.turns if turn.host.uuid in self.undone)

    def _in_hand(self, turn: Turn) -> bool:
        if self.seen.finding_back(turn.host):
            return False
        if self.stages[turn.host.uuid] in _IN_HAND:
            return True
        enabling = self.round.memory.debt(DebtKind.HOST_ENABLED, turn.host.uuid) is not None
        return not turn.update_left and (enabling or owes_stopped(self.round, turn.host))

    def _advance(self, turns: Sequence[Turn], decided: Plan) -> None:
        pace = Planned(self.round, decided)
        for turn in turns:
            known = len(self.round.problems)
            turn.pace = pace
            if turn.advance():
                self.undone.pop(turn.host.uuid, None)
            else:
                self.undone[turn.host.uuid] = turn
            self.round.blame(turn.host.uuid, known)

    def _unwell(self) -> bool:
        """Whether a host whose turn is over is not, or not known to be, as well as before: no other begins then."""
        unwell = False
        for turn in self.turns:
            if turn.update_left or self.stages[turn.host.uuid] is not Stage.UP or turn.host.uuid in self.undone:
                continue
            known = len(self.round.problems)
            if not turn.healthy():
                self.undone[turn.host.uuid] = turn
                unwell = True
            self.round.blame(turn.host.uuid, known)
        return unwell

    def _put_back(self) -> None:
        """Hosts that only wait for their installation serve again while another is lost or late."""
        stuck = {problem.host for problem in self.round.problems}
        lost = sorted({*self.seen.overdue, *(self.names[uuid] for uuid in stuck if uuid in self.names)})
        for turn in self.turns if lost else ():
            node = self.view.by_uuid[turn.host.uuid]
            if node.uuid not in stuck and only_waits(self.seen, turn):
                # It takes no VMs before it is known to serve.
                node.stage, node.not_before = Stage.OLD, max(node.not_before, _LOOK)
                self.undone.pop(node.uuid, None)
                self.putting_back = not serve_again(self.seen, turn.host, lost) or self.putting_back

    # -- what the plan says ----------------------------------------------------------------------------------

    def _book(self, decided: Plan) -> None:
        for uuid in decided.keep:
            self.round.step(KeepHost(host=uuid), because("host.keeping_vms", host=self.round.name(uuid)))
        for uuid in decided.drain:
            vms = len(self.round.snapshot.residents(uuid))
            reason = because("host.draining", host=self.round.name(uuid), vms=vms)
            drain = DrainHost(host=uuid, vms=vms)
            # A host that kept its VMs for a while and is drained after all is no news to people.
            self.round.step(drain, reason, milestone=self.round.memory.intent(drain.key) is None)

    def _move(self, move: Move) -> None:
        vm = self.round.snapshot.vm(move.vm)
        if vm is None:
            return
        forgotten = self.round.memory.intent(ASKED) is None
        if forgotten and not may_evacuate(self.round, (move.source,), move.source):
            return  # an amendment or a retry forgot what XAPI had said about all hosts
        debts: tuple[Debt, ...] = ()
        if self.homes and self.round.memory.debt(DebtKind.VM_HOME, vm.uuid) is None:
            debts = (Debt(DebtKind.VM_HOME, vm.uuid, move.source, vm.name),)
        reason = because(
            f"vm.moving.{move.why.value}", vm=vm.name, source=self.round.name(move.source), to=self.round.name(move.to)
        )
        network = self.spec.network[0]
        self.round.step(MigrateVm(vm=vm.uuid, to=move.to, network=network, debts=debts), reason)

    def _restart_vms(self, moving: set[str]) -> None:
        """VMs that guidance wants restarted, where they are on an updated host and do not move: at home, unless the
        spec says that they need not wait for that."""
        anywhere = self.spec.vm_restarts is VmRestarts.NOW
        guests = [
            guest.uuid
            for node in self.view.nodes
            if node.stage is Stage.UP and node.updated
            for guest in node.guests
            if guest.to is None and guest.uuid not in moving and (anywhere or guest.home in ("", guest.host))
        ]
        found = (self.round.snapshot.vm(uuid) for uuid in guests)
        vm_tasks(self.round, tuple(vm for vm in found if vm is not None))

    def _close_homes(self) -> None:
        """A VM that is home, on a host whose turn is over, is owed no more."""
        up = {node.uuid for node in self.view.nodes if node.stage is Stage.UP}
        staying = {guest.uuid for node in self.view.nodes for guest in node.guests if guest.to is None}
        for debt in self.round.memory.debts_of(DebtKind.VM_HOME):
            vm, home = self.round.snapshot.vm(debt.subject), home_of(debt)
            if vm is not None and home in up and vm.resident_on == home and vm.uuid in staying:
                name = self.round.name(home)
                self.round.step(close(debt, "settled"), because("debt.vm_home", vm=vm.name, host=name))

    def _stuck(self, decided: Plan) -> None:
        """No placement was found: XAPI may squeeze VMs into less memory; else people decide."""
        in_the_way = [key for key in self.round.memory.intents if key.startswith("EvacuateHost:")]
        for turn in self.turns:
            uuid = turn.host.uuid
            key = f"EvacuateHost:{uuid}"
            if not (decided.evacuate == uuid or (key in in_the_way and self.round.is_open(key))):
                continue
            self.undone[uuid] = turn
            known = len(self.round.problems)
            if turn.must_stay():
                self.round.blame(uuid, known)
                continue
            intent = self.round.memory.intent(key)
            refused = intent is not None and intent.state is IntentState.FAILED and not intent.transient
            if refused and decided.stuck is not None:
                reason, keys = self._homeless(decided.stuck[1], turn)
                self.round.problem(reason, key, *keys, wants=Offer(AmendmentKind.SUSPEND, uuid))
            else:
                residents = self.round.snapshot.residents(uuid)
                reason = because("host.evacuating_anyhow", host=turn.host.name, vms=len(residents))
                self.round.pursue(evacuation(turn, residents, homes=self.homes), reason, milestone=True)
            self.round.blame(uuid, known)
        if not self.round.steps and not self._in_motion() and not self.round.problems:
            self._hopeless()

    def _hopeless(self) -> None:
        for uuid, host in self.seen.hopeless.items():
            turn = next((turn for turn in self.turns if turn.host.uuid == host and turn.update_left), None)
            if turn is None:
                continue
            known = len(self.round.problems)
            reason, keys = self._homeless(uuid, turn)
            self.round.problem(reason, *keys, wants=Offer(AmendmentKind.SUSPEND, host))
            self.round.blame(host, known)
            self.undone[host] = turn

    def _homeless(self, uuid: str, turn: Turn) -> tuple[Reason, tuple[str, ...]]:
        """Why the VM stays where it is, and the intents that a retry forgives: hosts refused it, or are too full."""
        failed = [i for _, i in self.round.memory.moves.get(uuid, ()) if i.state is IntentState.FAILED]
        name, host = self.round.name(uuid), turn.host.name
        if not failed:
            vm = self.round.snapshot.vm(uuid)
            gib = round(vm.memory / 2**30) if vm is not None else 0
            return because("host.no_room", host=host, vm=name, gib=gib), ()
        code = failed[-1].error[0] if failed[-1].error else ""
        keys = (*(intent.key for intent in failed), ASKED, ASKED + turn.host.uuid)
        return because("vm.will_not_move", vm=name, host=host, code=code), keys

    # -- what people see, and when to look again -----------------------------------------------------------------

    def _in_motion(self) -> bool:
        running = (Stage.APPLY, Stage.RESTART, Stage.RETURN)
        stuck = {problem.host for problem in self.round.problems}
        return bool(self.view.flights) or any(
            stage in running and uuid not in stuck for uuid, stage in self.stages.items()
        )

    def _show(self) -> None:
        away: dict[str, int] = {}
        for node in self.view.nodes:
            for guest in node.guests:
                if guest.home and guest.home != guest.host:
                    away[guest.home] = away.get(guest.home, 0) + 1
        more = self.view.flights > 0 or any(turn.update_left for turn in self.turns)
        for turn in self.turns:
            node = self.view.by_uuid[turn.host.uuid]
            if turn.host.uuid in self.undone:
                continue
            if turn.update_left and (node.stage is not Stage.OLD or node.sending):
                turn.show_leaving()
                self.undone[turn.host.uuid] = turn
            elif not turn.update_left and more:
                turn.show_returning(away.get(node.uuid, 0) if self.homes else 0)
                self.undone[turn.host.uuid] = turn

    def _look(self, decided: Plan) -> None:
        if self.view.flights or decided.look is not None:
            reason: Reason | None = None
            if decided.quiet and self.view.flights:
                reason = because("coordinator.quiescing", vms=self.view.flights)
            elif self.view.flights:
                reason = because("vms.moving", vms=self.view.flights)
            self.round.look_again(min(_LOOK, max(2.0, decided.look or _LOOK)), reason)

    def _defer_problems(self) -> None:
        """People are asked when nothing moves by itself any more; until then the first problem is what they read."""
        if self.round.problems and (self.round.steps or self.putting_back or self._in_motion()):
            self.round.waits.insert(0, self.round.problems[0].reason)
            self.round.problems.clear()
            self.round.look_again(_LOOK)
