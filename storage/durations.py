"""How long things took on a pool, and what that lets expect."""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import datetime
from statistics import median
from typing import Literal, get_args

from sqlmodel import Session, col, func, select

from bot.rollout.decision import Estimates
from storage.tables import DurationRow

What = Literal["apply", "reboot", "toolstack", "migrate_rate", "vm_restart"]

#: A pool changes (new disks, more VMs), so that only its latest measurements count.
NEWEST = 20


def learn(tx: Session, pool_uuid: str, what: What, value: float, at: datetime) -> None:
    """Write down one measurement: seconds, for `migrate_rate` bytes per second.

    Raises `ValueError` for what is no positive number: a clock that jumped has measured nothing.
    """
    if what not in get_args(What):
        raise ValueError(f"nothing called {what!r} is measured")
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{what} cannot have taken {value!r}")
    tx.add(DurationRow(pool_uuid=pool_uuid, what=what, value=value, at=at))
    tx.flush()


def estimates(tx: Session, pool_uuid: str) -> Estimates:
    """The median of the newest measurements of each kind; first guesses where there are none.

    `learned_from` counts the measurements behind it.
    """
    newest_first = func.row_number().over(partition_by=col(DurationRow.what), order_by=col(DurationRow.id).desc())
    of_pool = select(DurationRow.what, DurationRow.value, newest_first.label("place")).where(
        DurationRow.pool_uuid == pool_uuid
    )
    measured = of_pool.subquery()
    values: dict[str, list[float]] = defaultdict(list)
    for what, value in tx.exec(select(measured.c.what, measured.c.value).where(measured.c.place <= NEWEST)).all():
        values[what].append(value)
    learned = {what: median(found) for what, found in values.items()}
    guess = Estimates()
    return Estimates(
        apply=learned.get("apply", guess.apply),
        reboot=learned.get("reboot", guess.reboot),
        toolstack=learned.get("toolstack", guess.toolstack),
        migrate_rate=learned.get("migrate_rate", guess.migrate_rate),
        migrate_fixed=guess.migrate_fixed,
        vm_restart=learned.get("vm_restart", guess.vm_restart),
        learned_from=sum(len(found) for found in values.values()),
    )
