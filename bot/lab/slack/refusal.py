"""How the lab's Slack says no.

XsbotError
├── Refused    an answer of the Web API with `ok: false` and Slack's own error code
└── LabError   a person or a test used the lab itself wrongly (no such user, no such button)
"""

from __future__ import annotations

from bot.errors import XsbotError


class Refused(XsbotError):
    """The Web API refuses a call.

    `code` is Slack's error code (`channel_not_found`), `messages` go to `response_metadata.messages` as Slack does
    for payloads that break a limit, `fields` are further keys of the answer (`needed`, `provided`), and
    `retry_after` (seconds) turns the answer into HTTP 429.
    """

    def __init__(
        self,
        code: str,
        messages: list[str] | None = None,
        *,
        fields: dict[str, str] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(f"Slack refused the call: {code}.")
        self.code = code
        self.messages = messages or []
        self.fields = fields or {}
        self.retry_after = retry_after


class LabError(XsbotError):
    """The lab was asked for something that is not there; the sentence says what is."""
