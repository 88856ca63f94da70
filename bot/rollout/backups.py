"""Backups before a run: what is taken, and that nothing else begins before it is there.

A spec lists them in `backups`: kinds, ``snapshots:<tag>`` for the VMs that carry a tag, and ``or_go_on`` where a
backup that fails does not keep the run from beginning. Copies are taken before anything on the pool is touched, even
before it is marked as ours: while versions are mixed XAPI hands out an empty database. Snapshots change the pool, so
they come right after the mark.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from bot.rollout.action import BackUp, SnapshotVm
from bot.rollout.errors import InvalidSpec
from bot.rollout.memory import IntentState
from bot.rollout.pursuit import MAX_ATTEMPTS, MAX_TRANSIENT, Round
from bot.rollout.reason import because

GO_ON = "or_go_on"
_SNAPSHOTS_OF = "snapshots:"


class BackupKind(StrEnum):
    """What can be kept of a pool."""

    POOL_DATABASE = "pool_database"
    """The pool's database: everything XenServer knows, disks not among it."""
    VM_METADATA = "vm_metadata"
    """What VMs are made of, without their disks."""
    HOSTS = "hosts"
    """The control domain of every host that the rollout covers."""
    SNAPSHOTS = "snapshots"
    """A disk snapshot of every VM that carries a tag."""


_COPIES = frozenset(kind.value for kind in BackupKind if kind is not BackupKind.SNAPSHOTS)


@dataclass(frozen=True, slots=True)
class BackupPlan:
    """The backups of one spec. `tag` chooses the VMs that get a snapshot; with `go_on` not even a failure blocks."""

    kinds: frozenset[BackupKind] = frozenset()
    tag: str = ""
    go_on: bool = False

    def words(self) -> tuple[str, ...]:
        """The plan as a spec stores it; empty when nothing is backed up."""
        if not self.kinds:
            return ()
        kinds = (kind for kind in BackupKind if kind in self.kinds)
        words = [f"{_SNAPSHOTS_OF}{self.tag}" if kind is BackupKind.SNAPSHOTS else kind.value for kind in kinds]
        return (*words, GO_ON) if self.go_on else tuple(words)


def plan_of(words: Collection[str]) -> BackupPlan:
    """The plan behind a spec's words. Raises `InvalidSpec` for one that this release does not know."""
    kinds, tag = set(), ""
    for word in words:
        if word.startswith(_SNAPSHOTS_OF):
            kinds.add(BackupKind.SNAPSHOTS)
            tag = word.removeprefix(_SNAPSHOTS_OF)
        elif word in _COPIES:
            kinds.add(BackupKind(word))
        elif word != GO_ON:
            raise InvalidSpec(f"This release cannot back up {word!r}.", "Abort the rollout and ask for a new one.")
    return BackupPlan(frozenset(kinds), tag, GO_ON in words)


def copies_taken(round_: Round) -> bool:
    """Whether the files are there (or can no longer be had); asks for the next one when not."""
    plan = plan_of(round_.spec.backups)
    if not plan.kinds or _too_late(round_):
        return True
    if BackupKind.POOL_DATABASE in plan.kinds:
        action = BackUp(what=BackupKind.POOL_DATABASE.value)
        if not _taken(round_, plan, action):
            return False
    if BackupKind.VM_METADATA in plan.kinds:
        action = BackUp(what=BackupKind.VM_METADATA.value)
        if not _taken(round_, plan, action):
            return False
    if BackupKind.HOSTS in plan.kinds:
        for host in round_.spec.hosts:
            if host.uuid not in round_.memory.skipped and not _taken(
                round_, plan, BackUp(what=BackupKind.HOSTS.value, host=host.uuid)
            ):
                return False
    return True


def snapshots_taken(round_: Round) -> bool:
    """Whether every VM with the tag has its snapshot; asks for those that are missing."""
    plan = plan_of(round_.spec.backups)
    if BackupKind.SNAPSHOTS not in plan.kinds or _too_late(round_):
        return True
    tagged = [vm for vm in round_.snapshot.vms if plan.tag in vm.tags]
    name = f"before {round_.memory.owner}"
    missing = [vm for vm in tagged if not _done(round_, plan, SnapshotVm(vm=vm.uuid, name=name))]
    for vm in missing[:1]:
        # One at a time: each stops the disks of its VM for a moment, and the storage for all.
        round_.pursue(
            SnapshotVm(vm=vm.uuid, name=name),
            because("backup.snapshotting", vm=vm.name, left=len(missing), count=len(tagged)),
            milestone=True,
        )
    return not missing


def _too_late(round_: Round) -> bool:
    """Once a host was touched there is no *before* to keep any more."""
    return any(key.startswith(("DisableHost:", "ApplyUpdates:")) for key in round_.memory.intents)


def _taken(round_: Round, plan: BackupPlan, action: BackUp) -> bool:
    if _done(round_, plan, action):
        return True
    host = round_.name(action.host) if action.host else ""
    round_.pursue(action, because("backup.taking", kind=action.what, host=host), milestone=True)
    return False


def _done(round_: Round, plan: BackupPlan, action: BackUp | SnapshotVm) -> bool:
    intent = round_.memory.intent(action.key)
    if intent is None:
        return False
    if intent.state is IntentState.DONE:
        return True
    if intent.state is IntentState.FAILED:
        lasting = not intent.transient or intent.attempts >= MAX_TRANSIENT
    else:
        lasting = intent.state is IntentState.LOST and intent.attempts >= MAX_ATTEMPTS
    return plan.go_on and lasting
