"""Sentences about requests, approvals and messages themselves."""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    "approval.quorum": "{have} of {need} approvals count.",
    "attention.unknown": "It cannot go on without a decision; the audit trail has the last step.",
    "rollout.recorded": "An update of pool {pool} was asked for (digest {digest}).",
    "message.undeliverable": "A message ({topic}, {key}) could not be delivered to Slack: {error}.",
}
