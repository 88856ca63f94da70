"""Configuration files for a simulated pool and a local workspace, as an operator would write them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from bot.lab.pool import LabPool
from bot.lab.slack import LabSlack


def configure(
    directory: Path,
    *,
    urls: list[str],
    fingerprints: Mapping[str, str],
    username: str = "xsbot",
    base_url: str = "",
    required: int = 2,
) -> Path:
    """Write `xsbot.toml`; where it is."""
    path = directory / "xsbot.toml"
    pinned = ", ".join(f"{json.dumps(uuid)} = {json.dumps(value)}" for uuid, value in fingerprints.items())
    path.write_text(
        f"""
database_url = "sqlite:///{directory / "xsbot.sqlite"}"
installation = "tests"

[slack]
audit_channel = "C0AUDIT"
base_url = "{base_url}"

[roles]
requester = ["S0REQUESTERS"]
approver = ["S0APPROVERS"]
admin = ["S0ADMINS"]

[approval]
required = {required}

[pools.lab]
urls = {json.dumps(urls)}
username = "{username}"
fingerprints = {{ {pinned} }}
channel = "C0UPDATES"
mode = "act"
""",
        encoding="utf-8",
    )
    return path


def configured(directory: Path, pool: LabPool, slack: LabSlack | None = None, username: str = "xsbot") -> Path:
    """A configuration for a pool and a workspace that run in this process."""
    return configure(
        directory,
        urls=[host.url for host in pool.hosts],
        fingerprints={host.uuid: host.fingerprint for host in pool.hosts},
        username=username,
        base_url=slack.api_url if slack is not None else "",
    )


def secrets(password: str, slack: LabSlack | None = None) -> dict[str, str]:
    """The environment that goes with it."""
    tokens = {"SLACK_BOT_TOKEN": slack.bot_token, "SLACK_APP_TOKEN": slack.app_token} if slack is not None else {}
    return {"XSBOT_POOL_LAB_PASSWORD": password, **tokens}
