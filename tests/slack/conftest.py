"""The unchanged bot between a simulated pool and the lab's Slack: real HTTPS, real Socket Mode, a real database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from bot.cli.stage import Stage
from bot.lab.slack import LabSlack, Message, Modal

SPEED = 400.0


@contextmanager
def staged(scenario: str) -> Iterator[Stage]:
    with Stage(scenario, SPEED, 0) as stage:
        stage.slack.wait_connected()
        stage.slack.wait_for(lambda: stage.slack.messages("xs-updates"), timeout=30)
        yield stage


@pytest.fixture(scope="module")
def small() -> Iterator[Stage]:
    """Three hosts, twelve VMs, HA on. Shared by tests that change nothing on the pool."""
    with staged("small") as stage:
        yield stage


@pytest.fixture
def slack(small: Stage) -> LabSlack:
    return small.slack


@pytest.fixture
def fresh() -> Iterator[Stage]:
    """A pool of one's own."""
    with staged("small") as stage:
        yield stage


@pytest.fixture
def pinned() -> Iterator[Stage]:
    """A pool in which two VMs cannot move."""
    with staged("pinned") as stage:
        yield stage


def card_in(slack: LabSlack) -> Message | None:
    """The newest card, None when there is none."""
    cards = [entry for entry in slack.messages("xs-updates") if "rollout" in entry.plain and not entry.thread_ts]
    return cards[-1] if cards else None


def request_update(slack: LabSlack, *, as_: str = "alice", choose: Callable[[], None] = lambda: None) -> Message:
    """Ask for an update of the pool; the card that appears."""
    slack.say("/xs update lab", as_=as_)
    slack.wait_for(lambda: form_is_ready(slack, as_), timeout=20)
    choose()
    form = slack.modal(as_=as_)
    assert form is not None
    form.fill("reason", "CHG-1234")
    assert not form.submit().errors
    slack.wait_for(lambda: (card := card_in(slack)) is not None and "Approve" in card.buttons, timeout=20)
    card = card_in(slack)
    assert card is not None
    opened = slack.modal(as_=as_, wait=0)
    if opened is not None:
        opened.close()
    return card


def form_is_ready(slack: LabSlack, as_: str) -> bool:
    form = slack.modal(as_=as_, wait=0)
    return form is not None and any(block.get("block_id") == "reason" for block in form.blocks)


def dialog(slack: LabSlack, as_: str, *, saying: str = "", submit: str | None = None) -> Modal:
    """The person's dialog once it says that and, when asked, has a submit button of that name."""

    def there() -> bool:
        view = slack.modal(as_=as_, wait=0)
        return view is not None and saying in view.text and (submit is None or view.submit_text == submit)

    slack.wait_for(there, timeout=20)
    found = slack.modal(as_=as_)
    assert found is not None
    return found
