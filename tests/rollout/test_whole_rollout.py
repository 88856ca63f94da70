"""From request to outcome when nothing goes wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlmodel import Session

from bot.rollout.lifecycle import State
from bot.rollout.memory import Intent
from storage import intents

from .rehearsal import REAL, rehearse, small


def test_every_host_is_updated_and_the_pool_is_as_it_was() -> None:
    with rehearse(small(durations=REAL)) as rollout:
        assert rollout.carry_out() is State.SUCCEEDED
        rollout.assert_done()
        assert rollout.verdict.reboots_by_host == {"xs-01": 1, "xs-02": 1}
        assert rollout.verdict.vm_downtime == {}
        assert [effect.host for effect in rollout.effects("apply_done")] == ["xs-01", "xs-02"]


def test_each_change_of_state_has_exactly_one_line_in_a_chain_that_verifies() -> None:
    with rehearse(small()) as rollout:
        rollout.carry_out()
        lines = [json.loads(row.body) for row in rollout.audited()]
        moves = [(line["details"]["from"], line["details"]["to"]) for line in lines if "from" in line["details"]]
        assert moves == [
            (None, "awaiting_approval"),
            ("awaiting_approval", "approved"),
            ("approved", "running"),
            ("running", "succeeded"),
        ]
        # Whatever was written to the pool was written down before, each time once.
        asked = [line["action"] for line in lines if line["action"].startswith("step.")]
        assert asked.count("step.ApplyUpdates") == asked.count("step.RebootHost") == 2


def test_whatever_is_asked_of_a_pool_is_on_the_disk_first(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: dict[str, set[int]] = {}
    real = intents.open_intent

    def watched(tx: Session, rollout_id: int, key: str, **more: Any) -> Intent:
        # What SQLite calls FULL is 2: the commit waits for the disk.
        waited.setdefault(key.partition(":")[0], set()).add(
            tx.connection().exec_driver_sql("PRAGMA synchronous").scalar_one()
        )
        return real(tx, rollout_id, key, **more)

    monkeypatch.setattr(intents, "open_intent", watched)
    with rehearse(small()) as rollout:
        rollout.carry_out()
        rollout.assert_done()
    assert {"ApplyUpdates", "RebootHost", "EvacuateHost", "DisableHa"} <= set(waited)
    assert {kind for kind, modes in waited.items() if modes != {2}} == set()
