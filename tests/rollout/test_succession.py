"""Another host becomes the coordinator in mid-run: people are asked, and nothing unapproved is installed after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from bot.rollout.errors import RolloutError
from bot.rollout.lifecycle import State

from .rehearsal import Rehearsal, actor, rehearse, scene, small

#: The coordinator and two members, one of which takes over.
NEWER_XAPI = scene("small", hosts=("xs-01", "xs-02", "xs-03"))
#: The same with updates that leave XAPI's own version as it is, so that hosts find each other in any order.
THREE = replace(NEWER_XAPI, updates=tuple(update for update in NEWER_XAPI.updates if "-xapi" not in update.id))

pytestmark = pytest.mark.failure("coordinator-changed")


@pytest.fixture
def rollout() -> Iterator[Rehearsal]:
    with rehearse(THREE) as rollout:
        yield rollout


def designate(rollout: Rehearsal, name: str = "xs-03") -> None:
    """Somebody makes another host the coordinator, and it has taken over."""
    rollout.somebody("pool.designate_new_master", rollout.pool.host(name).ref)
    rollout.wait(minutes=3)


def assert_asked(rollout: Rehearsal, code: str) -> None:
    assert (rollout.state, rollout.problem.code) == (State.NEEDS_ATTENTION, code), rollout.problem


def order(rollout: Rehearsal, kind: str) -> list[str]:
    return [effect.host for effect in rollout.effects(kind)]


def test_people_are_asked_sync_and_the_new_coordinator_comes_first(rollout: Rehearsal) -> None:
    rollout.when("host_enabled", lambda: designate(rollout), host="xs-01")
    assert rollout.carry_out() is State.NEEDS_ATTENTION
    assert_asked(rollout, "coordinator.changed")
    assert order(rollout, "apply_started") == ["xs-01"]
    asked = [entry.message.text for entry in rollout.messages() if "it was xs-01" in entry.message.text]
    assert any("xs-03 has become the pool's coordinator" in text and "/xs sync" in text for text in asked)

    # Going on without a sync would fail: the packages were the old coordinator's.
    assert rollout.retry() is State.NEEDS_ATTENTION
    assert_asked(rollout, "coordinator.not_synced")
    rollout.desk.sync("lab", actor("alice"))
    assert rollout.retry() is State.SUCCEEDED
    rollout.assert_done()
    assert order(rollout, "apply_started") == order(rollout, "host_rebooted") == ["xs-01", "xs-03", "xs-02"]


def test_another_checksum_is_not_installed(rollout: Rehearsal) -> None:
    rollout.when("host_enabled", lambda: designate(rollout), host="xs-01")
    rollout.carry_out()
    rollout.pool.fault("foreign_sync")
    rollout.wait(minutes=5)
    assert rollout.retry() is State.NEEDS_ATTENTION
    assert_asked(rollout, "checksum.changed")
    assert rollout.retry() is State.NEEDS_ATTENTION
    assert order(rollout, "apply_started") == ["xs-01"]
    rollout.abort()
    assert rollout.drive() is State.ABORTED
    rollout.assert_as_it_was()


def test_what_is_left_goes_on_with_another_checksum_once_people_agree(rollout: Rehearsal) -> None:
    rollout.when("host_enabled", lambda: designate(rollout), host="xs-01")
    rollout.carry_out()
    rollout.pool.fault("foreign_sync")
    rollout.wait(minutes=5)
    rollout.retry()
    assert rollout.offered() == ["checksum"]
    rollout.amend("checksum")
    assert rollout.agree() is State.SUCCEEDED
    rollout.assert_done()
    assert order(rollout, "apply_started")[:2] == ["xs-01", "xs-03"]


def test_a_change_while_the_bot_was_away_is_seen_by_the_next_process(rollout: Rehearsal) -> None:
    rollout.ask().approve()
    rollout.when("host_enabled", lambda: rollout.desk.pause(rollout.id, actor("bob")), host="xs-01")
    assert rollout.drive() is State.PAUSED
    rollout.new_process()
    # The person who changes it also syncs; the bot asks all the same, and does not ask for another sync.
    designate(rollout)
    rollout.somebody("pool.sync_updates", rollout.gateway.snapshot().pool.ref, False, "", "", "", "")
    rollout.desk.resume(rollout.id, actor("bob"))
    assert rollout.drive() is State.NEEDS_ATTENTION
    assert_asked(rollout, "coordinator.changed")
    assert rollout.retry() is State.SUCCEEDED
    rollout.assert_done()


def test_a_lost_coordinator_is_replaced_by_a_member() -> None:
    """No designation: nothing but the change itself tells that the packages are gone."""
    with rehearse(THREE) as rollout:
        lost = rollout.pool.host("xs-01")
        lost.never_returns()
        rollout.ask().approve()
        assert rollout.drive() is State.NEEDS_ATTENTION
        assert_asked(rollout, "pool.unreachable")
        rollout.pool.host("xs-02").takes_over()
        rollout.wait(minutes=15)
        assert rollout.retry() is State.NEEDS_ATTENTION
        assert_asked(rollout, "coordinator.changed")
        lost.never_returns(False)
        rollout.wait(minutes=5)
        assert rollout.retry() is State.NEEDS_ATTENTION
        assert_asked(rollout, "coordinator.not_synced")
        rollout.desk.sync("lab", actor("alice"))
        assert rollout.retry() is State.SUCCEEDED
        rollout.assert_done()
        assert order(rollout, "host_rebooted") == ["xs-01", "xs-02", "xs-03"]


def test_an_updated_host_that_an_older_coordinator_keeps_out_takes_the_role_back() -> None:
    """Somebody chose a host that runs the older XAPI: the updated one stays out, and no sync succeeds without it."""
    with rehearse(NEWER_XAPI) as rollout:
        rollout.when("host_enabled", lambda: designate(rollout), host="xs-01")
        rollout.carry_out()
        assert_asked(rollout, "coordinator.changed")
        assert rollout.pool.host("xs-01").state == "emergency"
        rollout.pool.host("xs-01").takes_over()
        rollout.wait(minutes=5)
        assert rollout.retry() is State.NEEDS_ATTENTION
        assert_asked(rollout, "coordinator.changed")
        rollout.desk.sync("lab", actor("alice"))
        assert rollout.retry() is State.SUCCEEDED
        assert rollout.verdict.hosts_behind == []
        assert order(rollout, "host_rebooted") == ["xs-01", "xs-02", "xs-03"]


def test_a_member_in_hand_waits_with_its_restart_for_the_new_coordinator(rollout: Rehearsal) -> None:
    """It has the updates and would come back newer than its coordinator: that one goes first."""
    rollout.when("apply_done", lambda: designate(rollout), host="xs-02")
    rollout.carry_out()
    assert_asked(rollout, "coordinator.changed")
    rollout.desk.sync("lab", actor("alice"))
    assert rollout.retry() is State.SUCCEEDED
    rollout.assert_done()
    assert order(rollout, "host_rebooted") == ["xs-01", "xs-03", "xs-02"]
    assert order(rollout, "apply_started") == ["xs-01", "xs-02", "xs-03"]


def test_an_abort_does_not_restart_a_member_ahead_of_the_new_coordinator(rollout: Rehearsal) -> None:
    rollout.when("apply_done", lambda: designate(rollout), host="xs-02")
    rollout.carry_out()
    rollout.abort()
    # XAPI keeps it out of service until it restarts, which may not happen before its coordinator's update.
    assert rollout.drive() is State.NEEDS_ATTENTION
    assert_asked(rollout, "host.mandatory_left")
    rollout.abort()
    assert rollout.drive() is State.FAILED
    assert order(rollout, "host_rebooted") == ["xs-01"]
    assert "host_enabled xs-02" in rollout.owed


def test_a_sync_stays_refused_while_a_rollout_waits_for_anything_else() -> None:
    with rehearse(small()) as rollout:
        rollout.pool.host("xs-02").apply_fails(1)
        assert rollout.carry_out() is State.NEEDS_ATTENTION
        with pytest.raises(RolloutError, match="would change what was approved"):
            rollout.desk.sync("lab", actor("alice"))
