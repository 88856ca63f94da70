"""What people type after a pool's name."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.rollout.choosing import chosen, host_names
from bot.rollout.errors import InvalidSpec
from bot.rollout.guidance import Level
from bot.rollout.proposal import Choices
from bot.rollout.spec import Placement, Preset, StoppedVms, VmRestarts

from .pools import NOW


def test_words_change_what_is_usual() -> None:
    usual = Choices(preset=Preset.STANDARD)
    assert chosen([], usual, NOW) == usual
    words = ("Fast", "leave", "full", "max=2", "first=xs-05,xs-02", "without=xs-03", "pause=canary,coordinator")
    assert chosen((*words, "vms=suspend", "deadline=05:30"), usual, NOW) == Choices(
        level=Level.FULL,
        stopped_vms=StoppedVms.SUSPEND,
        preset=Preset.FAST,
        placement=Placement.LEAVE,
        max_out=2,
        order=("xs-05", "xs-02"),
        left_out=("xs-03",),
        pause_points=("coordinator", "canary"),
        deadline=datetime(2026, 3, 8, 5, 30, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    "word", ["quick", "max=two", "max=99", "pause=never", "vms=kill", "colour=red", "max=", "deadline=soon"]
)
def test_a_word_that_means_nothing_is_refused_with_those_that_do(word: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        chosen([word], Choices(), NOW)
    assert refused.value.hint


def test_rules_for_single_vms_and_for_restarts_are_typed_as_well() -> None:
    chosen_so = chosen(["vm=db-1=shutdown:20,ci-7=leave", "vm=web=migrate", "restarts=Pending"], Choices(), NOW)
    assert [str(wish) for wish in chosen_so.vms] == ["db-1=shutdown:20", "ci-7=leave", "web=migrate"]
    assert chosen_so.vm_restarts is VmRestarts.PENDING
    for word in ("vm=db-1", "vm=db-1=kill", "restarts=later"):
        with pytest.raises(InvalidSpec):
            chosen([word], Choices(), NOW)


def test_lists_of_hosts_are_read_however_they_are_divided() -> None:
    assert host_names("xs-1, xs-2\nxs-3 xs-1") == ("xs-1", "xs-2", "xs-3")
