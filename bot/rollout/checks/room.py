"""Whether the planner finds a place for every VM, all the way through: the rollout is carried out on paper first."""

from __future__ import annotations

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Severity
from bot.rollout.decision import Estimates
from bot.rollout.proposal import preset_of
from bot.rollout.reason import because
from bot.rollout.spec import Preset
from bot.rollout.whatif import course_of


class Room:
    """Blocks when a host could not be emptied without squeezing a VM. One host after the other, XAPI places VMs itself
    and is asked instead (`EvacuationPossible`)."""

    name = "room"
    needs_updates = True

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        spec = facts.spec
        if spec is None or facts.updates is None or not spec.hosts or preset_of(spec) is Preset.SERIAL:
            return ()
        course = course_of(spec, facts.snapshot, facts.updates, Estimates())
        if course.stuck is None:
            return ()
        uuid, guest = course.stuck
        vm = facts.snapshot.vm(guest)
        reason = because(
            "check.room",
            host=facts.host_name(uuid),
            vm=vm.name if vm is not None else guest,
            gib=round(vm.memory / 2**30) if vm is not None else 0,
        )
        return (Finding(self.name, Severity.BLOCKS, reason, uuid),)
