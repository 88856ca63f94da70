"""What Slack's refusals mean for a message: try later, try otherwise, or never."""

from __future__ import annotations

from slack_sdk.errors import SlackApiError

#: The message itself is at fault or its place is gone: trying again changes nothing.
PERMANENT = frozenset(
    {
        "channel_not_found",
        "not_in_channel",
        "is_archived",
        "restricted_action",
        "restricted_action_read_only_channel",
        "restricted_action_thread_only_channel",
        "msg_too_long",
        "msg_blocks_too_long",
        "msg_blocks_too_many",
        "no_text",
        "invalid_arguments",
        "invalid_blocks",
        "invalid_blocks_format",
    }
)
#: Files are refused by this workspace or to this app; every further try would send all their bytes again.
NO_FILES = frozenset(
    {"file_uploads_disabled", "file_uploads_except_images_disabled", "storage_limit_reached", "no_permission"}
)
#: The message to be edited is gone or can no longer be edited: a new one takes its place.
GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
#: Slack answers, and does not let us in with this token: only a person can change that.
UNKNOWN_TOKEN = frozenset(
    {"invalid_auth", "not_authed", "not_allowed_token_type", "account_inactive", "token_revoked", "token_expired"}
)
RATE_LIMITED = frozenset({"ratelimited", "rate_limited"})
BAD_BLOCKS = frozenset({"invalid_blocks", "invalid_blocks_format"})


def code_of(error: Exception) -> str:
    """Slack's error code, or the kind of failure that kept Slack from answering."""
    if not isinstance(error, SlackApiError):
        return type(error).__name__
    if error.response.status_code == 429:
        return "ratelimited"
    return str(error.response.get("error") or f"HTTP {error.response.status_code}")


def is_refusal(error: Exception) -> bool:
    """Whether Slack itself answered and said no, as opposed to an outage of Slack or of the way there."""
    return isinstance(error, SlackApiError) and error.response.status_code == 200


def retry_after(error: Exception) -> float:
    """The seconds Slack asks us to wait, 30 where it does not say."""
    headers = error.response.headers if isinstance(error, SlackApiError) else {}
    for name, value in headers.items():
        if name.lower() == "retry-after":
            given = value[0] if isinstance(value, list) else value
            return max(1.0, float(given))
    return 30.0
