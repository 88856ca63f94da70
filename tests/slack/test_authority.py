"""Roles come from the configuration and from Slack's user groups; when Slack does not say, nobody holds any."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.authority import AuthorityUnknown, SlackAuthority
from bot.lab.slack import LabSlack
from bot.rollouts import Role
from tests.slack.office import HandClock, client_of, settings_for


@pytest.fixture(scope="module")
def slack() -> Iterator[LabSlack]:
    with LabSlack.start() as lab:
        yield lab


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def authority(slack: LabSlack, clock: HandClock) -> Iterator[SlackAuthority]:
    slack.reset()
    slack.clear_faults()
    yield SlackAuthority(client_of(slack), settings_for(slack), clock)
    slack.clear_faults()


def test_roles_of_people_in_groups_and_by_name(authority: SlackAuthority) -> None:
    assert authority.roles_of("U0ALICE", "lab") == {Role.VIEWER, Role.REQUESTER}
    assert Role.APPROVER in authority.roles_of("U0BOB", "lab")
    assert Role.ADMIN not in authority.roles_of("U0BOB", "lab")
    assert authority.roles_of("U0DAVE", "lab") == {Role.VIEWER}
    assert Role.APPROVER in authority.roles_of("U0ERIN", "lab")


def test_holders_are_people(authority: SlackAuthority) -> None:
    assert authority.holders(Role.APPROVER, "lab") == {"U0BOB", "U0CAROL", "U0ERIN"}
    assert authority.holders(Role.VIEWER, "lab") == frozenset()


def test_the_members_of_a_channel_may_hold_a_role(slack: LabSlack, clock: HandClock) -> None:
    slack.reset()
    settings = settings_for(slack)
    roles = settings.roles.model_copy(update={"approver": ("C0UPDATES",)})
    authority = SlackAuthority(client_of(slack), settings.model_copy(update={"roles": roles}), clock)
    members = frozenset(slack.workspace.channels["C0UPDATES"].members)
    assert members
    assert authority.holders(Role.APPROVER, "lab") == members
    assert Role.APPROVER in authority.roles_of(next(iter(members)), "lab")
    assert Role.APPROVER not in authority.roles_of("U0NOBODY", "lab")
    slack.fault("error:channel_not_found", method="conversations.members", times=100)
    clock.pass_(61)
    with pytest.raises(AuthorityUnknown, match="who is in the channel C0UPDATES"):
        authority.holders(Role.APPROVER, "lab")
    slack.clear_faults()


def test_a_group_is_read_once_a_minute(slack: LabSlack, authority: SlackAuthority, clock: HandClock) -> None:
    before = len(slack.api_calls)
    for _ in range(20):
        authority.holders(Role.APPROVER, "lab")
    assert len(slack.api_calls) - before == 1

    slack.remove_from_group("xs-approvers", "carol")
    clock.pass_(59)
    assert "U0CAROL" in authority.holders(Role.APPROVER, "lab")
    clock.pass_(1)
    assert "U0CAROL" not in authority.holders(Role.APPROVER, "lab")


@pytest.mark.parametrize("fault", ["plan_upgrade_required", "outage", "error:missing_scope", "error:no_such_subteam"])
@pytest.mark.failure("roles-unknown")
def test_it_fails_closed(slack: LabSlack, authority: SlackAuthority, clock: HandClock, fault: str) -> None:
    assert Role.APPROVER in authority.roles_of("U0BOB", "lab")
    slack.fault(fault, method=None if fault == "outage" else "usergroups.users.list", times=100)
    clock.pass_(61)

    with pytest.raises(AuthorityUnknown) as caught:
        authority.roles_of("U0BOB", "lab")
    assert caught.value.hint

    with pytest.raises(AuthorityUnknown):
        authority.holders(Role.APPROVER, "lab")
