"""People see the VMs of a host's turn one by one: who is on the way and how far, who waits, who is tried again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

import pytest

from bot.lab.scenario import HostSpec, Scenario, VmSpec
from bot.lab.slack.plain import plain_blocks
from bot.messages.status import pool_status
from bot.rollout.action import EvacuateHost
from bot.rollout.lifecycle import State
from bot.rollout.memory import TurnPhase
from bot.rollout.spec import Preset, StoppedVms
from bot.rollout.vm_progress import VmProgress, VmStep
from storage import threads
from storage.database import Session

from .rehearsal import Rehearsal, actor, rehearse, scene
from .test_killed import TIED

#: A gibibyte takes eight seconds: a VM is seen several times on its way.
SLOW = replace(scene("small").durations, migration_gib_per_s=0.125)


def pair(*vms: VmSpec) -> Scenario:
    """Two hosts, the VMs on the second one."""
    return scene("small", vms=(), more=vms, ha=False, durations=SLOW)


@contextmanager
def watched(rollout: Rehearsal, seen: list[tuple[str, str]]) -> Iterator[None]:
    """Note at each look what the progress message, and the status of the pool, said after the one before."""

    def look() -> None:
        standing = rollout.standing
        status = plain_blocks(list(pool_status("lab", [standing], ()).blocks), {})
        seen.append((rollout.progress(), status))

    rollout.script.every_round = look
    try:
        yield
    finally:
        rollout.script.every_round = lambda: None


def percents(seen: list[tuple[str, str]], vm: str) -> list[int]:
    """How far the VM was said to be, in the progress message."""
    found = (re.search(rf"{vm} (\d+) %", text) for text, _ in seen)
    return [int(match[1]) for match in found if match is not None]


def test_a_host_is_emptied_vm_by_vm() -> None:
    vms = [VmSpec(f"web-{number}", "xs-02", 8) for number in (1, 2)]
    with rehearse(pair(*vms, VmSpec("db-1", "xs-02", 16))) as rollout:
        rollout.ask().approve()
        seen: list[tuple[str, str]] = []
        with watched(rollout, seen):
            rollout.drive()
        rollout.assert_done()
        # XAPI emptied it, so what is known of each VM is known from XAPI's own tasks.
        assert rollout.calls("host.evacuate") != []
        away = [(text, status) for text, status in seen if "3 of 3 VMs still here" in text]
        assert any("web-1" in text and "web-2" in text and "db-1" in text for text, _ in away)
        for vm in ("web-1", "db-1"):
            told = percents(seen, vm)
            assert len(told) >= 2
            assert all(0 < percent < 100 and percent % 5 == 0 for percent in told)
        assert any("*db-1*: moves to xs-01, " in status for _, status in away)
        assert any("*db-1*: moves to xs-02" in status for _, status in seen)
        assert not any(turn.vms for turn in rollout.standing.turns)


def test_a_vm_that_failed_to_move_says_why_and_is_the_only_one_tried_again() -> None:
    # XAPI moves the largest first, and gives up over this one when the others have left.
    vms = [VmSpec("big-1", "xs-02", 16), VmSpec("big-2", "xs-02", 16), VmSpec("late-1", "xs-02", 12)]
    with rehearse(pair(*vms)) as rollout:
        rollout.pool.vm("late-1").migration_fails()
        rollout.ask(evacuate_at_once=2).approve()
        seen: list[tuple[str, str]] = []
        with watched(rollout, seen):
            rollout.drive()
        rollout.assert_done()
        again = [status for _, status in seen if "*late-1*: moves to xs-01" in status and "try 2" in status]
        assert any("migration aborted" in status for status in again)
        assert "*big-1*: moves to xs-01" not in "".join(again)
        moved = [effect.vm for effect in rollout.effects("vm_migrated", host="xs-01")]
        assert sorted(moved) == ["big-1", "big-2", "late-1"]
        assert rollout.intents()[EvacuateHost(host=rollout.pool.host("xs-02").uuid).key] == 2


def test_a_vm_that_a_planned_rollout_moves_elsewhere_says_why() -> None:
    hosts = tuple(HostSpec(f"xs-{number:02}", 64) for number in (1, 2, 3))
    vms = [VmSpec(f"vm-{number}", f"xs-{number:02}", 12) for number in (1, 2, 3)]
    with rehearse(replace(pair(*vms), hosts=hosts)) as rollout:
        rollout.pool.vm("vm-1").migration_fails()
        rollout.ask(preset=Preset.STANDARD).approve()
        seen: list[tuple[str, str]] = []
        with watched(rollout, seen):
            rollout.drive()
        assert rollout.state is State.SUCCEEDED
        assert len(rollout.effects("migration_failed")) == 1
        why = [
            status for _, status in seen if "*vm-1*: moves to xs-03" in status and "try 2; the one before: " in status
        ]
        assert any("migration aborted" in status for status in why)
        assert percents(seen, "vm-1")


def test_vms_that_are_suspended_and_resumed_are_told_too() -> None:
    with rehearse(TIED) as rollout:
        rollout.ask(stopped_vms=StoppedVms.SUSPEND).approve()
        told: set[str] = set()
        rollout.script.every_round = lambda: told.add(rollout.progress())
        rollout.drive()
        rollout.assert_done()
        words = "".join(told)
        assert "suspending " in words
        assert "resuming " in words


def test_who_watches_a_paused_rollout_reads_nothing_that_is_over() -> None:
    with rehearse(pair(VmSpec("web-1", "xs-02", 16))) as rollout:
        rollout.ask().approve()
        seen: list[tuple[str, str]] = []

        def stop() -> None:
            if percents([(rollout.progress(), "")], "web-1"):
                rollout.desk.pause(rollout.id, actor("bob"))
                seen.append((rollout.progress(), ""))

        rollout.script.every_round = lambda: None if seen else stop()
        rollout.drive()
        assert rollout.state is State.PAUSED
        assert percents(seen, "web-1") == []


def test_percents_alone_do_not_use_up_what_slack_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[datetime] = []
    redraw = threads.redraw_progress

    def noted(tx: Session, rollout_id: int, at: datetime) -> None:
        drawn.append(at)
        redraw(tx, rollout_id, at)

    monkeypatch.setattr(threads, "redraw_progress", noted)
    with rehearse(pair(VmSpec("huge-1", "xs-02", 96))) as rollout:
        rollout.ask().approve()
        moving: list[datetime] = []

        def look() -> None:
            turns = rollout.standing.turns
            if any(turn.phase is TurnPhase.EVACUATING and turn.vms for turn in turns):
                moving.append(rollout.time.now())

        rollout.script.every_round = look
        rollout.drive()
        rollout.assert_done()
        began, ended = moving[0], moving[-1]
        minutes = (ended - began).total_seconds() / 60
        assert minutes > 10
        assert len([at for at in drawn if began < at < ended]) <= 3 * minutes + 1


def test_how_far_a_vm_is_can_be_kept_and_read() -> None:
    full = VmProgress("u", "web-1", VmStep.MOVING, 40, "xs-02", ("INTERNAL_ERROR", "x"), 2)
    for progress in (full, VmProgress("u", "web-1"), replace(full, percent=0)):
        assert VmProgress.from_dict(progress.as_dict()) == progress
