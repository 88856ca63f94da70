"""Who must approve, and whether enough did.

Approvals belong to a digest. The requester never counts, a person counts once, and whoever has lost the authority
since counts no more; the same function answers at each click and again at start.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.rollout.errors import NotAllowed, RolloutError
from bot.rollout.reason import Reason, because


class MissingTicket(RolloutError):
    """A request does not say what its policy asks for."""


@dataclass(frozen=True, slots=True)
class ApprovalPolicy:
    """How many distinct approvers are needed, and for how long an approval may be waited for and used.

    `required` counts distinct people without the requester; `expires_after` runs from the request, `start_within`
    from the quorum. `ticket` is what the reason of a request must contain, a regular expression; "" when nothing.
    """

    required: int = 1
    expires_after: timedelta = timedelta(hours=24)
    start_within: timedelta = timedelta(hours=8)
    allow_unreviewed: bool = False
    ticket: str = ""


@dataclass(frozen=True, slots=True)
class Approval:
    """One person's approval of one digest."""

    user: str
    digest: str
    at: datetime
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class Quorum:
    """Whether a digest has what it needs: the approvers that count, how many are needed, and the reason."""

    met: bool
    counted: tuple[str, ...]
    required: int
    reason: Reason


def quorum(
    policy: ApprovalPolicy,
    digest: str,
    requester: str,
    approvals: Iterable[Approval],
    authorised: Collection[str],
    *,
    proposer: str = "",
) -> Quorum:
    """Whether `digest` has its quorum of distinct approvers who hold the authority *now*.

    For an amendment whoever proposed it does not count either.
    """
    counted: dict[str, None] = {}
    for approval in approvals:
        counts = approval.digest == digest and not approval.revoked and approval.user != requester
        if counts and approval.user in authorised and approval.user != proposer:
            counted[approval.user] = None
    met = len(counted) >= policy.required or policy.allow_unreviewed
    reason = because("approval.quorum", have=len(counted), need=policy.required)
    return Quorum(met, tuple(counted), policy.required, reason)


def check_ticket(policy: ApprovalPolicy, reason_text: str) -> None:
    """Refuse a request whose reason does not name the ticket that the policy asks for. Raises `MissingTicket`."""
    if policy.ticket and re.search(policy.ticket, reason_text) is None:
        raise MissingTicket(
            "The reason does not name a ticket, and this pool's policy asks for one.",
            f"Write it into the reason; it looks like {policy.ticket}.",
        )


def check_approver(
    user: str, requester: str, digest: str, approvals: Iterable[Approval], authorised: bool, *, proposer: str = ""
) -> None:
    """Refuse an approval that would not count, with the reason the person reads.

    Raises `NotAllowed`.
    """
    if user == requester:
        raise NotAllowed(
            "You asked for this rollout, so your approval does not count.", "Ask a colleague who may approve."
        )
    if user == proposer:
        raise NotAllowed(
            "You proposed this change, so your approval of it does not count.", "Ask a colleague who may approve."
        )
    if not authorised:
        raise NotAllowed("You may not approve rollouts of this pool.", "Ask one of the pool's approvers.")
    if any(entry.user == user and entry.digest == digest and not entry.revoked for entry in approvals):
        raise NotAllowed("You have approved this already.", "It waits for somebody else now.")
