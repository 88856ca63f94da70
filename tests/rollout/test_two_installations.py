"""Two installations on one pool: the second stays away and says so; what to do when the first is gone for good."""

from __future__ import annotations

from typing import NoReturn

import pytest

from bot.messages.sentences import sentence
from bot.rollout.action import RebootHost
from bot.rollout.checks import Severity
from bot.rollout.lifecycle import State
from bot.rollout.model import CLAIM_KEY
from bot.rollout.proposal import Choices
from bot.rollouts.asking import Blocked
from bot.rollouts.start import NotYet, start

from .rehearsal import Killed, actor, another_installation, rehearse, small

pytestmark = pytest.mark.failure("two-installations")


def test_the_second_stays_away_says_so_and_finds_nothing_left_to_do() -> None:
    with rehearse(small()) as first, another_installation(first) as second:
        second.ask().approve()
        first.ask().approve()
        looked: list[str] = []

        def the_second_looks() -> None:
            with pytest.raises(NotYet, match="test/1") as refused:
                start(second.desk, second.id)
            looked.append(refused.value.sentence)

        first.before(RebootHost, the_second_looks, subject="xs-01")
        assert first.drive() is State.SUCCEEDED
        first.assert_done()
        assert looked
        assert second.drive() is State.SUPERSEDED
        assert second.intents() == {}


def test_when_the_first_is_gone_for_good_a_person_frees_the_pool_for_the_second() -> None:
    with rehearse(small()) as first, another_installation(first) as second:
        first.ask().approve()

        def die() -> NoReturn:
            raise Killed

        first.before(RebootHost, die, subject="xs-01")
        with pytest.raises(Killed):
            first.drive()

        with pytest.raises(Blocked):
            second.ask()
        blocking = second.desk.preview("lab", Choices(), actor("alice")).report.of(Severity.BLOCKS)
        assert any("test/1" in sentence(finding.reason) for finding in blocking)
        second.somebody("pool.remove_from_other_config", second.gateway.snapshot().pool.ref, CLAIM_KEY)
        # The host that was in hand is empty, updated and out of service: somebody finishes its turn.
        second.somebody("host.reboot", first.pool.host("xs-01").ref)
        second.wait(minutes=10)
        second.somebody("host.enable", first.pool.host("xs-01").ref)
        assert first.pool.host("xs-01").enabled
        second.ask().approve()

        def the_first_wakes_up_after_all() -> None:
            first.new_process()
            assert first.drive() is State.NEEDS_ATTENTION
            assert first.problem.code == "pool.claimed"

        second.before(RebootHost, the_first_wakes_up_after_all, subject="xs-02")
        assert second.drive() is State.SUCCEEDED
        assert second.verdict.hosts_behind == []
        assert second.verdict.violations == []
        # What the first owes stands in its own database alone. With it, the first gives it back.
        assert not second.verdict.ha_restored
        assert first.retry() is State.SUCCEEDED
        first.assert_done()
        assert len(first.effects("host_rebooted")) == 2
