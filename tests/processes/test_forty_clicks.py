"""Forty people press Approve at the same moment: one start, and an answer for everybody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Barrier

import pytest

from bot.lab.pool import LabPool
from bot.lab.slack import LabSlack
from bot.lab.slack.directory import User
from bot.lab.time import ScaledTime
from bot.rollout.lifecycle import State
from storage import approvals
from tests.postgres import PostgresServer
from tests.slack.conftest import request_update

from .machines import Process, release, wait_for
from .signed import over_http
from .site import ONE_HOST, SPEED, Site

pytestmark = pytest.mark.timeout(240)

FORTY = [f"approver-{number:02}" for number in range(40)]


@pytest.fixture
def crowd() -> Iterator[LabSlack]:
    """A workspace with forty more people, all approvers."""
    with LabSlack.start() as slack:
        for name in FORTY:
            id_ = f"U0{name.upper().replace('-', '')}"
            slack.workspace.users[id_] = User(id_, name, name.title(), "approver")
            slack.add_to_group("xs-approvers", name)
        yield slack


@pytest.fixture
def pool() -> Iterator[LabPool]:
    with LabPool.start(ONE_HOST, ScaledTime(SPEED)) as pool:
        yield pool


def everybody_approves(slack: LabSlack) -> dict[str, str]:
    """All at once; what each of them is told."""
    card = request_update(slack)
    together = Barrier(len(FORTY))

    def press(name: str) -> str:
        together.wait(timeout=20)
        answer = slack.click("Approve", as_=name, message=card)
        # Acknowledged within Slack's three seconds (`click` waits for no longer), answered as soon as it was counted.
        assert not answer.error
        told = answer.wait(seconds=30)
        return told.plain if told is not None else ""

    with ThreadPoolExecutor(len(FORTY)) as people:
        return dict(zip(FORTY, people.map(press, FORTY), strict=True))


def assert_one_start(site: Site, answers: dict[str, str]) -> None:
    wait_for(lambda: site.state() not in (State.AWAITING_APPROVAL, State.APPROVED), 60, "the start")
    actions = Counter(row.action for row in site.trail())
    assert (actions["rollout.approved"], actions["rollout.running"]) == (1, 1)
    with site.database.reading() as tx:
        given = [approval.user for approval in approvals.of(tx, 1)]
    # The quorum is two people; whoever came later is told so and is not among them.
    assert len(given) == len(set(given)) == actions["approval.given"] == 2
    assert [name for name, text in answers.items() if not text] == []
    assert sum("Approval recorded" in text for text in answers.values()) == 2
    assert sum("no longer waits for approval" in text for text in answers.values()) == 38


@pytest.mark.postgresql
def test_through_two_web_processes(crowd: LabSlack, pool: LabPool, tmp_path: Path, postgres: PostgresServer) -> None:
    site = Site(tmp_path, postgres.empty(), pool, crowd)
    release(site.directory, site.environ)
    with ExitStack() as stack:
        site.open()
        stack.callback(site.database.close)
        (one, first), (two, second) = site.over_http(), site.over_http()
        processes = [Process(site.directory, one, "web"), Process(site.directory, two, "web")]
        processes.append(Process(site.directory, site.environ, "worker"))
        for process in processes:
            stack.enter_context(process)
        wait_for(lambda: all(process.running for process in processes), 40, "three processes")
        requests = over_http(crowd, [first, second])
        stack.callback(requests.close)
        answers = everybody_approves(crowd)
        assert min(Counter(requests.delivered).values()) >= 20
        assert_one_start(site, answers)


def test_through_one_process_on_sqlite(crowd: LabSlack, pool: LabPool, tmp_path: Path) -> None:
    site = Site(tmp_path, f"sqlite:///{tmp_path / 'xsbot.sqlite'}", pool, crowd)
    with Process(site.directory, site.environ, "serve") as serve:
        wait_for(lambda: serve.running, 40, "the process")
        crowd.wait_connected(timeout=20)
        answers = everybody_approves(crowd)
        site.open()
        assert_one_start(site, answers)
        site.database.close()
