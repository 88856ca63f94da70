"""kill -9 at any moment: the rollout goes on in another process and ends the same, and nothing happens twice."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from bot.lab.scenario import VmSpec
from bot.rollout.action import Action, ApplyUpdates, RebootHost
from bot.rollout.guidance import Level
from bot.rollout.lifecycle import State
from bot.rollout.spec import StoppedVms
from storage import rollouts

from .rehearsal import Killed, Rehearsal, rehearse, scene, small

SPLIT = scene("split-guidance", vms=("web-01", "web-02"))
#: A VM that must be suspended for its host's turn.
TIED = small(more=[VmSpec("cache-01", "xs-02", 8, local=True)])


def live_again_and_again(rollout: Rehearsal) -> int:
    """Drive until it is over, beginning a new process after each death; how many there were."""
    deaths = 0
    while True:
        try:
            rollout.drive()
        except Killed:
            deaths += 1
            rollout.new_process()
        else:
            return deaths


def assert_nothing_happened_twice(rollout: Rehearsal) -> None:
    for kind in ("host_rebooted", "apply_started", "toolstack_restarted", "vm_suspended", "vm_rebooted"):
        seen = [(effect.host, effect.vm) for effect in rollout.effects(kind)]
        assert len(seen) == len(set(seen)), f"{kind}: {seen}"


@pytest.mark.failure("bot-killed")
def test_killed_after_every_round() -> None:
    with rehearse(TIED) as rollout:
        rollout.ask(stopped_vms=StoppedVms.SUSPEND).approve()
        # At every other look on average, without a rhythm: some actions are a look of their own, and a steady one would
        # kill each of their tries.
        fate = Random(20)

        def die_at_half_of_the_looks() -> None:
            if fate.random() < 0.5:
                raise Killed

        rollout.script.every_round = die_at_half_of_the_looks
        assert live_again_and_again(rollout) > 40
        rollout.assert_done()
        assert_nothing_happened_twice(rollout)


def once_each() -> Callable[[Action], None]:
    """Die at the first time of each action; steps of the same kind and subject live from then on."""
    seen: set[str] = set()

    def die(action: Action) -> None:
        key = f"{action.key}{getattr(action, 'enabled', '')}"
        if key not in seen:
            seen.add(key)
            raise Killed

    return die


@pytest.mark.parametrize("asked", [False, True], ids=["before XAPI is asked", "before the answer is written down"])
def test_killed_at_every_action(asked: bool) -> None:
    with rehearse(TIED) as rollout:
        rollout.ask(stopped_vms=StoppedVms.SUSPEND).approve()
        if asked:
            rollout.script.every_asked = once_each()
        else:
            rollout.script.every_ask = once_each()
        assert live_again_and_again(rollout) > 15
        rollout.assert_done()
        assert_nothing_happened_twice(rollout)
        # A reboot whose answer is missing is not asked for again before the host had its time to come back.
        reboots = [at for at in rollout.pool.calls if at.method == "host.reboot" and at.outcome == "ok"]
        assert len(reboots) == 2


@pytest.mark.parametrize("level", [Level.MANDATORY, Level.FULL])
def test_killed_after_every_action_at_other_levels(level: Level) -> None:
    with rehearse(SPLIT) as rollout:
        rollout.ask(level=level).approve()
        rollout.script.every_asked = once_each()
        live_again_and_again(rollout)
        rollout.assert_done()
        assert_nothing_happened_twice(rollout)


@pytest.mark.parametrize("action", [ApplyUpdates, RebootHost])
def test_killed_while_people_abort(action: type[Action]) -> None:
    with rehearse(small()) as rollout:
        rollout.ask().approve()
        rollout.before(action, rollout.abort, subject="xs-01")
        rollout.script.every_asked = once_each()
        live_again_and_again(rollout)
        assert rollout.state is State.ABORTED
        rollout.assert_as_it_was()
        assert_nothing_happened_twice(rollout)


@pytest.mark.failure("bot-twice")
def test_an_old_process_that_wakes_up_does_no_more() -> None:
    with rehearse(small()) as rollout:
        rollout.ask().approve()
        taken: list[str] = []

        def another_takes_over() -> None:
            with rollout.database.transaction() as tx:
                rollouts.take_fence(tx, rollout.id, "another process")
            taken.append("yes")

        rollout.when("apply_done", another_takes_over, host="xs-01")
        rollout.worker.sweep()
        assert taken
        assert rollout.state is State.RUNNING
        assert rollout.effects("host_rebooted") == []
        assert rollout.drive() is State.SUCCEEDED
        rollout.assert_done()


@pytest.mark.failure("worker-frozen")
def test_a_process_that_was_frozen_just_before_its_call_does_not_make_it() -> None:
    """Its intent is written down, another process has taken over and knows of it, and then it wakes up."""
    with rehearse(small()) as rollout:
        rollout.ask().approve()
        check_claim = rollout.gateway.check_claim
        frozen: list[str] = []

        def frozen_here(owner: str) -> None:
            check_claim(owner)
            if not frozen and any(key.startswith("RebootHost:") for key in rollout.intents()):
                with rollout.database.transaction() as tx:
                    rollouts.take_fence(tx, rollout.id, "another process")
                frozen.append("yes")

        rollout.gateway.check_claim = frozen_here  # type: ignore[method-assign]
        rollout.worker.sweep()
        assert frozen
        assert rollout.calls("host.reboot") == []
        assert rollout.drive() is State.SUCCEEDED
        rollout.assert_done()
        assert_nothing_happened_twice(rollout)
