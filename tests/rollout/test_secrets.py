"""No secret leaves the configuration, and no name from XAPI does anything in Slack."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from bot.lab.scenario import VmSpec
from bot.rollout.lifecycle import State
from bot.rollout.spec import StoppedVms
from bot.xen.address import PoolAddress
from bot.xen.errors import XenError
from bot.xen.gateway import Gateway

from .rehearsal import APP_TOKEN, BOT_TOKEN, SYNC_TOKEN, Rehearsal, actor, rehearse, small

HOSTILE = "<!channel> *b* _i_ `c` <https://evil.example|click> @here :fire:"


def mrkdwn(block: Any) -> Iterator[str]:
    """The texts in which markup acts."""
    if isinstance(block, dict):
        if block.get("type") == "mrkdwn":
            yield block["text"]
        for entry in block.values():
            yield from mrkdwn(entry)
    elif isinstance(block, list | tuple):
        for entry in block:
            yield from mrkdwn(entry)


def shown(rollout: Rehearsal) -> Iterator[str]:
    for outgoing in rollout.messages():
        yield outgoing.message.text
        yield from mrkdwn(list(outgoing.message.blocks))


def test_no_secret_in_logs_database_audit_trail_messages_and_errors(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with rehearse(small()) as rollout:
        pool = rollout.pool
        sessions: set[str] = set()
        rollout.script.every_round = lambda: sessions.update(pool.run(lambda: set(pool.world.db.tables["session"])))
        said: list[str] = []

        # A refused login, a sync with the vendor's token, a failing one: what may carry secrets into errors.
        address = PoolAddress((pool.coordinator_url,), "xsbot", "wrong-password", ca_file=str(pool.ca_file))
        stranger = Gateway(address, time=rollout.time, name="stranger")
        with pytest.raises(XenError) as refused:
            stranger.snapshot()
        stranger.close()
        said += [str(refused.value), repr(refused.value), repr(address), repr(rollout.gateway)]
        rollout.desk.sync("lab", actor("alice"))
        pool.fault("sync_fails")
        rollout.desk.sync("lab", actor("alice"))

        pool.host("xs-02").apply_fails()
        pool.vm("web-01").migration_fails()
        rollout.when("apply_started", pool.host("xs-01").drop_connections)
        rollout.carry_out()
        while rollout.state is State.NEEDS_ATTENTION:
            said += [str(rollout.problem), *shown(rollout)]
            rollout.retry()
        rollout.assert_done()
        said += [repr(rollout.settings), str(rollout.settings), rollout.settings.model_dump_json()]
        said += [*shown(rollout), rollout.stored(), caplog.text]
        said += [row.body.decode() for row in rollout.audited()]

        assert len(sessions) > 1
        everything = "\n".join(said)
        for secret in (pool.password, "wrong-password", SYNC_TOKEN, BOT_TOKEN, APP_TOKEN, *sessions):
            assert secret not in everything


def test_names_and_texts_from_xapi_do_nothing_in_slack() -> None:
    scenario = small(
        pool=HOSTILE,
        more=[VmSpec(f"tied {HOSTILE}", "xs-02", 8, local=True), VmSpec(f"free {HOSTILE}", "xs-01", 4)],
    )
    bad = tuple(
        replace(update, title=HOSTILE, summary=HOSTILE, description=HOSTILE, special_info=HOSTILE, url=HOSTILE)
        for update in scenario.updates
    )
    with rehearse(replace(scenario, updates=bad)) as rollout:
        rollout.pool.vm(f"free {HOSTILE}").migration_fails()
        rollout.ask(stopped_vms=StoppedVms.SUSPEND)
        said = list(shown(rollout))
        rollout.approve().drive()
        while rollout.state is State.NEEDS_ATTENTION:
            said += shown(rollout)
            rollout.retry()
        rollout.assert_done()
        said += shown(rollout)
        named = [text for text in said if "channel&gt;" in text]
        assert len(named) > 20
        for text in said:
            markup = re.findall(r"<[^>]*>", text)
            assert all(re.match(r"<(@U|!subteam\^S|!date\^\d|https://slack\.example/)", mark) for mark in markup), text
        for text in named:
            inside = text[text.index("&lt;!channel") :]
            assert "*b*" not in inside
            assert "`c`" not in inside
            assert "_i_" not in inside
            assert "@here" not in inside
            assert ":fire:" not in inside
