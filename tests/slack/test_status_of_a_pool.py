"""`/xs status <pool>`, as people read it in Slack."""

from __future__ import annotations

from bot.cli.stage import Stage
from bot.lab.slack import LabSlack
from bot.rollout.lifecycle import State
from bot.rollout.memory import TurnPhase, TurnProgress
from bot.rollout.reason import because
from bot.rollout.vm_progress import VmProgress, VmStep
from storage import rollouts, turns
from storage.actors import BOT
from tests.slack.conftest import request_update
from tests.slack.test_help import told


def test_a_pool_on_which_nothing_goes_on(slack: LabSlack) -> None:
    assert "Nothing is going on" in told(slack, "/xs status lab")
    assert "nowhere" in told(slack, "/xs status nowhere")


def test_of_a_pool_each_vm_is_told_of_all_pools_those_in_hand(fresh: Stage) -> None:
    request_update(fresh.slack)
    desk = fresh.service.rollouts
    now = desk.time.now()
    failed = VmProgress("v2", "db-1", VmStep.MOVING, 40, "xs-02", ("VM_MIGRATE_FAILED", "db", "a", "b", "c"), 2)
    vms = (VmProgress("v1", "web-1"), failed, VmProgress("v3", "ci-1", VmStep.SUSPENDING, 20))
    # At once, so that the worker does not see it run.
    with desk.database.transaction() as tx:
        for state in (State.APPROVED, State.RUNNING, State.PAUSED):
            rollouts.transition(tx, 1, state, actor=BOT, reason=because("rollout.looking"), sentence="Moved.", at=now)
        turns.record(tx, 1, TurnProgress("h1", "xs-01", TurnPhase.EVACUATING, 3, 3, vms), now)
    shown = told(fresh.slack, "/xs status lab")
    assert "*xs-01*: moving its VMs away" in shown
    assert "*web-1*: waits" in shown
    # Nobody is at work now: what failed is told, and not how far the others were.
    assert "waits; after 2 tries: " in shown
    assert "%" not in shown
    assert "web-1" not in told(fresh.slack, "/xs status")
    assert "failed" in told(fresh.slack, "/xs status")
