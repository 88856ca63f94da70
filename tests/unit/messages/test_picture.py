"""The picture of a rollout, and the words that stand in for it."""

from __future__ import annotations

import struct
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.messages.picture import alternative, picture
from bot.rollout.lifecycle import State
from bot.rollout.memory import TurnPhase
from bot.rollout.timeline import Sample, Span, Standstill, Timeline
from tests.unit.messages.made import NOW

GIB = 1024**3


def _at(minutes: float) -> timedelta:
    return timedelta(minutes=minutes)


def _timeline(hosts: int = 2) -> Timeline:
    names = tuple((f"h{number}", f"xs-{number:02}") for number in range(1, hosts + 1))
    spans = []
    for place, (host, _name) in enumerate(names):
        start = NOW + _at(20 * place)
        spans += [
            Span(host, TurnPhase.WAITING, NOW, start),
            Span(host, TurnPhase.EVACUATING, start, start + _at(4)),
            Span(host, TurnPhase.APPLYING, start + _at(4), start + _at(8)),
            Span(host, TurnPhase.REBOOTING, start + _at(8), start + _at(16)),
            Span(host, TurnPhase.RETURNING_VMS, start + _at(16), start + _at(20)),
            Span(host, TurnPhase.DONE, start + _at(20), None),
        ]
    return Timeline(
        hosts=names,
        coordinator="h1",
        spans=tuple(spans),
        standstills=(Standstill(State.PAUSED, NOW + _at(5), NOW + _at(6)),),
        samples=(
            Sample(NOW, 0, 80 * GIB, 128 * GIB, 2),
            Sample(NOW + _at(4), 3, 20 * GIB, 64 * GIB, 1),
            Sample(NOW + _at(20), 3, 80 * GIB, 128 * GIB, 2),
        ),
        began=NOW,
        ended=NOW + _at(20 * hosts),
    )


def _size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def test_it_is_a_picture_that_grows_with_the_hosts() -> None:
    two, twelve = _size(picture(_timeline(2), "Rollout 7")), _size(picture(_timeline(12), "Rollout 7"))
    assert two[0] == twelve[0] == 1575
    assert twelve[1] > two[1] + 400


def test_the_same_rollout_gives_the_same_bytes() -> None:
    assert picture(_timeline(), "Rollout 7") == picture(_timeline(), "Rollout 7")


def test_foreign_names_are_only_drawn() -> None:
    odd = replace(_timeline(1), hosts=(("h1", "$\\frac{1}{0}$ <!channel>\n" + "x" * 255),))
    assert _size(picture(odd, "$\\notacommand{"))[0] == 1575


def test_words_say_what_the_picture_shows() -> None:
    told = alternative(_timeline())
    assert "Timeline of 2 hosts." in told
    assert "xs-02: from 20 min to 40 min, rebooting for 8 min." in told
    assert "6 VM moves in all." in told
    assert "Least spare memory on hosts in service: 20 GiB of 64 GiB." in told
    assert len(alternative(_timeline(64))) <= 1_000


def test_there_is_none_of_a_rollout_that_never_began() -> None:
    with pytest.raises(ValueError, match="never began"):
        picture(replace(_timeline(), began=None), "Rollout 7")
