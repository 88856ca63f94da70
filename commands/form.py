"""Reading what somebody filled into a form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bot.messages.modal import FAILURE, FIXES, LEVEL, LIVEPATCH, STOPPED
from bot.rollout.fixes import Remedy
from bot.rollout.guidance import Level
from bot.rollout.kind import Kind
from bot.rollout.proposal import Choices
from bot.rollout.spec import Livepatch, OnLivepatchFailure, StoppedVms


def text_of(view: Mapping[str, Any], block_id: str) -> str:
    """The text of one field, "" when it was left empty."""
    elements = view["state"]["values"].get(block_id, {})
    return next((str(element.get("value") or "").strip() for element in elements.values()), "")


def choices_of(view: Mapping[str, Any]) -> Choices:
    """What is chosen in the update form; fields that are not shown have their defaults."""
    usual, kept = Choices(), json.loads(view.get("private_metadata") or "{}")
    return Choices(
        kind=Kind(kept.get("kind", usual.kind)),
        hosts=tuple(kept.get("hosts", usual.hosts)),
        level=Level(_chosen(view, LEVEL, usual.level)),
        stopped_vms=StoppedVms(_chosen(view, STOPPED, usual.stopped_vms)),
        livepatch=Livepatch(_chosen(view, LIVEPATCH, usual.livepatch)),
        on_livepatch_failure=OnLivepatchFailure(_chosen(view, FAILURE, usual.on_livepatch_failure)),
        fixes=frozenset(map(Remedy, _ticked(view, FIXES))),
    )


def _ticked(view: Mapping[str, Any], block_id: str) -> list[str]:
    elements = view["state"]["values"].get(block_id, {}).values()
    return [str(option["value"]) for element in elements for option in element.get("selected_options") or ()]


def _chosen(view: Mapping[str, Any], block_id: str, usual: str) -> str:
    for element in view["state"]["values"].get(block_id, {}).values():
        option = element.get("selected_option")
        if option:
            return str(option["value"])
    return usual
