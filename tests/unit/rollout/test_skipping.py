"""What the one decision makes of skipped hosts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.rollout.decide import decide
from bot.rollout.decision import Decision, Estimates
from bot.rollout.guidance import Level, Task
from bot.rollout.lifecycle import State
from bot.rollout.memory import Debt, DebtKind, Intent, IntentState, Memory, TurnPhase
from bot.rollout.model import CLAIM_KEY, PoolSnapshot
from bot.rollout.spec import HostCeiling, Spec
from tests.unit.rollout.pools import NEW, NOW, host, pool_of, updates_of

OWNER = "bot-1/1"
REBOOTS = frozenset({Task.EVACUATE_HOST, Task.REBOOT_HOST, Task.RESTART_TOOLSTACK})
THREE = pool_of()
SPEC = Spec(
    "pool-1",
    "prod",
    NEW,
    Level.RECOMMENDED,
    tuple(HostCeiling(f"host-{number}", f"xs-{number:02}", REBOOTS) for number in (1, 2, 3)),
)
ASKED = Intent("AskEvacuation:", IntentState.DONE, NOW, finished_at=NOW, result={})


def memory(*skipped: str, debts: tuple[Debt, ...] = (), intents: tuple[Intent, ...] = ()) -> Memory:
    known = {intent.key: intent for intent in (ASKED, *intents)}
    return Memory(updates_of(THREE), known, debts, owner=OWNER, skipped=frozenset(skipped))


def decided(known: Memory, snapshot: PoolSnapshot) -> Decision:
    held = replace(snapshot, pool=replace(snapshot.pool, other_config={CLAIM_KEY: OWNER}))
    return decide(SPEC, known, held, Estimates(), NOW + timedelta(hours=3))


def actions(decision: Decision) -> list[str]:
    return [f"{type(step.action).__name__}:{step.action.subject}" for step in decision.steps]


def test_a_skipped_host_that_was_never_begun_is_passed_over() -> None:
    snapshot = pool_of([host(1, last_update_hash=NEW), host(2), host(3)])
    decision = decided(memory("host-2"), snapshot)
    assert actions(decision) == ["DisableHost:host-3"]
    assert {turn.host: turn.phase for turn in decision.progress}["host-2"] is TurnPhase.SKIPPED


def test_a_host_that_left_the_pool_is_asked_about_and_may_be_skipped() -> None:
    snapshot = pool_of([host(1, last_update_hash=NEW), host(2)])
    asked = decided(memory(), snapshot)
    assert asked.verdict is not None
    assert (asked.verdict.state, asked.verdict.reason.code, asked.verdict.host) == (
        State.NEEDS_ATTENTION,
        "host.gone",
        "host-3",
    )
    assert actions(decided(memory("host-3"), snapshot)) == ["DisableHost:host-2"]


def test_a_problem_on_one_host_names_it() -> None:
    snapshot = pool_of([host(1, last_update_hash=NEW), host(2, live=False), host(3)])
    asked = decided(memory(), snapshot)
    assert asked.verdict is not None
    assert (asked.verdict.reason.code, asked.verdict.host) == ("host.offline", "host-2")


def test_a_skipped_host_that_became_the_coordinator_stops_the_members() -> None:
    snapshot = pool_of([host(2, is_coordinator=True), host(1, is_coordinator=False), host(3)])
    asked = decided(memory("host-2"), snapshot)
    assert asked.verdict is not None
    assert (asked.verdict.state, asked.verdict.reason.code, asked.verdict.host) == (
        State.NEEDS_ATTENTION,
        "host.skipped_coordinator",
        "",
    )
    assert asked.steps == ()


@pytest.mark.parametrize("live", [True, False])
def test_what_is_owed_on_a_skipped_host_is_given_back_or_listed(live: bool) -> None:
    """A reboot that nobody waits for any more, on a host that is out of service."""
    away = host(2, enabled=False, live=live)
    snapshot = pool_of([host(1, last_update_hash=NEW), away, host(3, last_update_hash=NEW)], vms=[])
    owed = Debt(DebtKind.HOST_ENABLED, "host-2", True, "xs-02")
    reboot = Intent("RebootHost:host-2", IntentState.OPEN, NOW)
    decision = decided(memory("host-2", debts=(owed,), intents=(reboot,)), snapshot)
    if live:
        assert actions(decision) == ["EnableHost:host-2"]
    else:
        assert decision.waiting == ((owed.key, "HOST_OFFLINE"),)
        assert actions(decision) == ["ReleasePool:"]


def test_the_end_says_who_was_left_out() -> None:
    snapshot = pool_of([host(1, last_update_hash=NEW), host(2), host(3, last_update_hash=NEW)], vms=[])
    ended = decide(SPEC, memory("host-2"), snapshot, Estimates(), NOW)
    assert ended.verdict is not None
    assert (ended.verdict.state, ended.verdict.reason.code) == (State.SUCCEEDED, "rollout.succeeded_without")
    assert ended.verdict.reason.params == {"count": 1, "hosts": "xs-02"}


def test_ha_waits_for_a_skipped_host_that_is_away() -> None:
    snapshot = pool_of([host(1, last_update_hash=NEW), host(2, live=False), host(3, last_update_hash=NEW)], vms=[])
    owed = Debt(DebtKind.HA, original={"heartbeat_srs": []})
    decision = decided(memory("host-2", debts=(owed,)), snapshot)
    assert decision.waiting == ((owed.key, "HOST_OFFLINE"),)
    assert decided(memory(debts=(owed,)), snapshot).waiting == (), "nobody skipped it: people are asked"
