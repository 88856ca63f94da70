"""What the rules can refuse.

RolloutError
├── IllegalTransition   the lifecycle has no such step
├── NotAllowed          this person may not do that
├── StaleDigest         the click belongs to a spec that has been replaced
└── InvalidSpec         a stored or requested spec makes no sense
"""

from __future__ import annotations

from bot.errors import XsbotError


class RolloutError(XsbotError):
    """A rule of the rollout forbids it."""


class IllegalTransition(RolloutError):
    """The lifecycle has no step from the present state to the wanted one."""


class NotAllowed(RolloutError):
    """The person lacks the authority for what was asked."""


class StaleDigest(RolloutError):
    """The decision names a spec that is no longer the rollout's."""


class InvalidSpec(RolloutError):
    """The spec contradicts itself or has an unknown schema."""
