"""What can be put right is offered for each host and VM, and by kind where Slack cannot show so many boxes."""

from __future__ import annotations

from typing import Any

import pytest

from bot.lab.slack.limits import check_blocks
from bot.messages.fix_fields import fixes_input
from bot.rollout.decision import Estimates
from bot.rollout.proposal import Choices
from bot.rollouts.preview import Preview, preview_of
from bot.time import RealTime
from tests.unit.rollout.pools import host, pool_of, updates_of


def preview(closed: int) -> Preview:
    """A pool of which so many members are out of service."""
    snapshot = pool_of([host(1), *(host(number, enabled=False) for number in range(2, closed + 2))], vms=())
    asked: dict[str, Any] = {entry.uuid: () for entry in snapshot.hosts}
    return preview_of("lab", snapshot, updates_of(snapshot), asked, Choices(), Estimates(), RealTime())


@pytest.mark.parametrize(
    ("closed", "chosen", "values", "ticked"),
    [
        (2, {"enable_host:xs-03"}, ["enable_host:host-2", "enable_host:host-3"], ["enable_host:host-3"]),
        (1, {"enable_hosts"}, ["enable_host:host-2"], ["enable_host:host-2"]),
        (11, {"enable_hosts"}, ["enable_hosts"], ["enable_hosts"]),
        (11, set(), ["enable_hosts"], []),
    ],
)
def test_boxes_for_single_hosts_or_for_all(closed: int, chosen: set[str], values: list[str], ticked: list[str]) -> None:
    blocks = fixes_input("update_choice_", "fixes", preview(closed), chosen)
    assert check_blocks(blocks, "modal") == []
    (block,) = blocks
    assert [entry["value"] for entry in block["element"]["options"]] == values
    assert [entry["value"] for entry in block["element"].get("initial_options", ())] == ticked
    assert ("hint" in block) is (closed > 10)


def test_nothing_to_put_right_shows_no_boxes() -> None:
    assert fixes_input("update_choice_", "fixes", preview(0), ()) == []
