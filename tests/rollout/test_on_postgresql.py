"""The same rollouts with everything kept in PostgreSQL."""

from __future__ import annotations

import signal

import pytest

from bot.rollout.lifecycle import State
from bot.rollout.spec import StoppedVms
from tests.postgres import PostgresServer

from .rehearsal import rehearse, small
from .test_killed import TIED, assert_nothing_happened_twice, live_again_and_again, once_each

pytestmark = pytest.mark.postgresql


def test_a_whole_rollout(postgres: PostgresServer) -> None:
    with rehearse(TIED, url=postgres.empty()) as rollout:
        rollout.ask(stopped_vms=StoppedVms.SUSPEND).approve().drive()
        rollout.assert_done()
        assert rollout.audited()
        assert rollout.messages()


@pytest.mark.parametrize("asked", [False, True], ids=["before XAPI is asked", "before the answer is written down"])
def test_killed_at_every_action(postgres: PostgresServer, asked: bool) -> None:
    with rehearse(TIED, url=postgres.empty()) as rollout:
        rollout.ask(stopped_vms=StoppedVms.SUSPEND).approve()
        if asked:
            rollout.script.every_asked = once_each()
        else:
            rollout.script.every_ask = once_each()
        assert live_again_and_again(rollout) > 15
        rollout.assert_done()
        assert_nothing_happened_twice(rollout)


@pytest.mark.failure("postgres-restarted", "database-away")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["restarted", "crashed"])
def test_a_database_that_was_away_for_minutes_asks_nobody(postgres: PostgresServer, how: signal.Signals) -> None:
    with rehearse(small(), url=postgres.empty()) as rollout:
        rollout.ask().approve()

        def restart() -> None:
            """Ten minutes pass on the pool, in which XenServer finishes what it was asked for."""
            postgres.stop(how)
            rollout.wait(minutes=10)
            postgres.start()

        rollout.when("apply_started", restart, host="xs-01")
        assert rollout.drive() is State.SUCCEEDED, rollout.headline
        rollout.assert_done()
        assert_nothing_happened_twice(rollout)
        assert not [row for row in rollout.audited() if row.action == "rollout.needs_attention"]
