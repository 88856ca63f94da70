"""Deadlines: no host is begun that would not be done in time; what is in hand is finished, then people are asked.

A deadline is part of what was approved, so going on beyond it is an amendment.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta

from bot.rollout.amendment import AmendmentKind, Offer
from bot.rollout.expected import seconds_left
from bot.rollout.model import Host
from bot.rollout.planner.pipeline import Pipeline, drain_seconds
from bot.rollout.planner.policy import Policy
from bot.rollout.planner.view import Stage, View
from bot.rollout.pursuit import Round
from bot.rollout.reason import because
from bot.rollout.whatif import present_view


def may_begin(now: datetime, expected_seconds: float, deadline: datetime | None) -> bool:
    """Whether what is begun now, and is expected to take that long, is done by the deadline (None: there is none)."""
    return deadline is None or now + timedelta(seconds=expected_seconds) <= deadline


def late(round_: Round) -> frozenset[str]:
    """The hosts (uuids) not begun yet that would not be done by the deadline if their turn began now, alone."""
    deadline = round_.spec.deadline
    if deadline is None:
        return frozenset()
    nodes = (node for node in present_view(round_).nodes if node.stage is Stage.OLD)
    home = round_.spec.brings_home
    return frozenset(node.uuid for node in nodes if not may_begin(round_.now, seconds_left(node, home=home), deadline))


def hold_late(round_: Round, view: View, policy: Policy) -> frozenset[str]:
    """Have the planner begin no host that would not be done by the deadline, behind those that install before it.

    Returns those hosts (uuids); what is held for another reason stays so.
    """
    if round_.spec.deadline is None:
        return frozenset()
    lock, coordinator = Pipeline(view, policy).lock, view.coordinator
    if coordinator is not None and coordinator.stage not in (Stage.OLD, Stage.UP, Stage.LOST):
        # Members wait until it is back, not only until it has installed.
        lock = max(lock, seconds_left(coordinator, home=False))
    overdue = set()
    for node in view.nodes:
        if node.stage is Stage.OLD:
            seconds = max(lock, drain_seconds(node, policy) if node.drains else 0.0) + node.apply + node.tail
            if not may_begin(round_.now, seconds, round_.spec.deadline):
                node.held = True
                overdue.add(node.uuid)
    return frozenset(overdue)


def ask_once_overdue(round_: Round, overdue: Collection[str], left: Iterable[Host]) -> None:
    """Ask people about the hosts that are left, once none of them can be done in time and none is in hand any more."""
    hosts = list(left)
    first = [host for host in hosts if host.is_coordinator] or hosts
    if hosts and all(host.uuid in overdue for host in first):
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
