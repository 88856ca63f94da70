"""The words of ours that reasons and errors carry as values: states, levels, tasks, settings.

They travel in English (the audit trail keeps them so) and are put into the present language where a sentence says
``{state:words}``. Anything that is not in here is foreign and stays as it is.
"""

from __future__ import annotations

from enum import Enum

from bot.messages.language import word
from bot.rollout.action import Action
from bot.rollout.amendment import AmendmentState
from bot.rollout.backups import BackupKind
from bot.rollout.channel import DAYS, Frequency
from bot.rollout.guidance import Level, Task
from bot.rollout.kind import Kind
from bot.rollout.lifecycle import State
from bot.rollout.memory import DebtKind, TurnPhase
from bot.rollout.proposal import PoolFix
from bot.rollout.spec import Livepatch, OnLivepatchFailure, Placement, Preset, StoppedVms, VmTreatment

_VOCABULARIES: tuple[type[Enum], ...] = (
    AmendmentState, BackupKind, DebtKind, Frequency, Kind, Level, Livepatch, OnLivepatchFailure, Placement,
    PoolFix, Preset, State, StoppedVms, Task, TurnPhase, VmTreatment,
)  # fmt: skip
#: Calls to XAPI, as `operation.failed` and `operation.slow` name them.
_ACTIONS = tuple(kind.__name__ for kind in Action.__subclasses__())
#: Words that stand in the code where they are given.
_OTHERS = (
    "after", "another rollout", "before", "High availability", "none", "nobody", "off", "no details",
    "The way home of moved VMs", "the pool is in notify mode", "nothing is left to do", "canary", "coordinator",
    "admin", "approver", "requester", "viewer", "requester or approver",
    "not live", "not enabled", "old level", "storage", "links", "bonds", "vms stopped", "agents silent",
    "applied", "restored", "settled", "left alone", "gone", "given up", "channel", "proxy", "schedule", "bundle",
    "sync",
)  # fmt: skip


def plain_word(value: str) -> str:
    """A name of ours as people read it in English: without its underscores."""
    return value.replace("_", " ")


#: Every such word in English.
WORDS = frozenset(
    {plain_word(str(member.value)) for vocabulary in _VOCABULARIES for member in vocabulary}
    | {plain_word(text) for text in (*_ACTIONS, *_OTHERS)}
    | {day.capitalize() for day in DAYS}
)


def in_words(value: str) -> str:
    """One of our names, or several with commas between them, in the present language."""
    return ", ".join(_one(part) for part in value.split(", "))


def _one(value: str) -> str:
    plain = plain_word(value)
    return word(plain) if plain in WORDS else plain
