"""How long things took on a pool, and what that lets expect."""

from __future__ import annotations

import math
from datetime import datetime
from statistics import median
from typing import Literal, get_args

from sqlmodel import Session, col, select

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
    learned: dict[What, float] = {}
    counted = 0
    kinds: tuple[What, ...] = get_args(What)
    for what in kinds:
        query = select(DurationRow.value).where(DurationRow.pool_uuid == pool_uuid, DurationRow.what == what)
        values = tx.exec(query.order_by(col(DurationRow.id).desc()).limit(NEWEST)).all()
        if values:
            learned[what] = median(values)
            counted += len(values)
    guess = Estimates()
    return Estimates(
        apply=learned.get("apply", guess.apply),
        reboot=learned.get("reboot", guess.reboot),
        toolstack=learned.get("toolstack", guess.toolstack),
        migrate_rate=learned.get("migrate_rate", guess.migrate_rate),
        migrate_fixed=guess.migrate_fixed,
        vm_restart=learned.get("vm_restart", guess.vm_restart),
        learned_from=counted,
    )
