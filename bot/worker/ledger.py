"""What became of what we asked XAPI for: tasks that ended, hosts that came back, and how long it took.

Only who holds the `fence` may write it down; `storage.errors.Conflict` says that somebody else does.
"""

from __future__ import annotations

from bot.rollout.memory import Intent, IntentState
from bot.rollout.model import PoolSnapshot
from bot.rollouts import Rollouts
from bot.xen.gateway import Gateway
from bot.xen.tasks import livepatch_failures
from storage import durations, intents, rollouts
from storage.database import Session
from storage.tables import RolloutRow

#: Which measurement an action of that name yields.
_MEASURES: dict[str, durations.What] = {
    "ApplyUpdates": "apply",
    "RebootHost": "reboot",
    "RestartToolstack": "toolstack",
    "RestartVm": "vm_restart",
}
#: Seconds; what took longer was held up by something else.
_LONGEST_MEASURED = 7200.0
_RESTARTS = ("RebootHost", "RestartToolstack")


def look_at_tasks(
    desk: Rollouts, gateway: Gateway, row: RolloutRow, fence: str, before: PoolSnapshot | None, *, recovering: bool
) -> None:
    """Look after every open intent that a task carries out. To be called *before* the next snapshot is taken.

    In this order a task that is over is always visible in the snapshot that follows; the other way round a VM could
    be seen running after its shutdown was already known to be done. With `recovering` (a new driver took over) an
    intent without a task counts as lost: whoever opened it may have died before or after the call. `before` is the
    last snapshot, None when there is none.
    """
    for intent in _of(desk, row, IntentState.OPEN):
        if intent.task_ref:
            _look_at_task(desk, gateway, row, fence, intent, before)
        elif recovering and intent.key.partition(":")[0] not in _RESTARTS:
            with desk.database.transaction() as tx:
                rollouts.check_fence(tx, row.id, fence)
                intents.lose(tx, row.id, intent.key, desk.time.now())


def look_at_restarts(desk: Rollouts, row: RolloutRow, fence: str, snapshot: PoolSnapshot, *, recovering: bool) -> None:
    """Finish the restarts that can be seen on their hosts, also those whose answer was lost."""
    for intent in _of(desk, row, IntentState.OPEN, IntentState.LOST):
        kind, _, subject = intent.key.partition(":")
        if kind not in _RESTARTS:
            continue
        if _came_back(kind, subject, intent, snapshot):
            _finish(desk, row, fence, intent, snapshot)
        elif recovering and intent.state is IntentState.OPEN:
            with desk.database.transaction() as tx:
                rollouts.check_fence(tx, row.id, fence)
                intents.lose(tx, row.id, intent.key, desk.time.now())


def _of(desk: Rollouts, row: RolloutRow, *states: IntentState) -> list[Intent]:
    with desk.database.reading() as tx:
        known = intents.all_intents(tx, row.id)
    return [intent for intent in known.values() if intent.state in states]


def _came_back(kind: str, subject: str, intent: Intent, snapshot: PoolSnapshot) -> bool:
    """Whether the host restarted since: XAPI's start time is newer than the one written down before the call."""
    host = snapshot.host(subject)
    if host is None or not host.live:
        return False
    if kind == "RebootHost":
        # Another one, not a later one: a host without a working clock boots in the past until NTP corrects it.
        return host.boot_time != intent.boot_time and host.agent_start_time != intent.agent_start_time
    return host.agent_start_time != intent.agent_start_time


def _look_at_task(
    desk: Rollouts, gateway: Gateway, row: RolloutRow, fence: str, intent: Intent, before: PoolSnapshot | None
) -> None:
    status = gateway.task(intent.task_ref)
    if status.state == "pending":
        return
    now = desk.time.now()
    if status.state == "success":
        failed = livepatch_failures(status.result) if intent.key.startswith("ApplyUpdates:") else ()
        _finish(desk, row, fence, intent, before, result=list(failed))
    else:
        with desk.database.transaction() as tx:
            rollouts.check_fence(tx, row.id, fence)
            if status.error is not None:
                error = (status.error.code, *status.error.params)
                intents.fail(tx, row.id, intent.key, now, error, status.error.transient)
            else:
                intents.lose(tx, row.id, intent.key, now)
    if status.state != "gone":
        gateway.forget_task(intent.task_ref)


def _finish(
    desk: Rollouts,
    row: RolloutRow,
    fence: str,
    intent: Intent,
    snapshot: PoolSnapshot | None,
    result: list[str] | None = None,
) -> None:
    with desk.database.transaction() as tx:
        rollouts.check_fence(tx, row.id, fence)
        intents.finish(tx, row.id, intent.key, desk.time.now(), result)
        _learn(tx, desk, row, intent, snapshot)


def _learn(tx: Session, desk: Rollouts, row: RolloutRow, intent: Intent, snapshot: PoolSnapshot | None) -> None:
    kind, _, subject = intent.key.partition(":")
    now = desk.time.now()
    seconds = (now - intent.started_at).total_seconds()
    if intent.attempts > 1 or intent.state is IntentState.LOST or seconds > _LONGEST_MEASURED:
        return  # a wait for people, or for an answer that was lost, is no measurement
    what = _MEASURES.get(kind)
    if what is not None and seconds > 0:
        durations.learn(tx, row.pool_uuid, what, seconds, now)
        return
    vm = snapshot.vm(subject) if snapshot is not None else None
    fixed = durations.estimates(tx, row.pool_uuid).migrate_fixed
    if kind == "MigrateVm" and vm is not None and seconds > fixed and vm.memory > 0:
        durations.learn(tx, row.pool_uuid, "migrate_rate", vm.memory / (seconds - fixed), now)
