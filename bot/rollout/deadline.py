"""Deadlines: no host is begun that would not be done in time; what is in hand is finished, then people are asked.

A deadline is part of what was approved, so going on beyond it is an amendment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from bot.rollout.amendment import AmendmentKind, Offer
from bot.rollout.errors import InvalidSpec
from bot.rollout.expected import turn_seconds
from bot.rollout.model import Host
from bot.rollout.planner.pipeline import Pipeline, drain_seconds
from bot.rollout.planner.policy import Policy
from bot.rollout.planner.view import Stage, View
from bot.rollout.pursuit import Round
from bot.rollout.reason import because
from bot.rollout.whatif import present_view

_HINT = "Say for example 05:30 (the next time it is that late, UTC), +4h, +90m, or 2026-03-08T05:30+01:00."
_IN = re.compile(r"\+([0-9]{1,4})([hm])", re.ASCII)
_AT = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", re.ASCII)


def may_begin(now: datetime, expected_seconds: float, deadline: datetime | None) -> bool:
    """Whether what is begun now, and is expected to take that long, is done by the deadline (None: there is none)."""
    return deadline is None or now + timedelta(seconds=expected_seconds) <= deadline


def moment_of(text: str, now: datetime) -> datetime:
    """The moment that people mean: a time of day in UTC, hours or minutes from now, or a date with its time.

    Raises `InvalidSpec` for a text that is none of these, and for a moment that is past.
    """
    wanted = text.strip()
    if match := _IN.fullmatch(wanted):
        count = int(match[1])
        return _whole(now + (timedelta(hours=count) if match[2] == "h" else timedelta(minutes=count)))
    if match := _AT.fullmatch(wanted):
        moment = now.astimezone(UTC).replace(hour=int(match[1]), minute=int(match[2]), second=0, microsecond=0)
        return moment if moment > now else moment + timedelta(days=1)
    try:
        moment = datetime.fromisoformat(wanted)
    except ValueError:
        raise InvalidSpec(f"{text!r} is no moment.", _HINT) from None
    if moment.tzinfo is None:
        raise InvalidSpec(f"{text!r} does not say in which time zone.", _HINT)
    if moment <= now:
        raise InvalidSpec(f"{text!r} is past.", _HINT)
    return _whole(moment)


def _whole(moment: datetime) -> datetime:
    """In UTC and whole minutes, as it is shown and approved."""
    return moment.astimezone(UTC).replace(second=0, microsecond=0)


def late(round_: Round) -> frozenset[str]:
    """The hosts (uuids) not begun yet that would not be done by the deadline if their turn began now, alone."""
    deadline = round_.spec.deadline
    if deadline is None:
        return frozenset()
    nodes = (node for node in present_view(round_).nodes if node.stage is Stage.OLD)
    home = round_.spec.brings_home
    return frozenset(node.uuid for node in nodes if not may_begin(round_.now, turn_seconds(node, home=home), deadline))


def hold_late(round_: Round, view: View, policy: Policy) -> None:
    """Have the planner begin no host that would not be done by the deadline, behind those that install before it."""
    if round_.spec.deadline is None:
        return
    lock, coordinator = Pipeline(view, policy).lock, view.coordinator
    if coordinator is not None and coordinator.stage not in (Stage.OLD, Stage.UP, Stage.LOST):
        # Members wait until it is back, not only until it has installed.
        lock = max(lock, turn_seconds(coordinator, home=False))
    for node in view.nodes:
        if node.stage is Stage.OLD:
            seconds = max(lock, drain_seconds(node, policy) if node.drains else 0.0) + node.apply + node.tail
            node.held = not may_begin(round_.now, seconds, round_.spec.deadline)


def ask_once_held(round_: Round, view: View, left: Iterable[Host]) -> None:
    """Ask people about the hosts that are left, once none of them may be begun and none is in hand any more."""
    hosts = list(left)
    first = [host for host in hosts if host.is_coordinator] or hosts
    if hosts and all(view.by_uuid[host.uuid].held for host in first):
        ask_about(round_, (host.name for host in hosts))


def ask_about(round_: Round, names: Iterable[str]) -> None:
    """Ask people what becomes of these hosts, which would not be done in time."""
    deadline = round_.spec.deadline
    if deadline is None:
        return
    left = sorted(names)
    moment = deadline.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    reason = because("deadline.reached", deadline=moment, count=len(left), hosts=", ".join(left))
    round_.problem(reason, wants=Offer(AmendmentKind.DEADLINE))
