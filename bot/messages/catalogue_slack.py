"""Sentences about requests, approvals and messages themselves."""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    "approval.quorum": "{have} of {need} approvals count.",
    "attention.unknown": "It cannot go on without a decision; the audit trail has the last step.",
    "rollout.recorded": "An update of pool {pool} was asked for (digest {digest}).",
    "notice.dismissed": "{user} dismissed the message about updates of pool {pool} until something newer is available.",
    "notice.shown_again": "{user} had the message about updates of pool {pool} shown in full again.",
    "notice.snoozed": "{user} snoozed the message about updates of pool {pool} until {at:moment}.",
    "notice.woken": "The message about updates of pool {pool} was snoozed until now and is told anew.",
    "message.undeliverable": "A message ({topic}, {key}) could not be delivered to Slack: {error}.",
}
