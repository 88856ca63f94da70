"""What `decide` answers: what to do now, why, when to look again, and whether the rollout is over."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from bot.rollout.action import Action
from bot.rollout.amendment import Offer
from bot.rollout.lifecycle import State
from bot.rollout.memory import TurnProgress
from bot.rollout.reason import Reason


@dataclass(frozen=True, slots=True)
class Step:
    """One action and why it is taken; `milestone` steps get a line in the thread."""

    action: Action
    reason: Reason
    milestone: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state the rollout moves to, and why.

    `keys` are the intents behind a problem: what a retry makes the worker ask for anew; `host` is the uuid of the one
    host that the problem concerns, "" when it is none or several; `wants` the change of the spec that would solve it,
    as far as the rules know it (see `bot.rollout.amendment.complete`); `until` when a pause ends by itself.
    """

    state: State
    reason: Reason
    keys: tuple[str, ...] = ()
    host: str = ""
    wants: Offer | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """One round's answer.

    `reason` is the headline for people who watch; `wake_at` the latest moment to look again (events come earlier);
    `progress` has one entry per host of the rollout; `waiting` names debts that XAPI does not let us settle yet.
    """

    reason: Reason
    wake_at: datetime
    steps: tuple[Step, ...] = ()
    progress: tuple[TurnProgress, ...] = ()
    verdict: Verdict | None = None
    waiting: tuple[tuple[str, str], ...] = field(default=())
    """Debt keys that cannot be settled now, each with XAPI's error code."""


@dataclass(frozen=True, slots=True)
class Estimates:
    """How long things take on a pool, in seconds, learned from its past rollouts (honest first guesses before).

    `migrate_rate` is bytes per second of one migration stream, `migrate_fixed` the cost of any migration however
    small.
    """

    apply: float = 300.0
    reboot: float = 600.0
    toolstack: float = 60.0
    migrate_rate: float = 0.25 * 2**30
    migrate_fixed: float = 5.0
    vm_restart: float = 90.0
    learned_from: int = 0

    def migration(self, memory: int) -> float:
        """Seconds one VM of `memory` bytes needs to move."""
        return self.migrate_fixed + memory / self.migrate_rate
