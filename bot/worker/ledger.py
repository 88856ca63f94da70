"""What became of what we asked XAPI for: tasks that ended, hosts that came back, and how long it took."""

from __future__ import annotations

from collections.abc import Iterable

from bot.rollout.memory import Intent, IntentState
from bot.rollout.model import PoolSnapshot
from bot.rollouts import Rollouts
from bot.xen.gateway import Gateway
from bot.xen.tasks import livepatch_failures
from storage import durations, intents
from storage.database import Session
from storage.tables import RolloutRow

#: Which measurement an action of that name yields.
_MEASURES: dict[str, durations.What] = {
    "ApplyUpdates": "apply",
    "RebootHost": "reboot",
    "RestartToolstack": "toolstack",
    "RestartVm": "vm_restart",
}
_RESTARTS = ("RebootHost", "RestartToolstack")


def settle_open(desk: Rollouts, gateway: Gateway, row: RolloutRow, snapshot: PoolSnapshot, *, recovering: bool) -> None:
    """Look after every open intent of the rollout, and after restarts whose answer was lost.

    With `recovering` (a new driver took over) an intent without a task counts as lost: whoever opened it may have
    died before or after the call. Whether a lost restart happened can be seen on the host.
    """
    with desk.database.reading() as tx:
        known = intents.all_intents(tx, row.id)
    for intent in _open(known.values()):
        kind, _, subject = intent.key.partition(":")
        if kind in _RESTARTS and _came_back(kind, subject, intent, snapshot):
            _finish(desk, row, intent, snapshot)
        elif intent.state is IntentState.LOST or (kind in _RESTARTS and not recovering):
            continue
        elif intent.task_ref:
            _look_at_task(desk, gateway, row, intent, snapshot)
        elif recovering:
            with desk.database.transaction() as tx:
                intents.lose(tx, row.id, intent.key, desk.time.now())


def _open(known: Iterable[Intent]) -> list[Intent]:
    return [
        intent
        for intent in known
        if intent.state is IntentState.OPEN
        or (intent.state is IntentState.LOST and intent.key.partition(":")[0] in _RESTARTS)
    ]


def _came_back(kind: str, subject: str, intent: Intent, snapshot: PoolSnapshot) -> bool:
    """Whether the host restarted since: XAPI's start time is newer than the one written down before the call."""
    host = snapshot.host(subject)
    if host is None or not host.live:
        return False
    if kind == "RebootHost":
        return host.boot_time > intent.boot_time and host.agent_start_time > intent.agent_start_time
    return host.agent_start_time > intent.agent_start_time


def _look_at_task(desk: Rollouts, gateway: Gateway, row: RolloutRow, intent: Intent, snapshot: PoolSnapshot) -> None:
    status = gateway.task(intent.task_ref)
    if status.state == "pending":
        return
    now = desk.time.now()
    if status.state == "success":
        failed = livepatch_failures(status.result) if intent.key.startswith("ApplyUpdates:") else ()
        _finish(desk, row, intent, snapshot, result=list(failed))
    else:
        with desk.database.transaction() as tx:
            if status.error is not None:
                error = (status.error.code, *status.error.params)
                intents.fail(tx, row.id, intent.key, now, error, status.error.transient)
            else:
                intents.lose(tx, row.id, intent.key, now)
    if status.state != "gone":
        gateway.forget_task(intent.task_ref)


def _finish(
    desk: Rollouts, row: RolloutRow, intent: Intent, snapshot: PoolSnapshot, result: list[str] | None = None
) -> None:
    with desk.database.transaction() as tx:
        intents.finish(tx, row.id, intent.key, desk.time.now(), result)
        _learn(tx, desk, row, intent, snapshot)


def _learn(tx: Session, desk: Rollouts, row: RolloutRow, intent: Intent, snapshot: PoolSnapshot) -> None:
    kind, _, subject = intent.key.partition(":")
    now = desk.time.now()
    seconds = (now - intent.started_at).total_seconds()
    what = _MEASURES.get(kind)
    if what is not None and seconds > 0:
        durations.learn(tx, row.pool_uuid, what, seconds, now)
        return
    vm = snapshot.vm(subject)
    fixed = durations.estimates(tx, row.pool_uuid).migrate_fixed
    if kind == "MigrateVm" and vm is not None and seconds > fixed and vm.memory > 0:
        durations.learn(tx, row.pool_uuid, "migrate_rate", vm.memory / (seconds - fixed), now)
