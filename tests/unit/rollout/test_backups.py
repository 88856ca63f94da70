"""What a spec says about backups, and the order in which the rules ask for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.messages.backups import backups_line
from bot.rollout.action import BackUp, ClaimPool, TakeStock
from bot.rollout.backups import BackupKind, BackupPlan, plan_of
from bot.rollout.decision import Estimates
from bot.rollout.errors import InvalidSpec
from bot.rollout.memory import Intent, IntentState, Memory
from bot.rollout.preparing import hold_pool
from bot.rollout.proposal import propose
from bot.rollout.pursuit import MAX_ATTEMPTS, Round
from tests.unit.rollout.pools import DEFAULTS, NO_BLOCKERS, NOW, pool_of, updates_of

tags = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)


@given(st.frozensets(st.sampled_from(BackupKind), min_size=1), tags, st.booleans())
def test_a_plan_is_the_same_after_it_was_stored(kinds: frozenset[BackupKind], tag: str, go_on: bool) -> None:
    plan = BackupPlan(kinds, tag if BackupKind.SNAPSHOTS in kinds else "", go_on)
    assert plan_of(plan.words()) == plan
    assert backups_line(plan.words())


def test_no_backups_are_no_words_and_no_line() -> None:
    assert BackupPlan(go_on=True).words() == ()
    assert backups_line(()) == ""


def test_what_a_later_release_would_back_up_is_refused() -> None:
    with pytest.raises(InvalidSpec, match="tapes"):
        plan_of(["pool_database", "tapes"])


def asked(words: tuple[str, ...], intents: Mapping[str, Intent] = MappingProxyType({})) -> list[str]:
    """What the rules want first on a pool with these backups in its spec."""
    snapshot = pool_of()
    spec = replace(propose(snapshot, updates_of(snapshot), NO_BLOCKERS, DEFAULTS), backups=words)
    memory = Memory(updates_of(snapshot), intents=intents, owner="test/1")
    round_ = Round(spec, memory, snapshot, Estimates(), NOW)
    hold_pool(round_)
    # In the same breath as our mark it is written down how the pool is, which is no business of backups.
    return [step.action.key for step in round_.steps if not isinstance(step.action, TakeStock)]


def intent(key: str, state: IntentState, attempts: int = 1) -> dict[str, Intent]:
    return {key: Intent(key, state, NOW - timedelta(minutes=1), attempts=attempts, finished_at=NOW)}


DATABASE = BackUp(what="pool_database").key
CLAIM = ClaimPool(owner="test/1").key


def test_the_database_comes_first_then_metadata_then_hosts_then_our_mark() -> None:
    words = ("hosts", "pool_database", "vm_metadata")
    done: dict[str, Intent] = {}
    order = []
    while (wanted := asked(words, done)) != [CLAIM]:
        order += wanted
        done |= intent(wanted[0], IntentState.DONE)
    assert order == [DATABASE, "BackUp:vm_metadata:", *(f"BackUp:hosts:host-{number}" for number in (1, 2, 3))]
    assert asked(()) == [CLAIM]


def test_a_failure_blocks_unless_the_spec_says_otherwise() -> None:
    failed = intent(DATABASE, IntentState.FAILED)
    assert asked(("pool_database",), failed) == []
    assert asked(("pool_database", "or_go_on"), failed) == [CLAIM]
    lost = intent(DATABASE, IntentState.LOST, MAX_ATTEMPTS)
    assert asked(("pool_database",), lost) == []
    assert asked(("pool_database", "or_go_on"), lost) == [CLAIM]


def test_once_a_host_was_touched_it_is_too_late() -> None:
    assert asked(("pool_database",), intent("DisableHost:host-1", IntentState.DONE)) == [CLAIM]


def test_a_spec_of_a_later_release_is_still_shown() -> None:
    assert "tapes" in backups_line(["tapes"])
