"""Home tabs between openings: only what changed is published, bounded, by one process, never against Slack's will."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.authority import SlackAuthority
from bot.delivery import Homes
from bot.lab.slack import LabSlack
from bot.messages.sentences import sentence
from bot.rollouts import Rollouts
from tests.slack.office import Office, client_of

PEOPLE = ("alice", "bob", "carol", "dave", "erin")


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with LabSlack.start() as slack:
        office = Office.open(slack, tmp_path)
        yield office
        office.database.close()


def homes_of(office: Office, *, leads: bool = True) -> Homes:
    client = client_of(office.slack)
    authority = SlackAuthority(client, office.settings, office.clock)
    rollouts = Rollouts(office.database, {}, office.settings, office.clock, authority, sentence)
    return Homes(rollouts, client, leads=lambda: leads)


def opened(office: Office, homes: Homes, *people: str) -> None:
    for name in people:
        homes.show(office.slack.workspace.person(name).id, name)
        office.clock.pass_(1)


def published(office: Office) -> int:
    return [method for method, _ in office.slack.api_calls].count("views.publish")


def shown(office: Office, name: str) -> str:
    return str(office.slack.workspace.homes[office.slack.workspace.person(name).id].blocks)


def test_nothing_is_published_while_nothing_changes(office: Office) -> None:
    homes = homes_of(office)
    opened(office, homes, "bob")

    assert [homes.keep_up(), homes.keep_up()] == [0, 0]
    assert published(office) == 1
    office.request()
    assert [homes.keep_up(), homes.keep_up()] == [1, 0]
    assert "waits for your approval" in shown(office, "bob")


def test_a_few_at_once_and_everybody_in_the_end(office: Office) -> None:
    office.slack.add_to_group("xs-approvers", "alice")
    homes = homes_of(office)
    opened(office, homes, *PEOPLE)
    office.request()

    assert [homes.keep_up() for _ in range(4)] == [2, 2, 1, 0]
    assert "waits for your approval" in shown(office, "carol")
    # Alice is an approver too, and asked for it herself.
    assert "waits for your approval" not in shown(office, "alice")
    assert "Rollout 1" in shown(office, "alice")


def test_a_day_after_it_was_opened_a_tab_is_left_alone(office: Office) -> None:
    homes = homes_of(office)
    opened(office, homes, "bob")
    office.clock.pass_(25 * 3600)
    office.request()
    assert homes.keep_up() == 0
    opened(office, homes, "bob")
    assert "waits for your approval" in shown(office, "bob")


def test_only_the_leader_keeps_tabs_up(office: Office) -> None:
    follower, leader = homes_of(office, leads=False), homes_of(office)
    opened(office, follower, "bob")
    office.request()
    assert follower.keep_up() == 0
    assert leader.keep_up() == 1


def test_when_slack_asks_to_wait_it_is_left_in_peace(office: Office) -> None:
    homes = homes_of(office)
    opened(office, homes, "bob", "carol")
    office.request()
    office.slack.fault("ratelimited", "views.publish", times=1, seconds=60)
    before = published(office)
    assert [homes.keep_up(), homes.keep_up()] == [0, 0]
    assert published(office) == before + 1


def test_a_tab_that_slack_refuses_keeps_nobody_elses_old(office: Office) -> None:
    homes = homes_of(office)
    opened(office, homes, "bob", "carol")
    office.request()
    office.slack.fault("error:user_not_found", "views.publish", times=1)
    assert homes.keep_up() == 1
    assert "waits for your approval" in shown(office, "carol")


def test_when_slack_does_not_say_who_holds_roles_the_tab_says_so(office: Office) -> None:
    office.slack.scopes.discard("usergroups:read")
    opened(office, homes_of(office), "bob")
    assert "This page cannot be shown now" in shown(office, "bob")
    assert "usergroups:read" in shown(office, "bob")


def test_in_a_hurry_everybody_gets_their_turn(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.delivery.homes._BUSY_S", -1.0)
    homes = homes_of(office)
    opened(office, homes, *PEOPLE)
    office.request()
    assert [homes.keep_up() for _ in PEOPLE] == [0] * len(PEOPLE), "no time at all"
    monkeypatch.setattr("bot.delivery.homes._BUSY_S", 60.0)
    # Something goes on happening all the time; nobody is looked at twice before everybody was.
    seen: list[str] = []
    for _ in range(3):
        office.request(alias="far", pool_uuid=f"pool-{len(seen)}")
        before = published(office)
        homes.keep_up()
        seen += [args["user_id"] for method, args in office.slack.api_calls if method == "views.publish"][before:]
    assert len(set(seen)) == len(PEOPLE)
