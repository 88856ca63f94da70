"""The Home tab in Slack: drawn when it is opened, kept up while things happen, and a place to begin from."""

from __future__ import annotations

from bot.cli.stage import Stage
from bot.lab.slack import LabSlack
from bot.lab.slack.payloads import home_opened
from tests.slack.conftest import dialog, request_update


def read(slack: LabSlack, user: str) -> str:
    """The tab as it stands, without opening it again."""
    person = slack.workspace.person(user)
    view = slack.workspace.homes.get(person.id)
    return "" if view is None else "\n".join(str(block) for block in view.blocks)


def test_a_home_tab_from_notice_to_progress(fresh: Stage) -> None:
    slack = fresh.slack
    opened = slack.home("alice", wait=20)
    assert opened is not None
    for part in ("Nothing waits for you", "*lab*", "5 updates", "HA on", "last sync", "No rollout has ended yet."):
        assert part in opened.plain
    assert opened.buttons == ["Plan update…", "Show updates"]
    empty = slack.home("dave", wait=20)
    assert empty is not None
    assert "Plan update…" not in empty.buttons

    # A dialog of the Home tab opens as from a message.
    slack.click("Show updates", as_="alice", message=opened)
    dialog(slack, "alice", saying="CVE-").close()

    card = request_update(slack)
    for_bob = slack.home("bob", wait=20)
    assert for_bob is not None
    assert "Waits for you (1)" in for_bob.plain
    slack.wait_for(lambda: "Nothing waits for you" in read(slack, "alice") and "of 2" in read(slack, "alice"), 20)
    slack.click("Look and approve…", as_="bob", message=for_bob)
    form = dialog(slack, "bob", saying="Waiting for approval")
    slack.click("Approve", as_="bob", message=form)

    # Nobody opens it again from here on.
    slack.wait_for(lambda: "Nothing waits for you" in read(slack, "bob"), 20)
    slack.click("Approve", as_="carol", message=card)
    slack.wait_for(lambda: "moving its VMs away" in read(slack, "alice") or "hosts done" in read(slack, "alice"), 40)
    slack.wait_for(lambda: "*1* lab: succeeded" in read(slack, "alice"), 90)


def test_the_other_tab_of_the_app_draws_nothing(small: Stage) -> None:
    slack = small.slack
    erin, dave = slack.workspace.person("erin"), slack.workspace.person("dave")
    payload = home_opened(erin, slack.workspace.next_ts(), None)
    payload["event"]["tab"] = "messages"
    assert slack.sockets.deliver("events_api", payload, accepts_payload=False).error is None
    slack.interactions.open_home(dave)
    slack.wait_for(lambda: dave.id in slack.workspace.homes, 20)
    assert erin.id not in slack.workspace.homes
