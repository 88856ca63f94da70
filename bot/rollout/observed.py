"""What the planner sees, made from a snapshot, from what was asked for and from what each host still needs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta

from bot.rollout.amendment import ASKED
from bot.rollout.guidance import Task
from bot.rollout.homecoming import home_of, moving
from bot.rollout.memory import DebtKind, Intent, IntentState
from bot.rollout.model import VM, Host, PoolSnapshot, PowerState
from bot.rollout.need import EMPTYING, HostNeed
from bot.rollout.planner.view import Guest, Node, Stage, View
from bot.rollout.proposal import choices_of, expected_tasks, installs
from bot.rollout.pursuit import Round
from bot.rollout.spec import Placement, VmTreatment, VmWay
from bot.rollout.vm_policy import always_stopped

#: Effects during which the coordinator must not restart, besides moves.
_BUSY = ("SuspendVm", "ShutdownVm", "ResumeVm", "StartVm", "RestartVm", "RestartDeviceModel", "EvacuateHost")
#: What a host answers to a move that a little later, or another host, may take.
_PASSING = frozenset({"HOST_NOT_ENOUGH_FREE_MEMORY", "HOST_DISABLED", "HOST_NOT_LIVE", "OTHER_OPERATION_IN_PROGRESS"})
#: How long the same move is not asked for again after such an answer, and how long its two hosts are left alone when
#: one of them could not be reached: longer each time, up to so many times, so that all tries take a quarter of an hour.
_AGAIN, _UNREACHED, _LONGEST = timedelta(seconds=60), timedelta(seconds=15), 4
#: How often one VM is tried in all, and how often at the same host, before people are asked.
TRIES, _TRIES_HERE = 5, 18
#: Restarts that take so many times longer than expected keep further hosts from beginning.
_OVERDUE, _OVERDUE_SECONDS = 1.5, 120.0
#: How long members may take to come back to a restarted coordinator before they count as lost.
MEMBERS_PATIENCE = timedelta(minutes=15)
_OPEN = (IntentState.OPEN, IntentState.LOST)


class Observed:
    """One look. `view` is the planner's, `hopeless` are VMs that no host would take, with their host; `overdue` names
    hosts whose restart takes so long that nobody else should risk one."""

    def __init__(self, round_: Round, needs: Mapping[str, HostNeed], placement: Placement) -> None:
        self.round, self.needs, self.placement = round_, needs, placement
        self.hopeless: dict[str, str] = {}
        self._homes = {debt.subject: home_of(debt) for debt in round_.memory.debts_of(DebtKind.VM_HOME)}
        self._choices = choices_of(round_.spec)
        self._left = {rule.uuid for rule in round_.spec.rules if rule.way is VmWay.LEAVE}
        self._wanted = {uuid: place for place, uuid in enumerate(round_.spec.order)}
        self._shaken: dict[str, float] = {}
        snapshot = round_.snapshot
        ranks = {key: rank for rank, key in enumerate(sorted({host.version.key() for host in snapshot.hosts}))}
        nodes = [self._node(host, ranks[host.version.key()]) for host in in_order(snapshot)]
        known = {node.uuid: node for node in nodes}
        for vm in snapshot.vms:
            if vm.resident_on in known and vm.power_state in (PowerState.RUNNING, PowerState.PAUSED):
                self._guest(vm, known[vm.resident_on], known)
        for node in nodes:
            host = snapshot.host(node.uuid)
            waiting = 10.0 if host is not None and self.finding_back(host) else 0.0
            node.not_before = max(self._shaken.get(node.uuid, 0.0), waiting)
            if self.hopeless and node.stage in (Stage.DRAIN, Stage.OLD):
                stuck = any(self.hopeless.get(guest.uuid) == node.uuid for guest in node.guests)
                if stuck and node.drains:
                    node.stage, node.not_before = Stage.OLD, math.inf
        self.overdue = tuple(need.host.name for need in needs.values() if self._overdue(need))
        self.view = View(
            nodes,
            displaced=self._displaced(),
            troubled=bool(self.overdue),
            busy=any(round_.is_open(key) for key in round_.memory.intents if key.startswith(_BUSY)),
        )

    # -- hosts ---------------------------------------------------------------------------------------------------

    def _node(self, host: Host, rank: int) -> Node:
        need = self.needs.get(host.uuid)
        node = Node(
            uuid=host.uuid,
            name=host.name,
            capacity=host.memory_total - host.memory_overhead - host.control_domain_memory,
            coordinator=host.uuid == self.round.snapshot.pool.coordinator,
            rank=rank,
        )
        if need is None:
            node.stage = Stage.UP if host.enabled and host.live else Stage.LOST
            node.drains = False
            updates = self.round.memory.updates
            node.behind = installs(host, updates.for_host(host.uuid), updates.checksum)
            return node
        node.stage = self._stage(need)
        node.behind = need.update_left
        node.updated = not need.update_left and need.begun
        node.wanted = self._wanted.get(host.uuid, len(self._wanted))
        node.stopping = any(
            home_of(debt) == host.uuid
            for debt in self.round.memory.debts_of(DebtKind.VM_STOPPED, DebtKind.VM_SUSPENDED)
        )
        node.drains, node.apply, node.tail = self._work(need)
        node.due = self._due(need, node.stage)
        node.away = self._away(host)
        return node

    def _stage(self, need: HostNeed) -> Stage:
        host, memory = need.host, self.round.memory
        if any(_is(memory.intent(key), *_OPEN) for key in (need.reboot.key, need.toolstack.key)):
            return Stage.RESTART
        if host.uuid in memory.skipped or (not host.live and not self.finding_back(host)):
            return Stage.LOST
        if not need.update_left:
            if host.enabled:
                return Stage.UP
            return Stage.RETURN if memory.debt(DebtKind.HOST_ENABLED, host.uuid) is not None else Stage.LOST
        asked = memory.intent(need.apply.key)
        if asked is not None and (not need.applied or _is(asked, IntentState.OPEN)):
            return Stage.APPLY
        if asked is not None:
            return Stage.APPLIED
        if not host.enabled:
            return Stage.OUT
        return Stage.DRAIN if self.draining(host.uuid) else Stage.OLD

    def finding_back(self, host: Host) -> bool:
        """Whether the host may still be looking for its coordinator after that one's restart: XAPI calls it dead by
        then, although its VMs run."""
        if host.live or not self._away(host):
            return False
        if any(_is(self._intent(f"{kind}:{host.uuid}"), *_OPEN) for kind in ("RebootHost", "RestartToolstack")):
            return False  # it restarts itself, and is waited for as that
        coordinator = self.round.snapshot.pool.coordinator
        ended = [
            intent.finished_at
            for kind in ("RebootHost", "RestartToolstack")
            if (intent := self._intent(f"{kind}:{coordinator}")) is not None and intent.finished_at is not None
        ]
        return bool(ended) and self.round.now - max(ended) < MEMBERS_PATIENCE

    def draining(self, host: str) -> bool:
        """Whether the host's VMs were told to leave, and not told to stay since."""
        drained, kept = self.round.memory.intent(f"DrainHost:{host}"), self.round.memory.intent(f"KeepHost:{host}")
        return drained is not None and (kept is None or kept.started_at < drained.started_at)

    def _work(self, need: HostNeed) -> tuple[bool, float, float]:
        """Whether the host must be empty, and the seconds of its installation and of its restart."""
        estimates, snapshot = self.round.estimates, self.round.snapshot
        updates = self.round.memory.updates
        if not need.update_left:
            # What kind of host it was still counts: the first of each kind to come back is the canary of its kind.
            return bool(need.ceiling & EMPTYING), 0.0, 0.0
        if need.applied:
            reboot = need.needs_reboot
            apply = estimates.apply if need.tries_livepatch_again else 0.0
            return reboot, apply, estimates.reboot if reboot else estimates.toolstack if need.needs_toolstack else 0.0
        tasks = need.ceiling
        if need.available is not None:
            tasks = tasks & expected_tasks(snapshot, updates, need.host, self._choices)
        apply = estimates.apply if installs(need.host, need.available, updates.checksum) else 0.0
        tail = estimates.reboot if Task.REBOOT_HOST in tasks else 0.0
        if not tail and Task.RESTART_TOOLSTACK in tasks:
            tail = estimates.toolstack
        return bool(tasks & EMPTYING), apply, tail

    def _due(self, need: HostNeed, stage: Stage) -> float:
        if stage is Stage.APPLY:
            return max(0.0, self.round.estimates.apply - self._since(need.apply.key))
        if stage is Stage.RESTART:
            return max(0.0, self._expected(need) - self._elapsed(need))
        return 0.0

    def _expected(self, need: HostNeed) -> float:
        rebooting = _is(self.round.memory.intent(need.reboot.key), *_OPEN)
        return self.round.estimates.reboot if rebooting else self.round.estimates.toolstack

    def _elapsed(self, need: HostNeed) -> float:
        return max(
            (self._since(key) for key in (need.reboot.key, need.toolstack.key) if _is(self._intent(key), *_OPEN)),
            default=0.0,
        )

    def _overdue(self, need: HostNeed) -> bool:
        """Whether its restart takes so long that nobody else should risk one: an update may be bad for all."""
        if need.host.uuid in self.round.memory.skipped:
            return False
        return self._elapsed(need) > _OVERDUE * self._expected(need) + _OVERDUE_SECONDS

    def _away(self, host: Host) -> bool:
        coordinator = self.round.snapshot.coordinator
        if coordinator is None or host.is_coordinator:
            return False
        restarted = self._intent(f"RebootHost:{coordinator.uuid}")
        return restarted is not None and host.agent_start_time < coordinator.agent_start_time

    def _intent(self, key: str) -> Intent | None:
        return self.round.memory.intent(key)

    def _since(self, key: str) -> float:
        intent = self._intent(key)
        return (self.round.now - intent.started_at).total_seconds() if intent is not None else 0.0

    # -- VMs -----------------------------------------------------------------------------------------------------

    def _guest(self, vm: VM, node: Node, known: Mapping[str, Node]) -> None:
        guest = Guest(
            uuid=vm.uuid,
            memory=vm.memory,
            host=node.uuid,
            seconds=self.round.estimates.migration(vm.memory),
            home=self._homes.get(vm.uuid, node.uuid if self.placement is Placement.HOME else ""),
            stays=self._stays(vm, node),
            group=vm.group,
        )
        node.guests.append(guest)
        node.used += guest.memory
        tried = self.round.memory.moves.get(vm.uuid, ())
        to = (moving(self.round, vm) if tried else None) or vm.moving_to
        if to is not None and to != node.uuid and to in known:
            guest.to = to
            target = known[to]
            node.sending += 1
            target.receiving += 1
            target.used += guest.memory
            return
        if vm.current_operations or to is not None:
            guest.not_before = 5.0
        if tried:
            self._experience(tried, guest, node)

    def _stays(self, vm: VM, node: Node) -> bool:
        if vm.power_state is not PowerState.RUNNING or vm.uuid in self._left:
            return True
        allowed = self.round.spec.vm(vm.uuid)
        if allowed is None or allowed.treatment is VmTreatment.RESTART:
            return False
        if always_stopped(self.round.spec, vm.uuid) is not None:
            return True
        asked = self.round.memory.intent(ASKED + node.uuid) or self.round.memory.intent(ASKED)
        if asked is None or not isinstance(asked.result, dict):
            return True
        codes = [str(entry[1]) for entry in asked.result.get(node.uuid, ()) if entry[0] == vm.uuid]
        return bool(codes)

    def _experience(self, tried: Sequence[tuple[str, Intent]], guest: Guest, node: Node) -> None:
        """What earlier tries to move the VM taught."""
        refused: set[str] = set()
        failures = 0
        for to, intent in tried:
            guest.moved += intent.attempts
            if intent.state is not IntentState.FAILED:
                continue
            since = self.round.now - (intent.finished_at or intent.started_at)
            code = intent.error[0] if intent.error else ""
            if intent.transient or code in _PASSING:
                refused.update({to} if intent.attempts >= (_TRIES_HERE if intent.transient else TRIES) else ())
                wait = _UNREACHED * min(intent.attempts, _LONGEST) if intent.transient else _AGAIN
                if since < wait:
                    left = (wait - since).total_seconds()
                    guest.not_before = max(guest.not_before, left)
                    if intent.transient:
                        for uuid in (to, node.uuid):
                            self._shaken[uuid] = max(self._shaken.get(uuid, 0.0), left)
                continue
            failures += intent.attempts
            refused.add(to)
        guest.refused = frozenset(refused)
        if failures >= TRIES or (refused and refused >= self.round.snapshot.host_uuids - {node.uuid}):
            self.hopeless[guest.uuid] = node.uuid

    def _displaced(self) -> int:
        """How many moves went to hosts that had to be emptied later, the coordinator's VMs aside."""
        coordinator = self.round.snapshot.coordinator
        first = self._intent(f"ApplyUpdates:{coordinator.uuid}") if coordinator is not None else None
        if first is None:
            return 0
        count = 0
        for moves in self.round.memory.moves.values():
            for to, intent in moves:
                installed = self._intent(f"ApplyUpdates:{to}")
                before = installed is None or intent.started_at < installed.started_at
                count += before and self._must_drain(to) and intent.started_at >= first.started_at
        return count

    def _must_drain(self, uuid: str) -> bool:
        ceiling = self.round.spec.host(uuid)
        return ceiling is not None and bool(ceiling.tasks & EMPTYING)


def in_order(snapshot: PoolSnapshot) -> list[Host]:
    """All hosts of the pool, the coordinator first."""
    return sorted(snapshot.hosts, key=lambda host: (host.uuid != snapshot.pool.coordinator, host.name))


def _is(intent: Intent | None, *states: IntentState) -> bool:
    return intent is not None and intent.state in states
