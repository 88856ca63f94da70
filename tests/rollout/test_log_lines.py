"""Every line that is written while a rollout is driven says which rollout and which pool it is about."""

from __future__ import annotations

import io
import json
import logging

from bot import log
from bot.rollout.lifecycle import State

from .rehearsal import rehearse, small


def test_every_line_about_a_rollout_has_its_number_and_its_pool() -> None:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.addFilter(log.about)
    handler.setFormatter(log.JsonLines())
    root = logging.getLogger()
    level = root.level
    with rehearse(small()) as rollout:
        rollout.ask().approve()
        for moment in ("host_disabled", "apply_started"):
            rollout.when(moment, rollout.pool.host("xs-01").drop_connections)
        root.addHandler(handler)
        root.setLevel(logging.INFO)
        try:
            assert rollout.drive() is State.SUCCEEDED
        finally:
            root.removeHandler(handler)
            root.setLevel(level)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    ours = [line for line in lines if line["logger"].startswith(("bot.xen", "bot.worker", "bot.delivery"))]
    assert {line["logger"] for line in ours} >= {"bot.xen.connection"}
    assert {(line.get("rollout"), line.get("pool")) for line in ours} == {(1, "lab")}
