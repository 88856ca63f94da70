"""What people type after a pool's name to choose how it is updated: ``fast leave max=2 first=xs-05 deadline=05:30``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.rollout.errors import InvalidSpec
from bot.rollout.fixes import chosen_fixes
from bot.rollout.guidance import Level
from bot.rollout.moment import moment_of
from bot.rollout.pausing import POINTS
from bot.rollout.proposal import Choices
from bot.rollout.spec import Placement, Preset, StoppedVms, VmRestarts
from bot.rollout.vm_policy import wishes_of

_HINT = (
    "Words: serial, gentle, standard or fast; home, balance or leave; mandatory, recommended or full; max=2, "
    "first=host,host, without=host,host, pause=coordinator,canary, vms=refuse, suspend or shutdown, vm=name=migrate, "
    "suspend, shutdown, leave or usual, restarts=home, now or pending, fix=eject_cds or eject_cd:name, "
    "deadline=05:30 (in the pool's time zone) or deadline=+4h."
)


def chosen(words: Iterable[str], usual: Choices, now: datetime, zone: ZoneInfo) -> Choices:
    """`usual` with what the words change; `now` is what moments count from, `zone` the pool's time zone.

    Raises `InvalidSpec` for a word that means nothing, `UnclearMoment` for a deadline that is none.
    """
    choices = usual
    for word in words:
        name, equals, value = word.partition("=")
        choices = _named(choices, name.lower(), value, now, zone) if equals else _plain(choices, word.lower())
    return choices


def host_names(text: str) -> tuple[str, ...]:
    """The hosts in a list that people wrote, divided by commas, spaces or lines."""
    return tuple(dict.fromkeys(text.replace(",", " ").split()))


def _plain(choices: Choices, word: str) -> Choices:
    if word in {level.value for level in Level}:
        return replace(choices, level=Level(word))
    if word in {preset.value for preset in Preset}:
        return replace(choices, preset=Preset(word))
    if word in {placement.value for placement in Placement}:
        return replace(choices, placement=Placement(word))
    raise InvalidSpec(f"{word!r} is nothing that can be chosen.", _HINT)


def _named(choices: Choices, name: str, value: str, now: datetime, zone: ZoneInfo) -> Choices:
    match name:
        case "max":
            if not (value.isascii() and value.isdigit() and int(value) <= 64):
                raise InvalidSpec(f"{value!r} is no number of hosts.", "Say for example max=2.")
            return replace(choices, max_out=int(value))
        case "first":
            return replace(choices, order=host_names(value))
        case "without":
            return replace(choices, left_out=host_names(value))
        case "pause":
            return replace(choices, pause_points=points(host_names(value.lower())))
        case "deadline":
            return replace(choices, deadline=None if value.lower() == "none" else moment_of(value, now, zone))
        case "vms":
            if value.lower() not in {choice.value for choice in StoppedVms}:
                raise InvalidSpec(f"{value!r} is no rule for VMs that cannot move.", _HINT)
            return replace(choices, stopped_vms=StoppedVms(value.lower()))
        case "vm":
            return replace(choices, vms=(*choices.vms, *wishes_of(value)))
        case "fix":
            return replace(choices, fixes=choices.fixes | chosen_fixes(value.split(",")))
        case "restarts":
            if value.lower() not in {choice.value for choice in VmRestarts}:
                raise InvalidSpec(f"{value!r} is no place for VMs to restart.", _HINT)
            return replace(choices, vm_restarts=VmRestarts(value.lower()))
    raise InvalidSpec(f"{name!r} is nothing that can be chosen.", _HINT)


def points(words: Iterable[str]) -> tuple[str, ...]:
    """Pause points in their order. Raises `InvalidSpec` for one that there is not."""
    wanted = frozenset(words)
    unknown = sorted(wanted - frozenset(POINTS))
    if unknown:
        raise InvalidSpec(f"There is no pause point {unknown[0]!r}.", f"There are: {', '.join(POINTS)}.")
    return tuple(point for point in POINTS if point in wanted)
