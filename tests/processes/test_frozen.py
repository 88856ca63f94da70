"""A process that is frozen for longer than its peers wait: they take over, and thawed it has no power."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from bot.lab.pool import LabPool
from bot.lab.slack import LabSlack
from bot.lab.time import ScaledTime
from bot.rollout.lifecycle import State
from tests.postgres import PostgresServer
from tests.slack.conftest import request_update

from .machines import Process, release, wait_for
from .site import ONE_HOST, SPEED, Site

pytestmark = [pytest.mark.postgresql, pytest.mark.timeout(240)]

DRIVES = "is driven by this process"


@pytest.mark.failure("worker-frozen", "clock-killed", "sender-frozen")
def test_a_frozen_process_that_did_everything_is_replaced_and_does_no_more(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    with ExitStack() as stack:
        pool = stack.enter_context(LabPool.start(ONE_HOST, ScaledTime(SPEED)))
        slack = stack.enter_context(LabSlack.start())
        site = Site(tmp_path, postgres.empty(), pool, slack)
        release(site.directory, site.environ)
        site.open()
        stack.callback(site.database.close)
        frozen = stack.enter_context(Process(site.directory, site.environ, "serve"))
        wait_for(lambda: len(frozen.says("this process leads in")) == 2, 40, "the leader in messages and timers")
        wait_for(lambda: slack.messages("xs-updates"), 30, "a notice")
        request_update(slack)
        for person in ("bob", "carol"):
            slack.click("Approve", as_=person)
        wait_for(site.applying, 60, "an update that is applied")

        other = stack.enter_context(Process(site.directory, site.environ, "serve"))
        wait_for(lambda: other.running, 40, "the other process")
        frozen.freeze()
        wait_for(lambda: other.says(DRIVES), 20, "a driver")
        wait_for(lambda: len(other.says("this process leads in")) == 2, 20, "a leader")
        frozen.thaw()
        # The rollout goes on with the other one while the thawed one finds out that it was replaced.
        wait_for(lambda: site.state() is State.SUCCEEDED, 120, "the end of the rollout")
        wait_for(lambda: site.waiting() == 0, 90, "the last message")
        assert len(frozen.says(DRIVES)) == 1
        assert frozen.says("Traceback") == []
        # The one message whose request was on its way when it was frozen.
        site.assert_done_once(doubled=1)
