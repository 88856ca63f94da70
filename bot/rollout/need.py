"""What one host still needs for a CDN update, seen from its records, from what it was asked for and from the spec."""

from __future__ import annotations

from functools import cached_property

from bot.rollout.action import ApplyUpdates, RebootHost, RestartToolstack
from bot.rollout.discs import owed_on
from bot.rollout.guidance import LIVEPATCH_FAILURE_TASKS, Level, Task
from bot.rollout.homecoming import home_of
from bot.rollout.kind import Kind
from bot.rollout.memory import DebtKind, IntentState
from bot.rollout.model import Host
from bot.rollout.pursuit import Round
from bot.rollout.spec import Livepatch, OnLivepatchFailure

#: Tasks for which the host must be empty.
EMPTYING = frozenset({Task.EVACUATE_HOST, Task.REBOOT_HOST})
#: Whichever of these was asked for first: a host that only restarts is neither taken out nor installed on.
_BEGINNINGS = ("DrainHost", "DisableHost", "ApplyUpdates", "RebootHost", "RestartToolstack")


class HostNeed:
    """One host in one round: what is left to do for it, and how much of that is allowed.

    A round changes nothing of what this is derived from, so each answer is worked out once.
    """

    def __init__(self, round_: Round, host: Host) -> None:
        self.round = round_
        self.host = host
        self.spec = round_.spec
        self.memory = round_.memory
        ceiling = self.spec.host(host.uuid)
        self.ceiling = ceiling.tasks if ceiling is not None else frozenset[Task]()
        self.available = self.memory.updates.for_host(host.uuid)
        self.apply = ApplyUpdates(host=host.uuid, checksum=self.spec.checksum)
        self.reboot = RebootHost(host=host.uuid)
        self.toolstack = RestartToolstack(host=host.uuid)

    @cached_property
    def applied(self) -> bool:
        """Whether the host has the approved checksum, or XAPI had nothing to install on it."""
        if self.host.last_update_hash == self.spec.checksum:
            return True
        return self.available is not None and not self.available.anything

    @cached_property
    def pending(self) -> frozenset[Task]:
        """The host tasks that XAPI lists as pending, up to the level of the spec."""
        return self.host.pending.at(self.spec.level)

    @cached_property
    def livepatch_failed(self) -> bool:
        """Whether XAPI asks for a reboot because a live patch could not be applied."""
        return self.spec.level is not Level.MANDATORY and bool(self.pending & LIVEPATCH_FAILURE_TASKS)

    @cached_property
    def tries_livepatch_again(self) -> bool:
        """Whether a live patch that failed is to be applied once more, before people are asked about a reboot.

        So it is where it failed before this rollout, or where a retry forgave the installation: XAPI keeps live patches
        that failed and tries them again with the next ``host.apply_updates``.
        """
        return self.livepatch_failed and not self.needs_reboot and self.memory.intent(self.apply.key) is None

    @cached_property
    def needs_reboot(self) -> bool:
        """Whether the host still has to restart at this level."""
        if Task.REBOOT_HOST in self.pending:
            return True
        if self.spec.kind == Kind.REBOOT:
            intent = self.memory.intent(self.reboot.key)
            return intent is None or intent.state is not IntentState.DONE
        if self.livepatch_failed:
            accepted = self.spec.on_livepatch_failure is OnLivepatchFailure.REBOOT
            # Whoever approved a reboot of this host, at first or in an amendment, need not be asked once more.
            return accepted or Task.REBOOT_HOST in self.ceiling
        if self.spec.livepatch is Livepatch.REBOOT_ANYWAY and self.available is not None:
            return bool(self.available.livepatches) and self._not_since_apply(self.host.boot_time, "boot")
        return False

    @cached_property
    def needs_toolstack(self) -> bool:
        """Whether the toolstack still has to restart.

        Asked for by guidance, or by the rule that a member must not restart with a newer XAPI than its coordinator
        has running: after such packages every updated host restarts its toolstack, whatever the level.
        """
        if Task.RESTART_TOOLSTACK in self.pending:
            return True
        forced = self.memory.updates.changes_versions
        if not forced and not self.round.snapshot.pool.versions_mixed:
            return False
        # A host that somebody updated earlier without restarting it still runs the old version.
        waiting = bool(self.host.pending.at(Level.FULL) & {Task.RESTART_TOOLSTACK, Task.REBOOT_HOST})
        asked = self.memory.intent(self.toolstack.key)
        restarted = asked is not None and asked.state is IntentState.DONE
        return self._not_since_apply(self.host.agent_start_time, "agent") or (
            Task.RESTART_TOOLSTACK in self.ceiling and waiting and not restarted and not self._applied_by_us
        )

    @property
    def _applied_by_us(self) -> bool:
        return self.memory.intent(self.apply.key) is not None

    def _not_since_apply(self, start_time: float, which: str) -> bool:
        intent = self.memory.intent(self.apply.key)
        if intent is None:
            return False
        before = intent.boot_time if which == "boot" else intent.agent_start_time
        return start_time <= before

    @cached_property
    def begun(self) -> bool:
        """Whether this rollout has asked for anything on the host."""
        return any(self.memory.intent(f"{kind}:{self.host.uuid}") for kind in _BEGINNINGS)

    @property
    def touched(self) -> bool:
        """Whether the host was begun, or something on it is owed."""
        return self.begun or self._owes

    @cached_property
    def _owes(self) -> bool:
        if self.memory.debt(DebtKind.HOST_ENABLED, self.host.uuid) is not None:
            return True
        if owed_on(self.memory, self.host.uuid):
            return True
        vm_debts = self.memory.debts_of(DebtKind.VM_HOME, DebtKind.VM_STOPPED, DebtKind.VM_SUSPENDED)
        return any(home_of(debt) == self.host.uuid for debt in vm_debts)

    @cached_property
    def update_left(self) -> bool:
        """Whether updates or restarts are left for this host."""
        under_way = self.round.is_open(self.apply.key)
        restarts = self.needs_reboot or self.needs_toolstack or self.livepatch_failed
        return not self.applied or under_way or restarts

    @property
    def work_left(self) -> bool:
        """Whether updates, restarts or anything owed is left for this host."""
        return self.update_left or self._owes
