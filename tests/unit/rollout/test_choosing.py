"""What people type after a pool's name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.rollout.choosing import chosen, host_names
from bot.rollout.errors import InvalidSpec
from bot.rollout.guidance import Level
from bot.rollout.moment import UnclearMoment
from bot.rollout.proposal import Choices
from bot.rollout.spec import Placement, Preset, StoppedVms, VmRestarts

from .pools import NOW

UTC_ZONE, BERLIN = ZoneInfo("UTC"), ZoneInfo("Europe/Berlin")


def test_words_change_what_is_usual() -> None:
    usual = Choices(preset=Preset.STANDARD)
    assert chosen([], usual, NOW, UTC_ZONE) == usual
    words = ("Fast", "leave", "full", "max=2", "first=xs-05,xs-02", "without=xs-03", "pause=canary,coordinator")
    assert chosen((*words, "vms=suspend", "deadline=05:30"), usual, NOW, UTC_ZONE) == Choices(
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


@pytest.mark.parametrize("word", ["quick", "max=two", "max=99", "pause=never", "vms=kill", "colour=red", "max="])
def test_a_word_that_means_nothing_is_refused_with_those_that_do(word: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        chosen([word], Choices(), NOW, UTC_ZONE)
    assert refused.value.hint


def test_a_deadline_is_read_like_every_moment_in_the_zone_of_the_pool() -> None:
    def deadline(text: str) -> datetime | None:
        return chosen([f"deadline={text}"], Choices(), NOW, BERLIN).deadline

    assert deadline("05:30") == datetime(2026, 3, 8, 4, 30, tzinfo=UTC)
    assert deadline("sun 6:00") == datetime(2026, 3, 8, 5, 0, tzinfo=UTC)
    assert deadline("2026-03-09T05:30") == datetime(2026, 3, 9, 4, 30, tzinfo=UTC)
    assert deadline("+4h") == NOW + timedelta(hours=4)
    assert deadline("none") is None
    with pytest.raises(UnclearMoment) as refused:
        deadline("soon")
    assert refused.value.hint


def test_rules_for_single_vms_and_for_restarts_are_typed_as_well() -> None:
    chosen_so = chosen(
        ["vm=db-1=shutdown:20,ci-7=leave", "vm=web=migrate", "restarts=Pending"], Choices(), NOW, UTC_ZONE
    )
    assert [str(wish) for wish in chosen_so.vms] == ["db-1=shutdown:20", "ci-7=leave", "web=migrate"]
    assert chosen_so.vm_restarts is VmRestarts.PENDING
    for word in ("vm=db-1", "vm=db-1=kill", "restarts=later"):
        with pytest.raises(InvalidSpec):
            chosen([word], Choices(), NOW, UTC_ZONE)


def test_lists_of_hosts_are_read_however_they_are_divided() -> None:
    assert host_names("xs-1, xs-2\nxs-3 xs-1") == ("xs-1", "xs-2", "xs-3")
