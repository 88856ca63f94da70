"""Drives rollouts: observe, decide, act, and look again.

    driver      one rollout, one round after the other, under a fence
    hands       takes a decided action: writes it down first, then asks XAPI
    ledger      what became of what we asked for (tasks, restarts, durations)
    settler     gives back what an ended rollout still owes
    supervisor  `Worker`: sees to it that every rollout that should be driven is, one thread each
"""

from bot.worker.driver import Driver
from bot.worker.supervisor import Worker

__all__ = ["Driver", "Worker"]
