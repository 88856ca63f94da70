"""What if: a rollout on paper, from the pool as it is, through the same planner that decides for real.

It tells what a rollout will cost, when each host's turn comes, and whether it can go through at all, before anything is
touched. Started from the middle of a rollout it tells when the rest will be done.
"""

from __future__ import annotations

from dataclasses import replace

from bot.rollout.action import AskEvacuation
from bot.rollout.decision import Estimates
from bot.rollout.fixes import Remedy, subjects_of
from bot.rollout.memory import Intent, IntentState, Memory
from bot.rollout.model import AvailableUpdates, PoolSnapshot
from bot.rollout.need import HostNeed
from bot.rollout.observed import Observed
from bot.rollout.planner.policy import Policy, policy_of
from bot.rollout.planner.simulation import Course, Reality, Simulation
from bot.rollout.planner.view import View
from bot.rollout.proposal import host_order, preset_of
from bot.rollout.pursuit import Round
from bot.rollout.spec import Preset, Spec, VmTreatment

#: A restarted host needs that long until it is in service and its end is seen.
_NOTICE = 5.0
#: The stop and the start of a VM that cannot move, around its host's turn.
_STOP_AND_START = 60.0


def policy_for(spec: Spec) -> Policy:
    """The planner's policy behind a spec. One host after the other is the gentlest there is, for a forecast."""
    preset = preset_of(spec)
    return policy_of(Preset.GENTLE if preset is Preset.SERIAL else preset, spec.placement, spec.max_out)


def view_of(spec: Spec, snapshot: PoolSnapshot, updates: AvailableUpdates, estimates: Estimates) -> View:
    """The pool before the rollout, as the planner sees it: with the hosts in service that the spec puts there."""
    lent = set(subjects_of(spec.fixes, Remedy.ENABLE_HOSTS))
    hosts = tuple(replace(host, enabled=True) if host.uuid in lent else host for host in snapshot.hosts)
    snapshot = replace(snapshot, hosts=hosts)
    tied = [vm for vm in spec.vms if vm.treatment is not VmTreatment.RESTART]
    answer = {
        host.uuid: [[vm.uuid, "VM_REQUIRES_SR"] for vm in tied if _runs_on(snapshot, vm.uuid) == host.uuid]
        for host in snapshot.hosts
    }
    asked = Intent(AskEvacuation().key, IntentState.DONE, snapshot.taken_at, result=answer)
    memory = Memory(updates, intents={asked.key: asked})
    return present_view(Round(spec, memory, snapshot, estimates, snapshot.taken_at))


def present_view(round_: Round) -> View:
    """The pool in the midst of a rollout, as the planner sees it."""
    left_out = round_.memory.skipped
    hosts = (host for host in host_order(round_.snapshot, round_.spec) if host.uuid not in left_out)
    needs = {host.uuid: HostNeed(round_, host) for host in hosts}
    return Observed(round_, needs, round_.spec.placement).view


def on_paper(view: View, policy: Policy) -> Course:
    """What becomes of the pool when everything takes as long as expected. The view is used up."""
    reality = Reality(
        apply=lambda node: node.apply,
        restart=lambda node: node.tail,
        move=lambda guest: guest.seconds,
        notice=_NOTICE,
    )
    return Simulation(view, policy, reality).run()


def course_of(spec: Spec, snapshot: PoolSnapshot, updates: AvailableUpdates, estimates: Estimates) -> Course:
    """The whole rollout on paper."""
    course = on_paper(view_of(spec, snapshot, updates, estimates), policy_for(spec))
    stopped = {vm: seconds + _STOP_AND_START for vm, seconds in course.stopped.items()}
    return replace(course, stopped=stopped)


def _runs_on(snapshot: PoolSnapshot, uuid: str) -> str | None:
    vm = snapshot.vm(uuid)
    return vm.resident_on if vm is not None else None
