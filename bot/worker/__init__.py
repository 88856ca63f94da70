"""Drives rollouts: observe, decide, act, and look again.

driver      one rollout, one round after the other, under a fence
hands       takes a decided action: writes it down first, then asks XAPI
ledger      what became of what we asked for (tasks, restarts, durations)
settler     gives back what an ended rollout still owes
work        what there is to do, and doing it: `drive` one rollout, `settle` one pool
threads     named threads in which that happens
engine      `Engine`: sees to it that every rollout that should be driven is, by exactly one process
embedded    the engine of one process, on SQLite
jobs        the engine of many processes, on PostgreSQL with Procrastinate
"""

from bot.rollouts import Rollouts
from bot.worker.driver import Driver
from bot.worker.embedded import Embedded
from bot.worker.engine import Engine
from bot.worker.jobs import Jobs

__all__ = ["Driver", "Embedded", "Engine", "Jobs", "engine_of"]


def engine_of(desk: Rollouts, *, works: bool = True) -> Engine:
    """The engine that fits the database; with `works` False it only hands work to other processes."""
    return Jobs(desk, works=works) if desk.settings.shares_database else Embedded(desk)
