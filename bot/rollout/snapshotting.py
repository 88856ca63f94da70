"""Snapshot schedules of the pool: switched off for the run where the spec says so, and on again at its end."""

from __future__ import annotations

from bot.rollout.action import SetSnapshotSchedule, close
from bot.rollout.memory import Debt, DebtKind
from bot.rollout.proposal import PoolFix
from bot.rollout.pursuit import Round
from bot.rollout.reason import because


def hold_schedules(round_: Round) -> bool:
    """Switch off the schedules that are on, if that was approved; True when none is left to be switched off."""
    if PoolFix.SNAPSHOTS_OFF.value not in round_.spec.fixes:
        return True
    at_work = round_.snapshot.schedules_at_work
    for schedule in at_work:
        debt = Debt(DebtKind.SNAPSHOT_SCHEDULE, schedule.uuid, True, schedule.name)
        off = SetSnapshotSchedule(schedule=schedule.uuid, enabled=False, debts=(debt,))
        round_.pursue(off, because("snapshots.disabling", schedule=schedule.name))
    return not at_work


def settle_schedules(round_: Round) -> bool:
    """Switch on again what is owed; True when nothing is left."""
    clear = True
    known = {schedule.uuid: schedule for schedule in round_.snapshot.schedules}
    for debt in round_.memory.debts_of(DebtKind.SNAPSHOT_SCHEDULE):
        schedule = known.get(debt.subject)
        on = SetSnapshotSchedule(schedule=debt.subject, enabled=True)
        if schedule is None:
            round_.step(close(debt, "left_alone"), because("snapshots.gone", schedule=debt.label))
        elif not schedule.enabled:
            round_.pursue(on, because("snapshots.enabling", schedule=schedule.name))
            clear = False
        elif round_.may_still_happen(on.key.removesuffix("on") + "off"):
            round_.look_again(4)
            clear = False
        else:
            round_.step(close(debt, "settled"), because("snapshots.restored", schedule=schedule.name))
    return clear
