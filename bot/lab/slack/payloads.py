"""What Slack sends to an app: the bodies of commands, interactions and events. Pure."""

from __future__ import annotations

from bot.lab.slack.directory import APP_ID, BOT_USER, TEAM_DOMAIN, TEAM_ID, Channel, User
from bot.lab.slack.records import Json, Post, View


def slash_command(user: User, channel: Channel, command: str, text: str) -> Json:
    """A slash command, still without `response_url` and `trigger_id`."""
    return {
        "token": "lab",
        "team_id": TEAM_ID,
        "team_domain": TEAM_DOMAIN,
        "channel_id": channel.id,
        "channel_name": _channel_name(channel),
        "user_id": user.id,
        "user_name": user.name,
        "command": command,
        "text": text,
        "api_app_id": APP_ID,
        # A string, as in the form that Slack posts.
        "is_enterprise_install": "false",
    }


def interaction(kind: str, user: User) -> Json:
    """What `block_actions`, `view_submission` and `view_closed` have in common."""
    return {
        "type": kind,
        "token": "lab",
        "api_app_id": APP_ID,
        "team": {"id": TEAM_ID, "domain": TEAM_DOMAIN},
        "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": TEAM_ID},
        "enterprise": None,
        "is_enterprise_install": False,
    }


def message_container(post: Post, channel: Channel, state: Json) -> Json:
    """Where a click happened, when it was in a message."""
    container: Json = {
        "type": "message",
        "message_ts": post.ts,
        "channel_id": post.channel,
        "is_ephemeral": post.ephemeral,
    }
    if post.thread_ts:
        container["thread_ts"] = post.thread_ts
    body: Json = {
        "container": container,
        "channel": {"id": channel.id, "name": _channel_name(channel)},
        "state": {"values": state},
    }
    # Slack does not send the content of ephemeral messages back.
    return body if post.ephemeral else body | {"message": post.wire()}


def home_opened(user: User, ts: str, view: View | None) -> Json:
    """The event `app_home_opened` in its envelope of the Events API."""
    event: Json = {
        "type": "app_home_opened",
        "user": user.id,
        "channel": "D" + user.id[1:],
        "tab": "home",
        "event_ts": ts,
    }
    if view is not None:
        event["view"] = view.wire()
    return {
        "token": "lab",
        "team_id": TEAM_ID,
        "api_app_id": APP_ID,
        "event": event,
        "type": "event_callback",
        "event_id": "Ev" + ts.replace(".", ""),
        "event_time": int(float(ts)),
        "authorizations": [{"enterprise_id": None, "team_id": TEAM_ID, "user_id": BOT_USER, "is_bot": True}],
        "is_ext_shared_channel": False,
    }


def _channel_name(channel: Channel) -> str:
    return "directmessage" if channel.is_im else channel.name
