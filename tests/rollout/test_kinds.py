"""Rollouts that install nothing: what is pending carried out, and a rolling reboot of chosen hosts."""

from __future__ import annotations

import pytest

from bot.rollout.guidance import Level
from bot.rollout.kind import Kind
from bot.rollout.lifecycle import State
from bot.rollout.proposal import Choices
from bot.rollouts import Blocked
from tests.rollout.rehearsal import Rehearsal, actor, rehearse, small


def ask_for(lab: Rehearsal, choices: Choices) -> Rehearsal:
    standing = lab.desk.propose("lab", choices, actor("alice"), "the kernel's leftovers", "C0UPDATES")
    lab.id, lab.digest = standing.row.id, standing.digest
    return lab.approve()


def leave_pending(lab: Rehearsal, host: str, **fields: list[str]) -> None:
    world = lab.pool.world
    lab.pool.run(lambda: world.db.set("host", lab.pool.host(host).ref, **fields))


def test_what_is_pending_is_carried_out_and_nothing_installed() -> None:
    with rehearse(small()) as lab:
        leave_pending(lab, "xs-02", pending_guidances=["reboot_host"])
        leave_pending(lab, "xs-01", pending_guidances_full=["restart_toolstack"])
        ask_for(lab, Choices(kind=Kind.TASKS, level=Level.RECOMMENDED))
        assert lab.drive() is State.SUCCEEDED
        lab.assert_as_it_was()
        assert lab.verdict.reboots_by_host == {"xs-01": 0, "xs-02": 1}
        assert lab.calls("host.apply_updates", "host.restart_agent") == []
        assert "installing nothing" in lab.audited()[0].sentence
        assert lab.headline.params["kind"] == "tasks"


def test_nothing_pending_is_nothing_to_ask_for() -> None:
    with rehearse(small()) as lab, pytest.raises(Blocked):
        ask_for(lab, Choices(kind=Kind.TASKS, level=Level.FULL))


def test_chosen_hosts_are_rebooted_once_each_whatever_is_available() -> None:
    with rehearse(small()) as lab:
        ask_for(lab, Choices(kind=Kind.REBOOT, hosts=(lab.pool.host("xs-02").uuid,)))
        assert [host.name for host in lab.standing.spec.hosts] == ["xs-02"]
        # Somebody has the pool synchronised: this rollout does not care which updates there are.
        lab.when("host_disabled", lambda: lab.pool.fault("foreign_sync"))
        while lab.drive() is State.NEEDS_ATTENTION:
            lab.wait(minutes=3)
            lab.desk.retry(lab.id, actor("bob"))
        assert lab.state is State.SUCCEEDED, lab.headline
        lab.assert_as_it_was()
        assert lab.verdict.reboots_by_host == {"xs-01": 0, "xs-02": 1}
        assert lab.calls("host.apply_updates") == []


def test_without_a_choice_every_host_is_rebooted_the_coordinator_first() -> None:
    with rehearse(small()) as lab:
        ask_for(lab, Choices(kind=Kind.REBOOT))
        assert lab.drive() is State.SUCCEEDED
        lab.assert_as_it_was()
        assert [effect.host for effect in lab.effects("host_rebooted")] == ["xs-01", "xs-02"]
