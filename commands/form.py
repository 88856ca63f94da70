"""Reading what somebody filled into a form."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from bot.messages.modal import (
    DEADLINE,
    FAILURE,
    FIRST,
    FIXES,
    LEVEL,
    LIVEPATCH,
    MOST,
    PAUSE,
    PLACEMENT,
    PRESET,
    START,
    STOPPED,
    WITHOUT,
)
from bot.messages.vm_fields import RESTARTS, VMS
from bot.rollout.choosing import host_names, points
from bot.rollout.fixes import chosen_fixes
from bot.rollout.guidance import Level
from bot.rollout.kind import Kind
from bot.rollout.proposal import Choices
from bot.rollout.spec import Livepatch, OnLivepatchFailure, Placement, Preset, StoppedVms, VmRestarts, VmRule
from bot.rollout.vm_policy import VmWish, as_listed, wishes_of


def text_of(view: Mapping[str, Any], block_id: str) -> str:
    """The text of one field, "" when it was left empty."""
    elements = view["state"]["values"].get(block_id, {})
    return next((str(element.get("value") or "").strip() for element in elements.values()), "")


def choices_of(view: Mapping[str, Any], usual: Choices | None = None) -> Choices:
    """What is chosen in the update form, but for what `wishes_in` reads; fields that are not shown are as `usual`.

    Raises `InvalidSpec` for a pause point that there is not.
    """
    usual = Choices() if usual is None else usual
    pauses = _chosen(view, PAUSE, ",".join(usual.pause_points))
    kept = json.loads(view.get("private_metadata") or "{}")
    return replace(
        usual,
        kind=Kind(kept.get("kind", usual.kind)),
        hosts=tuple(kept.get("hosts", usual.hosts)),
        level=Level(_chosen(view, LEVEL, usual.level)),
        stopped_vms=StoppedVms(_chosen(view, STOPPED, usual.stopped_vms)),
        livepatch=Livepatch(_chosen(view, LIVEPATCH, usual.livepatch)),
        on_livepatch_failure=OnLivepatchFailure(_chosen(view, FAILURE, usual.on_livepatch_failure)),
        preset=Preset(_chosen(view, PRESET, usual.preset)),
        placement=Placement(_chosen(view, PLACEMENT, usual.placement)),
        max_out=int(_chosen(view, MOST, str(usual.max_out))),
        order=host_names(text_of(view, FIRST)),
        left_out=host_names(text_of(view, WITHOUT)),
        pause_points=() if pauses in ("", "none") else points(pauses.split(",")),
        deadline=_moment(view, DEADLINE, usual.deadline),
        fixes=chosen_fixes(_ticked(view, FIXES)),
        vm_restarts=VmRestarts(_chosen(view, RESTARTS, usual.vm_restarts)),
        start_at=_moment(view, START, usual.start_at),
        emergency=bool(kept.get("emergency", usual.emergency)),
    )


def _moment(view: Mapping[str, Any], block_id: str, usual: datetime | None) -> datetime | None:
    """The moment in a field, None when it was left empty, `usual` when it is not shown."""
    if block_id not in view["state"]["values"]:
        return usual
    given = [element.get("selected_date_time") for element in view["state"]["values"][block_id].values()]
    return next((datetime.fromtimestamp(int(stamp), UTC) for stamp in given if stamp), None)


def wishes_in(view: Mapping[str, Any], earlier: Sequence[VmRule] = ()) -> tuple[VmWish, ...]:
    """The rules for single VMs in the update form; `earlier` are those of the request that it changes.

    Raises `InvalidSpec` for one that means nothing.
    """
    return as_listed(wishes_of(text_of(view, VMS)), earlier)


def _ticked(view: Mapping[str, Any], block_id: str) -> list[str]:
    elements = view["state"]["values"].get(block_id, {}).values()
    return [str(option["value"]) for element in elements for option in element.get("selected_options") or ()]


def _chosen(view: Mapping[str, Any], block_id: str, usual: str) -> str:
    for element in view["state"]["values"].get(block_id, {}).values():
        option = element.get("selected_option")
        if option:
            return str(option["value"])
    return usual
